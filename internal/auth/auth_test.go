package auth

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

var (
	here  = netip.MustParseAddr("198.51.100.7")
	there = netip.MustParseAddr("198.51.100.8")
)

func realm() *Realm {
	return &Realm{Scope: 7, Name: "acme.example", Algorithms: []string{SHA256, MD5}}
}

func ha1Of(user, realm, password string) *tenant.HA1 {
	text := []byte(user + ":" + realm + ":" + password)
	return &tenant.HA1{
		MD5: md5.Sum(text), SHA256: sha256.Sum256(text), SHA512256: sha512.Sum512_256(text),
		HasMD5: true, HasSHA256: true, HasSHA512256: true,
	}
}

// answer describes credentials; what it leaves out is right.
type answer struct {
	nonce, user, realm, password, algorithm, uri, method, qop, nc, cnonce string
	bare                                                                  bool // RFC 2069
}

func or(s, usual string) string {
	if s == "" {
		return usual
	}
	return s
}

const uri = "sip:100@acme.example"

func (a answer) header() string {
	sum := func(parts ...string) string {
		text := []byte(strings.Join(parts, ":"))
		switch a.algorithm {
		case "SHA-256":
			return fmt.Sprintf("%x", sha256.Sum256(text))
		case "SHA-512-256":
			return fmt.Sprintf("%x", sha512.Sum512_256(text))
		}
		return fmt.Sprintf("%x", md5.Sum(text))
	}
	user, name := or(a.user, "1001"), or(a.realm, "acme.example")
	a1, a2 := sum(user, name, or(a.password, "secret")), sum(or(a.method, "INVITE"), or(a.uri, uri))
	out := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s"`, user, name, a.nonce, or(a.uri, uri))
	if a.algorithm != "" {
		out += ", algorithm=" + a.algorithm
	}
	if a.bare {
		return out + fmt.Sprintf(`, response="%s"`, sum(a1, a.nonce, a2))
	}
	nc, cnonce, qop := or(a.nc, "00000001"), or(a.cnonce, "abc"), or(a.qop, "auth")
	return out + fmt.Sprintf(`, qop=%s, nc=%s, cnonce="%s", response="%s"`, qop, nc, cnonce, sum(a1, a.nonce, nc, cnonce, qop, a2))
}

func invite(t testing.TB, headers ...string) *sip.Message {
	t.Helper()
	m := new(sip.Message)
	text := "INVITE " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\r\nFrom: <sip:1001@acme.example>;tag=1\r\n" +
		"To: <" + uri + ">\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
	for _, h := range headers {
		text += "Proxy-Authorization: " + h + "\r\n"
	}
	if err := m.Parse([]byte(text + "Content-Length: 0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	return m
}

// rig asks and checks.
type rig struct {
	t    testing.TB
	a    *Authenticator
	r    *Realm
	now  time.Time
	from netip.Addr
}

func newRig(t testing.TB) *rig {
	now := time.Now()
	return &rig{t, New([2]uint64{1, 2}, now), realm(), now, here}
}

func (r *rig) nonce() string {
	_, rest, _ := strings.Cut(string(r.a.AppendChallenge(nil, r.r, r.from, r.now, true, false)), `nonce="`)
	nonce, _, _ := strings.Cut(rest, `"`)
	return nonce
}

func (r *rig) check(header string) Outcome {
	r.t.Helper()
	m := invite(r.t, header)
	var c Credentials
	if !c.Find(m, sip.HdrProxyAuthorization, r.r.Name) {
		return Missing
	}
	var ha1 *tenant.HA1
	if string(c.Username) == "1001" {
		ha1 = ha1Of("1001", "acme.example", "secret")
	}
	return r.a.Check(&c, r.r, ha1, m, r.from, r.now)
}

func (r *rig) want(want Outcome, header string) {
	r.t.Helper()
	if got := r.check(header); got != want {
		r.t.Errorf("outcome %d, not %d, of %s", got, want, header)
	}
}

func TestChallengeOffersInOrder(t *testing.T) {
	r := newRig(t)
	nonce := strings.Repeat("x", 32)
	text := string(r.a.AppendChallenge(nil, r.r, here, r.now, false, true))
	for _, line := range strings.SplitAfter(text, "\r\n") {
		if _, rest, ok := strings.Cut(line, `nonce="`); ok {
			text = strings.ReplaceAll(text, rest[:32], nonce)
		}
	}
	want := `WWW-Authenticate: Digest realm="acme.example", nonce="` + nonce + `", algorithm=SHA-256, stale=true, qop="auth"` + "\r\n" +
		`WWW-Authenticate: Digest realm="acme.example", nonce="` + nonce + `", algorithm=MD5, stale=true, qop="auth"` + "\r\n"
	if text != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
}

func TestRightAnswers(t *testing.T) {
	r := newRig(t)
	r.r.Algorithms = []string{SHA512256, SHA256, MD5}
	for _, algorithm := range []string{"", "MD5", "SHA-256", "SHA-512-256"} {
		r.want(OK, answer{nonce: r.nonce(), algorithm: algorithm}.header())
		r.want(OK, answer{nonce: r.nonce(), algorithm: algorithm, bare: true}.header())
	}
	r.want(OK, strings.ToUpper("digest")+answer{nonce: r.nonce()}.header()[6:])
}

// RFC 7616 3.9.1.
func TestVectors(t *testing.T) {
	c := Credentials{
		uri: []byte("/dir/index.html"), nonce: []byte("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"), counted: true,
		nc: []byte("00000001"), cnonce: []byte("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"), qop: []byte("auth"),
	}
	h := ha1Of("Mufasa", "http-auth@example.org", "Circle of Life")
	for _, x := range []struct {
		algorithm algorithm
		want      string
	}{
		{algMD5, "8ca523f5e9506fed4657c9700eebdbec"},
		{algSHA256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	} {
		c.algorithm = x.algorithm
		secret, _ := x.algorithm.secret(h)
		if got := string(c.answer(nil, secret, []byte("GET"))); got != x.want {
			t.Errorf("algorithm %d: %s, not %s", x.algorithm, got, x.want)
		}
	}
}

func TestWrongAnswers(t *testing.T) {
	r := newRig(t)
	right := answer{nonce: r.nonce()}.header()
	r.want(Wrong, answer{nonce: r.nonce(), password: "guess"}.header())
	r.want(Wrong, answer{nonce: r.nonce(), user: "9999"}.header())
	r.want(Wrong, answer{nonce: r.nonce(), method: "REGISTER"}.header())
	r.want(Elsewhere, answer{nonce: r.nonce(), uri: "sip:900@acme.example"}.header())
	r.want(BadAlgorithm, answer{nonce: r.nonce(), algorithm: "SHA-512-256"}.header())
	r.want(BadAlgorithm, answer{nonce: r.nonce(), algorithm: "MD5-sess"}.header())
	r.want(Missing, answer{nonce: r.nonce(), realm: "other.example"}.header())
	r.want(Missing, answer{nonce: r.nonce(), qop: "auth-int"}.header())
	r.want(Missing, answer{nonce: r.nonce(), nc: "00000000"}.header())
	r.want(Missing, answer{nonce: r.nonce(), nc: "1"}.header())
	r.want(Missing, "Basic abc")
	r.want(Missing, strings.Replace(right, "realm", `username="1002", realm`, 1))
	r.want(Missing, strings.Replace(right, "cnonce", "none", 1))
	r.want(Missing, right[:len(right)-1])
	r.want(Stale, answer{nonce: "made-up"}.header())
	r.want(Stale, answer{nonce: strings.Repeat("0", 32)}.header())
	r.want(OK, right)
}

// A hash that is not stored cannot be guessed, not even as nothing.
func TestNoHashNoEntry(t *testing.T) {
	r := newRig(t)
	m := invite(t, answer{nonce: r.nonce()}.header())
	var c Credentials
	if !c.Find(m, sip.HdrProxyAuthorization, "acme.example") {
		t.Fatal("not found")
	}
	var zero tenant.HA1
	if got := r.a.Check(&c, r.r, &zero, m, here, r.now); got != Wrong {
		t.Errorf("outcome %d", got)
	}
	c.response = c.answer(nil, zero.MD5[:], []byte("INVITE"))
	if got := r.a.Check(&c, r.r, &zero, m, here, r.now); got != Wrong {
		t.Errorf("the hash of nothing: outcome %d", got)
	}
}

func TestNoncesAreBound(t *testing.T) {
	r := newRig(t)
	nonce := r.nonce()
	r.from = there
	r.want(Stale, answer{nonce: nonce}.header())
	r.from = netip.MustParseAddr("::ffff:198.51.100.7")
	r.r.Scope = 8
	r.want(Stale, answer{nonce: nonce}.header())
	r.r.Scope, r.r.Name = 7, "beta.example"
	r.want(Stale, answer{nonce: nonce, realm: "beta.example"}.header())
	r.r.Name = "acme.example"
	r.now = r.now.Add(Lifetime)
	r.want(Stale, answer{nonce: nonce}.header())
	r.now = r.now.Add(-time.Second)
	r.want(OK, answer{nonce: nonce}.header())
}

// A restart forgets which nonces were used: it hears none of before. Other nodes' it hears.
func TestRestart(t *testing.T) {
	r := newRig(t)
	nonce := r.nonce()
	r.now = r.now.Add(time.Second)
	other := r.a
	r.a = New([2]uint64{1, 2}, r.now)
	r.want(Stale, answer{nonce: nonce}.header())
	r.a, other = other, r.a
	nonce = r.nonce()
	r.a = other
	r.want(OK, answer{nonce: nonce}.header())
	r.a = New([2]uint64{1, 3}, r.now)
	r.want(Stale, answer{nonce: nonce}.header())
}

func TestReplay(t *testing.T) {
	r := newRig(t)
	nonce := r.nonce()
	count := func(want Outcome, n uint32) {
		t.Helper()
		r.want(want, answer{nonce: nonce, nc: fmt.Sprintf("%08x", n)}.header())
	}
	count(OK, 1)
	count(Replay, 1)
	count(OK, 10)
	count(OK, 9) // overtaken
	count(Replay, 9)
	count(OK, 73)
	count(Replay, 9)
	count(Replay, 10)
	count(OK, 11)
	count(OK, 1000)
	count(Replay, 73)
	count(Replay, 1000)
	count(OK, math.MaxUint32)
	count(Replay, math.MaxUint32)
	r.want(Replay, answer{nonce: nonce, bare: true}.header())
	nonce = r.nonce()
	r.want(OK, answer{nonce: nonce, bare: true}.header())
	r.want(Replay, answer{nonce: nonce, bare: true}.header())
	count(Replay, 5)
}

// What was wrong takes no room, and who is let in too often pushes out only the oldest.
func TestUsedIsBounded(t *testing.T) {
	u := newUsed()
	at := func(i int) nonce { return nonce{int64(1000 + i), uint64(i) * buckets} } // all in one bucket
	for i := range 3 * ways {
		if got := u.take(at(i), 1, true); got != OK {
			t.Fatalf("%d: outcome %d", i, got)
		}
	}
	if got := u.take(at(0), 1, true); got != Stale {
		t.Errorf("one that was pushed out: outcome %d", got)
	}
	if got := u.take(at(3*ways-1), 1, true); got != Replay {
		t.Errorf("the last one: outcome %d", got)
	}
	if got := u.take(at(3*ways-1), 2, true); got != OK {
		t.Errorf("its next count: outcome %d", got)
	}
}

func TestSeveralHeaders(t *testing.T) {
	r := newRig(t)
	m := invite(t, answer{nonce: "other", realm: "pbx.example"}.header(), answer{nonce: r.nonce()}.header(), answer{nonce: r.nonce(), password: "x"}.header())
	var c Credentials
	if !c.Find(m, sip.HdrProxyAuthorization, "acme.example") || r.a.Check(&c, r.r, ha1Of("1001", "acme.example", "secret"), m, here, r.now) != OK {
		t.Error("the one for our realm is not found")
	}
	if c.Find(m, sip.HdrAuthorization, "acme.example") {
		t.Error("found in another header")
	}
	if !For([]byte(answer{realm: "pbx.example"}.header()), "pbx.example") || For([]byte("Digest realm"), "pbx.example") {
		t.Error("For")
	}
}

func TestNoAllocation(t *testing.T) {
	r := newRig(t)
	h := ha1Of("1001", "acme.example", "secret")
	r.r.Algorithms = []string{SHA512256, SHA256, MD5}
	for _, algorithm := range []string{"MD5", "SHA-256", "SHA-512-256"} {
		nonce := r.nonce()
		m := invite(t, answer{nonce: nonce, algorithm: algorithm}.header())
		n := testing.AllocsPerRun(100, func() {
			var c Credentials
			if !c.Find(m, sip.HdrProxyAuthorization, "acme.example") {
				t.Fatal("not found")
			}
			if o := r.a.Check(&c, r.r, h, m, here, r.now); o != OK && o != Replay {
				t.Fatal(o)
			}
		})
		if n > 0 {
			t.Errorf("%s: %v allocations", algorithm, n)
		}
	}
	room := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { r.a.AppendChallenge(room, r.r, here, r.now, true, false) }); n > 0 {
		t.Errorf("a challenge: %v allocations", n)
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add(answer{nonce: "abc"}.header())
	f.Add(`Digest username="a\"b", realm="acme.example",,nonce=,`)
	f.Add("Digest ,\r\n realm\t=\t\"acme.example\" ,x")
	r := newRig(f)
	f.Fuzz(func(t *testing.T, value string) {
		var c Credentials
		c.parse([]byte(value))
		if string(c.realm) == "acme.example" != For([]byte(value), "acme.example") {
			t.Error("For differs")
		}
		if c.settle() {
			m := invite(t)
			if o := r.a.Check(&c, r.r, nil, m, here, r.now); o == OK || o == Replay {
				t.Errorf("let in by %q", value)
			}
		}
	})
}

// The costs of a known user and of an unknown one, which nobody may tell apart.
func BenchmarkCheck(b *testing.B) {
	r := newRig(b)
	for name, h := range map[string]*tenant.HA1{"wrong": ha1Of("1001", "acme.example", "other"), "unknown": nil, "right": ha1Of("1001", "acme.example", "secret")} {
		b.Run(name, func(b *testing.B) {
			m := invite(b, answer{nonce: r.nonce(), algorithm: "SHA-256"}.header())
			b.ReportAllocs()
			for b.Loop() {
				var c Credentials
				c.Find(m, sip.HdrProxyAuthorization, "acme.example")
				r.a.Check(&c, r.r, h, m, here, r.now)
			}
		})
	}
}
