// Package media plays bridged media: sockets of its own on both sides, and what arrives there
// byte by byte. What Tollgate counts is asked for only where that is the question.
//
// How descriptions are edited in detail is package sdp's test, which codecs are taken out that
// of test/codecs.
package media

import (
	"fmt"
	"os"
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

// node starts one whose ports for media are no other test's, with more lines of node.yaml.
func node(t *testing.T, settings harness.Settings) *harness.Node {
	t.Helper()
	return ranged(t, settings, 400)
}

// ranged is node with so many ports.
func ranged(t *testing.T, settings harness.Settings, ports int) *harness.Node {
	t.Helper()
	first := harness.Ports(t, ports+1)
	first += first % 2
	settings.Config += fmt.Sprintf("media: {ports: %d-%d, kernel: \"off\"}\n", first, first+ports-1)
	return harness.Start(t, settings)
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
