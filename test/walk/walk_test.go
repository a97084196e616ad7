// Package walk goes a newcomer's way with nothing but the README: on a clean machine (a
// network namespace with a private address), in an empty folder, it types the README's
// lines, answers what init asks, types into two phones what init and docs/phones.md say,
// and has one call the other through a Kamailio as PBX. So no line of these documents, and
// no word of init, rots.
//
// What the commands do beside that way is package cli's job.
package walk

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tollgate/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

const password = "Correct-Horse-1"

// TestWalk: init, doctor, serve, apply, register, call; then the node is killed, and the call goes on.
func TestWalk(t *testing.T) {
	if harness.Control() {
		return
	}
	t.Parallel()
	for _, c := range []struct {
		name, domain string
		onMachine    bool // the PBX has the same address as Tollgate
		pbxPort      int
		answers      map[string][]string
		transports   [2]string // of the phones; after a restart the first can be reached at once only over UDP
	}{
		{
			"PBX in the network", "pbx.example.com", false, 5060,
			map[string][]string{"Public address": {"none"}, "SIP domain": {"pbx.example.com"}, "PBX, as host": {pbxAddr}},
			[2]string{"udp", "tls"},
		},
		{ // and who only types Enter at first, or has left the PBX on Tollgate's port, is told better
			"PBX on the machine, no domain", machineAddr, true, 5080,
			map[string][]string{"Public address": {"", "none"}, "PBX, as host": {machineAddr, machineAddr + ":5080"}},
			[2]string{"udp", "tls"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newNewcomer(t, c.answers)
			pbx := &harness.PBX{IP: pbxAddr, Port: c.pbxPort, Domain: c.domain, Password: password, Netns: n.network}
			if c.onMachine {
				pbx.IP, pbx.Netns = machineAddr, n.machine
			}
			pbx.Start(t)
			n.walk(c.transports)
		})
	}
}

// walk goes the README's whole way.
func (n *newcomer) walk(transports [2]string) {
	n.Helper()
	code := readme(n.T)
	if len(code) != 3 {
		n.Fatalf("the README has %d code blocks for phone and PBX, expected set-up, apply and watching: %q", len(code), code)
	}
	n.types(code[0])
	n.types(code[1])
	n.refused()
	phones := n.register(transports)
	phones[0].Do(n.T, "dial", "1002")
	phones[1].Until(n.T, "Incoming call")
	phones[1].Do(n.T, "accept", "")
	for _, p := range phones {
		p.Until(n.T, "Call established")
	}
	n.types(code[2])
	if !slices.Equal(n.typed, steps()) {
		n.Errorf("the README has the commands %q, expected %q", n.typed, steps())
	}
	n.killed()
	phones[1].Do(n.T, "hangup", "")
	phones[0].Until(n.T, "session closed")
	harness.Eventually(n.T, harness.Ready, func() error {
		if rows := n.list("calls"); len(rows) > 0 {
			return fmt.Errorf("calls that are over: %v", rows)
		}
		return nil
	})
}

// readme gives the code blocks for a phone and a PBX of one's own.
func readme(t *testing.T) [][]string {
	t.Helper()
	return blocks(between(t, document(t, "README.md"), "With your own phone and PBX", "\n## "))
}

// refused: who types init once more loses nothing.
func (n *newcomer) refused() {
	n.Helper()
	screen, code := atTerminal(n.T, n.command([]string{"bin/tollgate", "init"}), func(question string) string {
		n.Fatalf("init asks %q although the files are there", question)
		return ""
	})
	if code != 1 || !strings.Contains(screen, "node.yaml is there already") || strings.Count(screen, "\n") != 1 {
		n.Errorf("a second init should say in one line what is there already, and ends with %d:\n%s", code, screen)
	}
}

// register has two softphones register with what init said.
func (n *newcomer) register(transports [2]string) (phones [2]*harness.Baresip) {
	n.Helper()
	for i, user := range []string{"1001", "1002"} {
		phones[i] = &harness.Baresip{
			IP: phoneAddrs()[i], Port: 5060, Netns: n.network,
			Account: n.told.account(n.T, user, password, transports[i]),
		}
		phones[i].Start(n.T)
		phones[i].Until(n.T, "200 OK")
	}
	return phones
}

// killed ends the node as a crash would, and starts it again.
func (n *newcomer) killed() {
	n.Helper()
	before := ids(n.list("calls"))
	n.node.stop(syscall.SIGKILL)
	n.serve([]string{"bin/tollgate", "serve"})
	if after := ids(n.list("calls")); len(after) == 0 || !slices.Equal(before, after) {
		n.Errorf("the calls were %q, and are %q after a restart", before, after)
	}
}

// ids are those of calls, sorted.
func ids(rows []map[string]any) (list []string) {
	for _, row := range rows {
		list = append(list, fmt.Sprint(row["id"]))
	}
	slices.Sort(list)
	return list
}
