package gate_test

import (
	"strings"
	"testing"
	"time"
)

// TestRefusalThenSilence: the last destination decides what the sender is told
// (mission row C10), not a refusal that came before its silence.
func TestRefusalThenSilence(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		head, _, _ := strings.Cut(strings.ReplaceAll(invite, "INVITE", "MESSAGE"), "Content-Type")
		r.in(aliceAddr, head)
		m := r.want(pbxAddr, "MESSAGE ")
		r.in(pbxAddr, answer(m, "503 Service Unavailable", ""))
		r.want(pbx2Addr, "MESSAGE ")
		r.wait(6 * time.Second)
		r.want(aliceAddr, "SIP/2.0 404 ")
	})
}
