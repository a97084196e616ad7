package policy_test

import (
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// TestRegisteredSwitchCallsBack: what a switch calls by our Contact there goes to the PBX and never
// back to that switch, from whatever port and connection it comes.
func TestRegisteredSwitchCallsBack(t *testing.T) {
	carrier := tenant.Switch{ID: 7, Name: "carrier", Direction: tenant.Ingress, Host: "10.0.0.7", Protocol: "tcp", Username: "u", Register: true}
	s := table(t, with(account(1, "a.example", tenant.Destination{ID: 170, Name: "carrier", Group: 1, Priority: 1, Switch: 7},
		dest("pbx 10.0.0.1:5060/udp 1 10")), carrier)).Snapshot()
	for source, want := range map[string]string{"10.0.0.7:5060": "pbx", "10.0.0.7:49152": "pbx", "10.0.0.8:5060": "foreign_token"} {
		r := ask{uri: "sip:token@192.0.2.1", source: source}.request(t)
		r.Transport, r.Registered = "tcp", policy.Registered{Customer: 1, Switch: 7}
		var id policy.Identity
		var c policy.Candidates
		if v := s.Identify(r, &id); v.Refused() {
			if v.Reason.String() != want {
				t.Errorf("from %s: %v, want %s", source, v.Reason, want)
			}
			continue
		}
		s.Route(r, &id, &c)
		var names []string
		for _, d := range c.All() {
			names = append(names, d.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("from %s: to %q, want %s", source, got, want)
		}
	}
}
