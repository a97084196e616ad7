package trace_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"

	"tollgate/internal/policy"
	"tollgate/internal/trace"
)

// through gives a request as it is kept that has these lines, or nothing: as it came, which is
// how it left, too.
func through(t *testing.T, headers, body string) (kept string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		c := r.talk(false)
		msg := strings.Replace(c.request("INVITE", c.branch, ""), "Content-Length: 0\r\n\r\n", headers+"\r\n"+body, 1)
		r.in(c.source, msg)
		r.out(c.target, msg)
		c.verdict = policy.Refuse(policy.NoRoute)
		r.r.Decided(c.event())
		_, m := r.get(c.id)
		if len(m) != 2 || len(m[0].Data) != len(msg) || string(m[0].Data) != string(m[1].Data) {
			t.Fatalf("%d messages, %v", len(m), m)
		}
		_, kept, _ = strings.Cut(string(m[0].Data), "CSeq: 1 INVITE\r\n")
	})
	return kept
}

func TestSecretsAreMasked(t *testing.T) {
	for _, c := range []struct{ name, given, want string }{
		{
			"digest", `Authorization: Digest username="bob", nonce="n1", uri="sip:x", response="6629fae49393a05397450978507c4ef1", qop=auth, cnonce="c"`,
			`Authorization: Digest username="bob", nonce="n1", uri="sip:x", response="xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", qop=auth, cnonce="c"`,
		},
		{"proxy", `proxy-authorization : Digest response=abc,nonce=n`, `proxy-authorization : Digest response=xxx,nonce=n`},
		{"spaces", `Authorization: Digest nonce="a",  RESPONSE = "abc"`, `Authorization: Digest nonce="a",  RESPONSE = "xxx"`},
		{
			"folded", "Authorization: Digest nonce=\"a\",\r\n\tresponse\r\n =\r\n \"abc\"\r\nX: response=\"abc\"",
			"Authorization: Digest nonce=\"a\",\r\n\tresponse\r\n =\r\n \"xxx\"\r\nX: response=\"abc\"",
		},
		{
			"two", "Authorization: Digest response=\"abc\"\r\nAuthorization: Digest response=\"def\", response=\"g\"",
			"Authorization: Digest response=\"xxx\"\r\nAuthorization: Digest response=\"xxx\", response=\"x\"",
		},
		{"no end", `Authorization: Digest response="abc def`, `Authorization: Digest response="xxx xxx`},
		{"escaped quote", `Authorization: Digest response="a\"bc", nonce="n"`, `Authorization: Digest response="xx"xx", nonce="n"`},
		{"in a string", `Authorization: Digest username="bob, response="abc"`, `Authorization: Digest username="bob, response="xxx"`},
		{"another name", `Authorization: Digest xresponse="abc", response-x="abc", x=response`, `Authorization: Digest xresponse="abc", response-x="abc", x=response`},
		{"basic", `Authorization: Basic QWxhZGRpbjpvcGVu==`, `Authorization: Basic xxxxxxxxxxxxxxxxxx`},
		{"bearer", `Authorization: Bearer ab.cd`, `Authorization: Bearer xxxxx`},
		{"info", `Authentication-Info: qop=auth, rspauth="abc", cnonce="c"`, `Authentication-Info: qop=auth, rspauth="xxx", cnonce="c"`},
		{"info without a scheme", `Authentication-Info: rspauth="abc"`, `Authentication-Info: rspauth="xxx"`},
		{"proxy info", `Proxy-Authentication-Info: rspauth=abc`, `Proxy-Authentication-Info: rspauth=xxx`},
		{"challenge", `WWW-Authenticate: Digest nonce="abc", response="x"`, `WWW-Authenticate: Digest nonce="abc", response="x"`},
	} {
		if got := through(t, c.given+"\r\n", ""); got != c.want+"\r\n\r\n" {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
	for _, c := range []struct{ name, given, want string }{
		{
			"crypto", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVC|2^20|1:4;inline:QUJD KDR=1\r\n",
			"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xxxxxxxxxx|2^20|1:4;inline:xxxx KDR=1\r\n",
		},
		{"crypto without an end", "A=CRYPTO:1 X INLINE:abc", "A=CRYPTO:1 X INLINE:xxx"},
		{"key management", "a=key-mgmt:mikey AQAFgM0\n", "a=key-mgmt:mikey xxxxxxx\n"},
		{"key", "k=base64:abcd\r\nk=prompt\r\n", "k=base64:xxxx\r\nk=prompt\r\n"},
		{"others", "v=0\r\na=rtpmap:0 PCMU/8000\r\ninline:abc\r\n", "v=0\r\na=rtpmap:0 PCMU/8000\r\ninline:abc\r\n"},
	} {
		if got := through(t, "", c.given); got != "\r\n"+c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add("Authorization: Digest response=\"SECRET\"", "a=crypto:1 X inline:SECRET")
	f.Add("Proxy-Authorization : Digest\r\n a=1,\r\n response = SECRET", "k=clear:SECRET")
	f.Fuzz(func(t *testing.T, header, body string) {
		msg := []byte("INVITE sip:x SIP/2.0\r\n" + header + "\r\n\r\n" + body)
		was := bytes.Clone(msg)
		once := trace.Skimmed(msg)
		if len(once) != len(was) {
			t.Fatal("the length changed")
		}
		for i := range once {
			if once[i] != was[i] && once[i] != 'x' {
				t.Fatalf("%q became %q", was, once)
			}
		}
	})
}
