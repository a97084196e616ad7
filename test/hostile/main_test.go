// Package hostile sends a node what nobody should: random and mutated datagrams, streams
// cut at every byte, garbage where a handshake is due. The node must not fall, must not
// grow, must not let hostile bytes into its log, and must place the next real call.
//
// TOLLGATE_SOAK=1 sends 1,000,000 datagrams; otherwise a seeded sample.
package hostile

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestMain(m *testing.M) { harness.Main(m) }

// realCalls shows that the node still serves: a call over each transport, plain and hidden.
func realCalls(t *testing.T, node *harness.Node) {
	t.Helper()
	for _, v := range stage.Matrix("udp4-udp4", "tcp4-udp4", "tls4-tcp4") {
		s := stage.New(t, node, v, nil)
		a, b := s.Talk()
		s.End(a, b)
	}
}

// footprint is what a process holds.
type footprint struct {
	resident int // KiB
	files    int
}

func measure(t *testing.T, pid int) footprint {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatalf("the node is gone: %v", err)
	}
	var f footprint
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			f.resident, _ = strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	f.files = len(files)
	return f
}

// flat fails if the node keeps much more than before.
func flat(t *testing.T, node *harness.Node, before footprint) {
	t.Helper()
	const slack = 96 << 10 // KiB: transactions live for 32 s after their end
	if after := measure(t, node.PID()); after.resident > before.resident*3/2+slack {
		t.Errorf("the node grew from %d to %d KiB", before.resident, after.resident)
	}
	harness.Eventually(t, 30*time.Second, func() error {
		if after := measure(t, node.PID()); after.files > before.files+16 {
			return fmt.Errorf("%d files open, %d before", after.files, before.files)
		}
		return nil
	})
}

// cleanLog fails if a control character reached the node's log.
func cleanLog(t *testing.T, node *harness.Node) {
	t.Helper()
	data, err := os.ReadFile(node.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range data {
		if c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
			t.Fatalf("byte %#02x in the node's log: %q", c, data[max(0, i-200):min(len(data), i+100)])
		}
	}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, hostileLine) {
			t.Fatalf("hostile bytes made a line of the log: %q", line)
		}
	}
}

// hostileLine stands after a line break in mutated messages; no log line may begin with it.
const hostileLine = "level=ERROR msg=forged"

// pinger asks the node something that it answers by itself, over UDP: a sign of life, and
// what keeps a flood from overrunning the node's socket.
type pinger struct {
	ua  *peer.UA
	uri string
}

func (p pinger) ping(t *testing.T, what string) {
	t.Helper()
	c := p.ua.Start("MESSAGE", p.uri, peer.With("Max-Forwards", "0"))
	if m := c.AwaitWithin(peer.Patience, 483); m == nil {
		t.Fatalf("the node does not answer any more, %s", what)
	}
}
