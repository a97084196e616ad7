package gate_test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"tollgate/internal/live"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

// TestReference: who is known as more than a caller by domain is told why, with the
// reference that the decision is found by; others get the bare code.
func TestReference(t *testing.T) {
	reason := regexp.MustCompile(`^Q\.850;cause=34;text="call limit, ref ([0-9A-HJKMNP-TV-Z]{5})"$`)
	for _, test := range []struct {
		name string
		from netip.AddrPort
		told bool
	}{
		{"a destination", pbx2Addr, true},
		{"a caller by domain", aliceAddr, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			run(t, false, func(r *rig) {
				r.change(func(a *tenant.Account) { a.Customer.CallLimit = 1 })
				r.in(carrierAddr, strings.NewReplacer("Call-ID: ", "Call-ID: first-", "z9hG4bKa1", "z9hG4bKfirst").Replace(invite))
				r.want(pbxAddr, "INVITE ")
				r.in(test.from, invite)
				refused := r.want(test.from, "SIP/2.0 480 ")
				m := reason.FindStringSubmatch(header(refused, "Reason"))
				if test.told != (m != nil) || !test.told && header(refused, "Reason") != "" {
					t.Fatalf("Reason: %q", header(refused, "Reason"))
				}
				if test.told && m[1] != trace.ID(r.decided.ID).Ref() {
					t.Errorf("the caller reads %s, the decision is %s", m[1], trace.ID(r.decided.ID).Ref())
				}
				id := r.decided.ID
				r.in(test.from, ackOf(invite))
				r.in(test.from, invite)
				if r.decided.ID != id {
					t.Error("a retransmission is another decision")
				}
				if l := r.decided.Limit; l.Scope.Kind != live.Customer || l.Calls != 1 {
					t.Errorf("the limit that decided: %+v", l)
				}
				if names := r.gate.StepNames()[:r.decided.Passed]; names[len(names)-1] != "screen" {
					t.Errorf("passed %v", names)
				}
				r.endAll(0)
			})
		})
	}
}
