package peer

import "testing"

// TestDigestExamples are those of RFC 7616 3.9.1.
func TestDigestExamples(t *testing.T) {
	for algorithm, want := range map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		got := Credentials{"Mufasa", "Circle of Life"}.response(algorithm, "http-auth@example.org",
			"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "GET", "/dir/index.html")
		if got != want {
			t.Errorf("%s gives %s, expected %s", algorithm, got, want)
		}
	}
}

func TestRegistrationBetweenPeers(t *testing.T) {
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		phone, pbx := direct(t, "udp")
		right := Credentials{"alice", "secret"}
		reg := phone.Registers("alice", "example.test")
		reg.Ask(600)
		at := pbx.Accept("REGISTER")
		at.Answer(401, Challenge("example.test", algorithm))
		challenge := reg.Expect("401 REGISTER")
		reg.Ask(600, Credentials{"alice", "wrong"}.Answer(challenge))
		if right.Proves(at.Expect("REGISTER")) {
			t.Errorf("%s: a wrong password proves", algorithm)
		}
		sent := reg.Ask(600, right.Answer(challenge))
		got := at.Expect("REGISTER")
		if !right.Proves(got) {
			t.Errorf("%s: the right password does not prove: %s", algorithm, sent.Get("Authorization"))
		}
		at.Reply(got, 200, With("Contact", "<"+reg.Contact+">;expires=300"))
		if answer := reg.Expect("200 REGISTER"); Granted(answer, reg.Contact) != 300 || Granted(answer, "sip:x@y") != -1 {
			t.Errorf("granted is read as %d", Granted(answer, reg.Contact))
		}
	}
}
