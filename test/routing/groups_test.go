package routing

import (
	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func groups() []stage.Scenario {
	own := func(name string, play func(*stage.Stage)) stage.Scenario {
		return stage.Scenario{Name: name, Matrix: stage.One(), Play: play, OwnOnly: true}
	}
	list := []stage.Scenario{
		own("a phone model moves to the new PBX", migration),
		own("lowest priority first and first match wins", firstMatch),
		own("groups switched off", groupsOff),
		own("an empty group", emptyGroup),
		own("emergency numbers have their own group", emergency),
		own("numbers that the PBX calls", pbxCalls),
		own("tls+srtp waits for media", mediaDestination),
		own("localhost is a name", destinationByName),
	}
	for header, opts := range map[string][]peer.Option{
		"user-agent": {peer.With("User-Agent", "match me")},
		"to":         {peer.With("To", "\"Match me\" <sip:bob@x.test>")},
		"from":       {},
	} {
		if len(opts) > 0 {
			list = append(list, own("rule on "+header, func(s *stage.Stage) { ruleOn(s, header, opts) }))
		}
	}
	return append(list, own("rule on from", ruleOnFrom), own("rule on source-ip", ruleOnSource), own("rule on request-uri", ruleOnURI))
}

// twoGroups leads group 1 to the callee and group 2 to the endpoint that it returns, by these rules.
func twoGroups(s *stage.Stage, rules ...harness.Rule) *peer.UA {
	s.Helper()
	second := s.Peer(udp4)
	s.Customer.Groups = []int{2}
	s.Customer.Destinations = []harness.Destination{{Addr: s.Callee.Addr()}, {Addr: second.Addr(), Group: 2}}
	s.Customer.Rules = rules
	s.Apply()
	return second
}

func migration(s *stage.Stage) {
	moved := twoGroups(s, harness.Rule{Header: "user-agent", Value: "^Cisco", Group: 2})
	answered(s, s.Caller.Invite(s.URI(), peer.With("User-Agent", "Cisco/SPA504G-7.6.2")), moved)
	answered(s, s.Caller.Invite(s.URI(), peer.With("User-Agent", "Yealink like Cisco")), s.Callee)
	answered(s, s.Caller.Invite(s.URI(), peer.Without("User-Agent")), s.Callee)
}

func ruleOn(s *stage.Stage, header string, opts []peer.Option) {
	second := twoGroups(s, harness.Rule{Header: header, Value: "MATCH ME", Match: "word", Group: 2})
	answered(s, s.Caller.Invite(s.URI()), s.Callee)
	a := s.Caller.Start("MESSAGE", s.URI(), opts...)
	second.Accept("MESSAGE").Answer(200)
	a.Expect(200)
}

func ruleOnFrom(s *stage.Stage) {
	second := twoGroups(s, harness.Rule{Header: "from", Value: `(?i)^"?anna`, Group: 2})
	from := func(display string) peer.Option {
		return func(m *peer.Message) { m.Set("From", display+" "+m.Get("From")) }
	}
	answered(s, s.Caller.Invite(s.URI(), from(`"Anna"`)), second)
	answered(s, s.Caller.Invite(s.URI(), from(`"Joanna"`)), s.Callee)
}

func ruleOnSource(s *stage.Stage) {
	other := s.Peer(udp4)
	second := twoGroups(s, harness.Rule{Header: "source-ip", Value: other.IP() + "/32", Match: "cidr", Group: 2})
	answered(s, s.Caller.Invite(s.URI()), s.Callee)
	answered(s, other.Invite(s.URI()), second)
	s.Loose = s.Hidden // the other caller's ladder is its own
}

func ruleOnURI(s *stage.Stage) {
	second := twoGroups(s, harness.Rule{Header: "request-uri", Value: `^sip:0039[0-9]+@`, Group: 2})
	answered(s, s.Caller.Invite("sip:0039040123@"+s.Domain), second)
	answered(s, s.Caller.Invite("sip:040123@"+s.Domain), s.Callee)
}

func firstMatch(s *stage.Stage) {
	second := twoGroups(s,
		harness.Rule{Header: "request-uri", Value: "nobody", Group: 2},
		harness.Rule{Header: "request-uri", Value: "bob", Group: 1},
		harness.Rule{Header: "request-uri", Value: ".*", Group: 2})
	answered(s, s.Caller.Invite(s.URI()), s.Callee)
	answered(s, s.Caller.Invite("sip:carol@"+s.Domain), second)
}

// groupsOff: what exists is kept and ignored.
func groupsOff(s *stage.Stage) {
	twoGroups(s, harness.Rule{Header: "request-uri", Value: ".*", Group: 2})
	s.Customer.Groups, s.Customer.Rules = nil, nil
	s.Customer.Extra = "destination_groups_enabled: false\n"
	s.Apply()
	answered(s, s.Caller.Invite(s.URI()), s.Callee)
}

func emptyGroup(s *stage.Stage) {
	s.Customer.Groups = []int{2}
	s.Customer.Rules = []harness.Rule{{Header: "request-uri", Value: "bob", Group: 2}}
	s.Apply()
	s.Caller.Invite(s.URI()).Expect(404)
	s.Callee.Quiet(silence)
	answered(s, s.Caller.Invite("sip:carol@"+s.Domain), s.Callee)
}

func emergency(s *stage.Stage) {
	s.Customer.Extra = "emergency: {numbers: [\"112\", \"118\"], group: 2}\n"
	second := twoGroups(s, harness.Rule{Header: "request-uri", Value: ".*", Group: 1})
	answered(s, s.Caller.Invite("sip:112@"+s.Domain), second)
	answered(s, s.Caller.Invite("sip:118@"+s.Domain), second)
	answered(s, s.Caller.Invite("sip:1120@"+s.Domain), s.Callee)
}

// pbxCalls: the PBX reaches what rules lead to, not itself, and no strangers.
func pbxCalls(s *stage.Stage) {
	s.Dialled = true
	carrier := twoGroups(s, harness.Rule{Header: "request-uri", Value: "^sip:0", Group: 2})
	pbx, outside := s.Callee, s.Caller
	out := pbx.Invite("sip:040123@" + s.Domain)
	b := carrier.Accept("INVITE")
	b.Answer(486)
	b.Expect("ACK")
	out.Expect(486)
	pbx.Invite("sip:999@" + s.Domain).Expect(404)  // group 1 is the PBX itself
	pbx.Invite(outside.URI("anybody")).Expect(403) // outbound: customer
	outside.Quiet(silence)
	s.Customer.Outbound = "any"
	s.Apply()
	answered(s, pbx.Invite(outside.URI("anybody")), outside)
}

// mediaDestination: until media exists, an encrypted destination is no candidate; alone it is 488.
func mediaDestination(s *stage.Stage) {
	encrypted := harness.Destination{Name: "srtp", Addr: harness.Refusing(s.T), Proto: "tls+srtp", Priority: 1}
	s.Customer.Destinations = []harness.Destination{encrypted, {Addr: s.Callee.Addr()}}
	s.Apply()
	answered(s, s.Caller.Invite(s.URI()), s.Callee)
	s.Customer.Destinations = []harness.Destination{encrypted}
	s.Apply()
	s.Caller.Invite(s.URI()).Expect(488)
}

// destinationByName: a host name's addresses are looked up, and all of them are tried.
func destinationByName(s *stage.Stage) {
	pbx := peer.New(s.T, "udp", "127.0.0.1")
	s.Customer.Initial = "1s"
	s.Customer.Destinations = []harness.Destination{{Addr: pbx.Addr(), Host: "localhost"}}
	s.Apply()
	pbx.Edge = s.Node.Addr("udp", pbx.Addr().Addr())
	answered(s, s.Caller.Invite(s.URI()), pbx)
}
