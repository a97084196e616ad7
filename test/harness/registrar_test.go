package harness

import (
	"testing"

	"tollgate/test/peer"
)

// TestPBX shows, without an edge, that the Kamailio PBX challenges, registers and forks,
// and that baresip registers with it, answers and transfers: what fails in a scenario is
// then not theirs.
func TestPBX(t *testing.T) {
	t.Parallel()
	pbx := &PBX{IP: IP(t), Domain: "pbx.test", Password: "secret"}
	pbx.Start(t)
	phone := peer.New(t, "udp", IP(t))
	phone.Edge = pbx.Addr()
	alice := peer.Credentials{User: "alice", Password: "secret"}

	reg := phone.Registers("alice", "pbx.test")
	reg.Ask(600)
	challenge := reg.Expect("401 REGISTER")
	reg.Ask(600, peer.Credentials{User: "alice", Password: "wrong"}.Answer(challenge))
	challenge = reg.Expect("401 REGISTER")
	reg.Ask(600, alice.Answer(challenge))
	if granted := peer.Granted(reg.Expect("200 REGISTER"), reg.Contact); granted != 600 {
		t.Errorf("granted %d", granted)
	}

	bob := &Baresip{
		IP: IP(t), Port: Ports(t, 2), Account: Registered("bob", "pbx.test", "secret", pbx.Addr(), "udp", 600),
	}
	bob.Start(t)
	bob.Until(t, "200 OK")
	out := phone.Invite("sip:bob@pbx.test", peer.With("From", "<sip:alice@elsewhere.test>;tag=t1"))
	out.LocalTag = "t1"
	if out.ExpectOneOf(180, 183, 200).Status != 200 { // a provisional response may be overtaken
		out.Await("200 INVITE")
	}
	out.Ack()
	bob.Until(t, "Call established")
	bob.Do(t, "transfer", "sip:carol@pbx.test")
	refer := out.Expect("REFER")
	if to := refer.Get("Refer-To"); peer.URIOf(to) != "sip:carol@pbx.test" {
		t.Errorf("Refer-To is %q", to)
	}
	out.Reply(refer, 202)
	out.Request("BYE")
	out.Await("200 BYE")
}
