// Package media plays bridged media: sockets of its own on both sides, and what arrives there
// byte by byte. What Tollgate counts is asked for only where that is the question.
//
// A new scene is a function of a *stage.Stage, named in a list of its file that play or paths is
// given. connect has both parties talk (encrypted, where one has a suite); a side is its signalling
// (call) and its phone (sockets); says, talk, reports, unheard send and expect the very bytes;
// reoffer and reinvites change the stream; end hangs up and wants silence. Between namespaces: home
// is a phone behind a NAT, or two of them, world a node in two networks. users are lines of SIP users.
//
// How descriptions are edited in detail is package sdp's test, which codecs are taken out that
// of test/codecs.
package media

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy bridges nothing
	}
	harness.Main(m)
}

// paths runs a suite twice: with a node that forwards all media itself, and with one that has
// the kernel do it once a stream is settled. What arrives must be the same.
func paths(t *testing.T, suite func(t *testing.T, n *harness.Node)) {
	t.Helper()
	for _, kernel := range []string{"off", "auto"} {
		t.Run("kernel "+kernel, func(t *testing.T) { suite(t, node(t, harness.Settings{}, kernel, 400)) })
	}
}

// node starts one with so many ports for media, which are no other test's; kernel is as
// node.yaml's media.kernel.
func node(t *testing.T, settings harness.Settings, kernel string, ports int) *harness.Node {
	t.Helper()
	first := harness.Ports(t, ports+1)
	first += first % 2
	settings.Config += fmt.Sprintf("media: {ports: %d-%d, kernel: %q}\n", first, first+ports-1, kernel)
	return harness.Start(t, settings)
}

// kernelOn says that a node was started so that the kernel may forward.
func kernelOn(s *stage.Stage) bool {
	s.Helper()
	text, err := os.ReadFile(s.Node.Config)
	if err != nil {
		s.Fatal(err)
	}
	return strings.Contains(string(text), `kernel: "auto"`)
}

func bridged(c *harness.Customer) { c.Extra += "rtp_bridging: true\n" }

// play makes scenarios of a list of conversations, in some variants each.
func play(t *testing.T, node *harness.Node, matrix []stage.Variant, list map[string]func(*stage.Stage)) {
	t.Helper()
	var scenarios []stage.Scenario
	for name, scene := range list {
		scenarios = append(scenarios, stage.Scenario{Name: name, Matrix: matrix, Customer: bridged, Play: scene})
	}
	stage.Play(t, node, scenarios)
}
