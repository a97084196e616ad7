package walk

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"tollgate/test/harness"
)

// TestPortTaken: what a newcomer is told who has left the PBX, or the demo, on Tollgate's port.
func TestPortTaken(t *testing.T) {
	if harness.Control() {
		return
	}
	t.Parallel()
	t.Run("by the PBX", func(t *testing.T) {
		t.Parallel()
		pbx := machineAddr + ":5080" // as init will want it; but there it is not yet
		n := newNewcomer(t, map[string][]string{"Public address": {"none"}, "PBX, as host": {pbx}})
		(&harness.PBX{IP: machineAddr, Port: 5060, Domain: machineAddr, Password: password, Netns: n.machine}).Start(t)
		n.build()
		n.init([]string{"bin/tollgate", "init"})
		n.taken("udp port 5060 is in use by kamailio (process ", "tcp port 5060 is in use by kamailio (process ", pbx+"): nothing listens there")
	})
	t.Run("by the demo", func(t *testing.T) {
		t.Parallel()
		n := newNewcomer(t, map[string][]string{"Public address": {"none"}, "PBX, as host": {pbxAddr}})
		n.build()
		demo := n.start([]string{"bin/tollgate", "demo"})
		n.until(demo, "demo", "", "SIP ")
		n.init([]string{"bin/tollgate", "init"})
		pid := demo.cmd.Process.Pid
		n.taken(fmt.Sprintf("tcp port 8080 is in use by tollgate (process %d)", pid), fmt.Sprintf("kill %d", pid))
		demo.stop(syscall.SIGTERM)
		n.doctor([]string{"bin/tollgate", "doctor"})
	})
}

// taken holds doctor to what it must say, and serve to one sentence.
func (n *newcomer) taken(words ...string) {
	n.Helper()
	r := n.run([]string{"bin/tollgate", "doctor"})
	if r.Code != 1 {
		n.Errorf("doctor should see a problem\n%s", r)
	}
	says(n.T, r, words...)
	r = n.run([]string{"bin/tollgate", "serve"})
	if last := lastLine(r.Stderr); r.Code != 1 || !inUse.MatchString(last) {
		n.Errorf("serve should end with a sentence about the port\n%s", r)
	}
}

var inUse = regexp.MustCompile(`:(5060|8080).* in use`)

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
