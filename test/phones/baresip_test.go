package phones

import (
	"fmt"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

// TestBaresip has softphones register at a Kamailio through a node, call each other and be
// transferred, over each transport.
func TestBaresip(t *testing.T) {
	if harness.Control() {
		return
	}
	t.Parallel()
	node := harness.Start(t)
	stage.Play(t, node, []stage.Scenario{
		{Name: "a blind transfer", Matrix: stage.Matrix("udp4-udp4", "tcp4-udp4", "tls4-udp4"), Play: baresipTransfers},
		{Name: "a wrong password", Matrix: stage.One(), Play: wrongPassword},
	})
}

// office is a Kamailio as the customer's PBX.
func office(s *stage.Stage) {
	s.Helper()
	pbx := &harness.PBX{IP: harness.IP(s.T), Domain: s.Domain, Password: secret}
	pbx.Start(s.T)
	s.Customer.Destinations = []harness.Destination{{Addr: pbx.Addr()}}
	s.Apply()
}

// softphone is a baresip that registers as user over the caller's transport.
func softphone(s *stage.Stage, user, password string) *harness.Baresip {
	s.Helper()
	proto := s.Variant.Caller.Proto
	b := &harness.Baresip{
		IP: harness.IP(s.T), Port: harness.Ports(s.T, 2),
		Account: harness.Registered(user, s.Domain, password, s.Caller.Edge, proto, 600),
	}
	b.Start(s.T)
	return b
}

// baresipTransfers: alice calls bob, sends him to carol, and is out of it.
func baresipTransfers(s *stage.Stage) {
	office(s)
	phones := map[string]*harness.Baresip{}
	for _, user := range []string{"alice", "bob", "carol"} {
		phones[user] = softphone(s, user, secret)
		phones[user].Until(s.T, "200 OK")
	}
	phones["alice"].Do(s.T, "dial", "sip:bob@"+s.Domain)
	phones["alice"].Until(s.T, "Call established")
	phones["bob"].Until(s.T, "Call established")
	phones["alice"].Do(s.T, "transfer", fmt.Sprintf("sip:carol@%s", s.Domain))
	phones["carol"].Until(s.T, "Call established")
	phones["bob"].Until(s.T, "Call established: sip:carol@"+s.Domain)
	phones["bob"].Until(s.T, "sip:alice@"+s.Domain+": session closed") // told of it, she hangs up
	phones["carol"].Do(s.T, "hangup", "")
	phones["bob"].Until(s.T, "sip:carol@"+s.Domain+": session closed")
}

func wrongPassword(s *stage.Stage) {
	office(s)
	softphone(s, "alice", "guess").Until(s.T, "401 Unauthorized")
	for _, row := range s.Node.JSON(s.T, "bindings") {
		if row["aor"] == "alice@"+s.Domain {
			s.Errorf("nobody proved to be alice, and there is %v", row)
		}
	}
}
