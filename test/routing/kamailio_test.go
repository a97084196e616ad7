package routing

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// pbxConfig is a Kamailio that serves several domains from one address: calls from the edge
// go to the phone of the domain called, all others go to the edge.
const pbxConfig = `#!KAMAILIO
debug=1
log_stderror=yes
children=2
disable_tcp=yes
auto_aliases=no
listen=udp:@ADDR@
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
request_route {
  if (!mf_process_maxfwd_header("70")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("481", "No");
    exit;
  }
  t_check_trans();
  record_route();
  if ($si == "@EDGEIP@" && $sp == @EDGEPORT@) {
@ROUTES@    sl_send_reply("404", "No such domain");
    exit;
  }
  $du = "sip:@EDGEIP@:@EDGEPORT@";
  t_relay();
}
`

// startPBX runs that Kamailio, with a phone for each domain.
func startPBX(s *stage.Stage, phones map[string]*peer.UA) harness.Destination {
	s.Helper()
	edge := s.Node.Addr("udp", s.Caller.Addr().Addr())
	addr := s.Peer(udp4).Addr() // its address, and a port that is free
	at := fmt.Sprintf("%s:%d", addr.Addr(), harness.Port(s.T))
	var routes strings.Builder
	for domain, phone := range phones {
		fmt.Fprintf(&routes, "    if ($rd == %q) { $du = \"sip:%s\"; t_relay(); exit; }\n", domain, phone.Addr())
	}
	config := strings.NewReplacer("@ADDR@", at, "@EDGEIP@", edge.Addr().String(), "@EDGEPORT@", fmt.Sprint(edge.Port()),
		"@ROUTES@", routes.String()).Replace(pbxConfig)
	_, port := peer.HostPort("sip:" + at)
	harness.Kamailio(s.T, config, port)
	for _, phone := range phones {
		phone.Edge = peer.AddrPort(at)
	}
	return harness.Destination{Name: "kamailio", Addr: peer.AddrPort(at)}
}

// oneKamailio: three customers share one PBX at one address, and each call is counted for the
// right one, in and out.
func oneKamailio(s *stage.Stage) {
	var domains []string
	phones := map[string]*peer.UA{}
	for i := range 3 {
		domain := fmt.Sprintf("k%d-%s", i, s.Domain)
		domains = append(domains, domain)
		phones[domain] = s.Peer(udp4)
	}
	kamailio := startPBX(s, phones)
	var list []harness.Customer
	for _, domain := range domains {
		list = append(list, harness.Customer{
			Name: "customer of " + domain, Domains: []string{domain}, Hidden: s.Hidden, Outbound: "any",
			Destinations: []harness.Destination{kamailio},
		})
	}
	s.Node.Apply(s.T, list...)
	for _, domain := range domains {
		phone := phones[domain]
		a := s.Caller.Invite("sip:bob@" + domain)
		talk(s, a, phone, "customer of "+domain)
		out := phone.Invite(s.Caller.URI("mobile"), from("12@"+domain))
		talk(s, out, s.Caller, "customer of "+domain)
	}
}

// talk has the callee answer, finds the call in the customer's list, and ends it from the callee.
func talk(s *stage.Stage, a *peer.Call, callee *peer.UA, customer string) {
	s.Helper()
	b := callee.Accept("INVITE")
	b.Answer(180)
	a.Expect(180)
	b.Answer(200, peer.SDP(callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	if !harness.Control() && !listed(s.T, s.Node, customer) {
		s.Errorf("`calls -o json` shows no call of %q", customer)
	}
	s.End(b, a)
}

// listed tells whether a live call of that customer is listed.
func listed(t *testing.T, node *harness.Node, customer string) bool {
	t.Helper()
	for _, call := range node.JSON(t, "calls") {
		for _, value := range call {
			if value == customer {
				return true
			}
		}
	}
	return false
}
