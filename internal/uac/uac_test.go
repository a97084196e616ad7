package uac

import (
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

func carrier(realm string) *policy.Switch {
	return &policy.Switch{
		Switch:   tenant.Switch{ID: 7, Host: "carrier.test", Username: "Mufasa", Realm: realm},
		Password: "Circle of Life",
	}
}

// asked parses a 401, or a 407 where proxy is set, with these challenges.
func asked(t testing.TB, proxy bool, challenges ...string) *sip.Message {
	t.Helper()
	start, header := "SIP/2.0 401 Unauthorized", "WWW-Authenticate: "
	if proxy {
		start, header = "SIP/2.0 407 Proxy Authentication Required", "Proxy-Authenticate: "
	}
	text := start + "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
	for _, c := range challenges {
		text += header + c + "\r\n"
	}
	m := new(sip.Message)
	if err := m.Parse([]byte(text + "Content-Length: 0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	return m
}

// The examples of RFC 7616 3.9.1, and of RFC 2617 3.5.
func TestResponses(t *testing.T) {
	const nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
	for _, c := range []struct {
		challenge          challenge
		nc, cnonce, expect string
	}{
		{challenge{realm: "http-auth@example.org", nonce: nonce, algorithm: md5Sum, qop: true}, "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "8ca523f5e9506fed4657c9700eebdbec"},
		{challenge{realm: "http-auth@example.org", nonce: nonce, algorithm: sha256Sum, qop: true}, "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	} {
		if got := c.challenge.response("Mufasa", "Circle of Life", "GET", "/dir/index.html", c.nc, c.cnonce); got != c.expect {
			t.Errorf("%s: %s, want %s", names[c.challenge.algorithm], got, c.expect)
		}
	}
	old := challenge{realm: "testrealm@host.com", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", algorithm: md5Sum}
	if got := old.response("Mufasa", "Circle Of Life", "GET", "/dir/index.html", "", ""); got != "670fd8c2df070c60b045671b8b24ff02" {
		t.Errorf("RFC 2069: %s", got)
	}
}

func TestWhatIsAnswered(t *testing.T) {
	const fine = `Digest realm="acme", nonce="n1", qop="auth"`
	for name, c := range map[string]struct {
		realm string
		asked []string
		want  string // in the answer; "" = none
	}{
		"plain":              {"acme", []string{fine}, `nonce="n1"`},
		"any case":           {"acme", []string{`dIGEST REALM="acme",nonce="n1",QOP="auth-int, AUTH",algorithm=sha-256`}, `algorithm=SHA-256, qop=auth, nc=00000001`},
		"RFC 2069":           {"acme", []string{`Digest realm="acme", nonce="n1", opaque=""`}, `opaque=""`},
		"the strongest":      {"acme", []string{fine + ",algorithm=MD5", fine + ",algorithm=SHA-512-256", fine + ",algorithm=SHA-256"}, "algorithm=SHA-512-256"},
		"beside an unknown":  {"acme", []string{fine + ",algorithm=SHA3", `Bearer x`, fine}, `nonce="n1"`},
		"beside a foreign":   {"acme", []string{`Digest realm="evil", nonce="x", algorithm=SHA-256`, fine}, `realm="acme"`},
		"its host":           {"", []string{`Digest realm="Carrier.test", nonce="x"`}, `realm="Carrier.test"`},
		"the first one":      {"", []string{fine}, `realm="acme"`},
		"a comma in a text":  {"a, nonce=", []string{`Digest realm="a, nonce=", nonce="n1"`}, `nonce="n1"`},
		"foreign realm":      {"acme", []string{`Digest realm="evil", nonce="x"`}, ""},
		"auth-int alone":     {"acme", []string{`Digest realm="acme", nonce="x", qop="auth-int"`}, ""},
		"no realm":           {"acme", []string{`Digest nonce="x"`}, ""},
		"no nonce":           {"acme", []string{`Digest realm="acme"`}, ""},
		"an open string":     {"acme", []string{`Digest nonce="x", realm="acme`}, ""},
		"a header in it":     {"acme", []string{"Digest realm=\"acme\", nonce=\"x\r\n Evil: y\""}, ""},
		"too long":           {"acme", []string{`Digest realm="acme", nonce="` + strings.Repeat("n", 2000) + `"`}, ""},
		"session algorithms": {"acme", []string{fine + ",algorithm=MD5-sess"}, ""},
		"nothing":            {"acme", nil, ""},
	} {
		for _, proxy := range []bool{false, true} {
			sw, ans := carrier(c.realm), new(Answers)
			ok := NewAgent().Take(ans, sw, asked(t, proxy, c.asked...))
			got := string(ans.Append(nil, sw, sip.INVITE, []byte("sip:1@carrier.test")))
			if ok != (c.want != "") || !strings.Contains(got, c.want) || ok != (got != "") {
				t.Errorf("%s: %v %q, want %q", name, ok, got, c.want)
			}
			if ok && strings.HasPrefix(got, "Proxy-Authorization: Digest ") != proxy {
				t.Errorf("%s: header of %q", name, got)
			}
		}
	}
}

// A realm that is not configured is the first one that was asked for, as long as the switch
// stays where it is.
func TestRealmIsRemembered(t *testing.T) {
	a, sw := NewAgent(), carrier("")
	take := func(realm string) bool {
		return a.Take(new(Answers), sw, asked(t, false, `Digest realm="`+realm+`", nonce="x"`))
	}
	if !take("first") || take("second") || !take("first") || !take("carrier.test") {
		t.Error("not the first realm")
	}
	sw.Host = "elsewhere.test"
	if !take("second") {
		t.Error("the realm of another host stays")
	}
}

// Nonces may change once; the same one again means that the password is wrong.
func TestTriesEnd(t *testing.T) {
	a, sw, ans := NewAgent(), carrier("acme"), new(Answers)
	challenge := func(proxy bool, nonce string) bool {
		return a.Take(ans, sw, asked(t, proxy, `Digest realm="acme", qop="auth", nonce="`+nonce+`"`))
	}
	if !challenge(false, "1") || challenge(false, "1") || !challenge(true, "1") || !challenge(false, "2") || challenge(false, "3") {
		t.Error("tries")
	}
	ans.Append(nil, sw, sip.INVITE, []byte("sip:x"))
	if got := string(ans.Append(nil, sw, sip.INVITE, []byte("sip:x"))); strings.Count(got, "nc=00000002") != 2 || strings.Count(got, "\r\n") != 2 {
		t.Errorf("both answers, used twice: %q", got)
	}
}

func TestWithoutPassword(t *testing.T) {
	sw := carrier("acme")
	sw.Password = ""
	if NewAgent().Take(new(Answers), sw, asked(t, false, `Digest realm="acme", nonce="x"`)) {
		t.Error("answered with no password")
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add([]byte(`Digest realm="a", nonce="b", opaque="c", qop="auth", algorithm=SHA-256`))
	f.Add([]byte(`Digest realm="a\"", nonce=b,,=,"`))
	f.Fuzz(func(t *testing.T, value []byte) {
		c, ok := parseChallenge(value)
		if !ok {
			return
		}
		g := given{challenge: c}
		line := string(g.append(nil, carrier("x"), "INVITE", "sip:a@b", "c"))
		if strings.ContainsAny(strings.TrimSuffix(line, "\r\n"), "\r\n\x00") {
			t.Errorf("%q makes %q", value, line)
		}
	})
}
