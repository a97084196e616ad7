package sip

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// torture names every message of RFC 4475 section 3 and RFC 5118 section 4, as
// the RFCs name them, with the verdict of a proxy. The files hold the bytes of the
// RFCs, with three exceptions: baddn ends with the empty line that its print lacks,
// the messages of RFC 5118 have CRLF, and the three of them that have a body have
// its true Content-Length (the RFC prints 268, 181 and 236).
var torture = []struct {
	name, section string
	status        int
	why           string
}{
	// RFC 4475 3.1.1: valid.
	{"wsinv", "3.1.1.1", 0, "folds and white space everywhere, also before the colon"},
	{"intmeth", "3.1.1.2", 0, "every character that is allowed, control characters in quoted pairs"},
	{"esc01", "3.1.1.3", 0, "escapes are not undone before the URI is taken apart"},
	{"escnull", "3.1.1.4", 0, "an escaped NUL is a character"},
	{"esc02", "3.1.1.5", 0, "a percent sign that escapes nothing, since it is in no URI"},
	{"lwsdisp", "3.1.1.6", 0, "no space between display name and <"},
	{"longreq", "3.1.1.7", 0, "long values, 34 Vias"},
	{"dblreq", "3.1.1.8", 0, "a second message behind the first in one datagram is surplus"},
	{"semiuri", "3.1.1.9", 0, "a semicolon in the user part"},
	{"transports", "3.1.1.10", 0, "unknown transports in Via"},
	{"mpart01", "3.1.1.11", 0, "a binary body"},
	{"unreason", "3.1.1.12", 0, "a reason phrase in UTF-8"},
	{"noreason", "3.1.1.13", 0, "an empty reason phrase"},

	// RFC 4475 3.1.2: invalid.
	{"badinv01", "3.1.2.1", 400, "empty parameters and elements in Via and Contact"},
	{"clerr", "3.1.2.2", 400, "Content-Length larger than the datagram"},
	{"ncl", "3.1.2.3", 400, "negative Content-Length"},
	{"scalar02", "3.1.2.4", 400, "CSeq of 2^65; the other overlarge values alone would pass"},
	{"scalarlg", "3.1.2.5", Drop, "the same in a response"},
	{"quotbal", "3.1.2.6", 400, "a quote that is not ended"},
	{"ltgtruri", "3.1.2.7", 400, "Request-URI in < >"},
	{"lwsruri", "3.1.2.8", 400, "white space in the Request-URI"},
	{"lwsstart", "3.1.2.9", 400, "two spaces in the request line"},
	{"trws", "3.1.2.10", 400, "spaces at the end of the request line"},
	{"escruri", "3.1.2.11", 400, "headers in the Request-URI"},
	{"baddate", "3.1.2.12", 0, "no GMT in Date: not to be rejected by who does not need the date"},
	{"regbadct", "3.1.2.13", 400, "a URI with a question mark outside of < >"},
	{"badaspec", "3.1.2.14", 400, "spaces inside < >"},
	{"baddn", "3.1.2.15", 400, "a comma in a display name without quotes"},
	{"badvers", "3.1.2.16", 505, "SIP/7.0"},
	{"mismatch01", "3.1.2.17", 400, "CSeq names another method"},
	{"mismatch02", "3.1.2.18", 400, "CSeq names another method than an unknown one"},
	{"bigcode", "3.1.2.19", Drop, "status code 4294967301"},

	// RFC 4475 3.2: transaction layer.
	{"badbranch", "3.2.1", 400, "a branch that is nothing but z9hG4bK"},

	// RFC 4475 3.3: application layer; what is others' business passes.
	{"insuf", "3.3.1", 400, "no Call-ID, From, To, but a Via and CSeq to answer by"},
	{"unkscm", "3.3.2", 416, "unknown scheme in the Request-URI"},
	{"novelsc", "3.3.3", 416, "known scheme that is not routed here"},
	{"unksm2", "3.3.4", 0, "other schemes in To, From and Contact"},
	{"bext01", "3.3.5", 0, "Proxy-Require: 420 is the gate's"},
	{"invut", "3.3.6", 0, "unknown Content-Type: 415 is the UAS's"},
	{"regaut01", "3.3.7", 0, "unknown Authorization scheme"},
	{"multi01", "3.3.8", 400, "two of each of CSeq, Call-ID, To, From, Max-Forwards"},
	{"mcl01", "3.3.9", 400, "two different Content-Lengths"},
	{"bcast", "3.3.10", Drop, "a response that would go to 255.255.255.255"},
	{"zeromf", "3.3.11", 0, "Max-Forwards 0: 483 is the gate's"},
	{"cparam01", "3.3.12", 0, "unknown Contact parameter"},
	{"cparam02", "3.3.13", 0, "unknown URI parameter"},
	{"regescrt", "3.3.14", 0, "headers in a Contact's URI"},
	{"sdp01", "3.3.15", 0, "Accept that rules SDP out: 406 is the UAS's"},

	// RFC 4475 3.4: RFC 2543.
	{"inv2543", "3.4.1", 0, "no branch, no tag, no Max-Forwards, no Contact"},

	// RFC 5118 4.
	{"ipv6-good", "4.1", 0, "IPv6 references"},
	{"ipv6-bad", "4.2", 400, "IPv6 address without brackets"},
	{"port-ambiguous", "4.3", 0, "what looks like a port belongs to the address"},
	{"port-unambiguous", "4.4", 0, "a port behind the brackets"},
	{"via-received-param-with-delim", "4.5", 0, "received in brackets"},
	{"via-received-param-no-delim", "4.5", 0, "received without brackets"},
	{"ipv6-in-sdp", "4.6", 0, "IPv6 in SDP"},
	{"mult-ip-in-header", "4.7", 0, "IPv4 and IPv6 Vias"},
	{"mult-ip-in-sdp", "4.8", 0, "IPv4 and IPv6 in SDP"},
	{"ipv4-mapped-ipv6", "4.9", 0, "IPv4 in IPv6"},
	{"ipv6-bug-abnf-3-colons", "4.10", 0, "three colons, which RFC 3261's grammar lets arise"},
	{"ipv6-correct-abnf-2-colons", "4.10", 0, "two colons"},
}

func tortureFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "torture", name+".sip"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTorture(t *testing.T) {
	for _, c := range torture {
		t.Run(c.name, func(t *testing.T) {
			m := mustParse(t, tortureFile(t, c.name))
			if v := Validate(m); v.Status != c.status {
				t.Errorf("section %s (%s): verdict %+v, want status %d", c.section, c.why, v, c.status)
			} else if (v.Reason == "") != (v.Status == 0) {
				t.Errorf("verdict %+v: a reason goes with a refusal and only with one", v)
			}
		})
	}
}

// TestTortureComplete asserts that the table and the folder are all 49 + 12.
func TestTortureComplete(t *testing.T) {
	files, err := filepath.Glob("testdata/torture/*.sip")
	if err != nil || len(files) != 49+12 || len(torture) != 49+12 {
		t.Fatalf("%d files, %d rows, %v; want 61 of each", len(files), len(torture), err)
	}
}

// TestTortureAnswers asserts that each request that is refused can be answered, and
// that the answer is itself a good message which finds its way back.
func TestTortureAnswers(t *testing.T) {
	for _, c := range torture {
		req := mustParse(t, tortureFile(t, c.name))
		if c.status <= 0 || !req.IsRequest() {
			continue
		}
		r := Response{Status: c.status, ToTag: []byte("edge1")}
		m := mustParse(t, r.Append(nil, req))
		if m.StatusCode() != c.status || m.TopVia() == nil || string(m.TopVia().Branch) != string(req.TopVia().Branch) {
			t.Errorf("%s: bad answer\n%s", c.name, m.Bytes())
		}
		if m.Tainted() {
			t.Errorf("%s: tainted answer %b\n%s", c.name, m.Flaws(), m.Bytes())
		}
	}
}

// TestTortureValues reads values out of the valid messages that a careless parser
// gets wrong.
func TestTortureValues(t *testing.T) {
	value := func(file, what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s is %q, want %q", file, what, got, want)
		}
	}
	m := mustParse(t, tortureFile(t, "wsinv"))
	value("wsinv", "To tag", string(m.ToTag()), "1918181833n")
	value("wsinv", "From tag", string(m.FromTag()), "98asjd8")
	value("wsinv", "branch", string(m.TopVia().Branch), "390skdjuw")
	value("wsinv", "host", string(m.TopVia().Host), "192.0.2.2")
	value("wsinv", "transport", string(m.TopVia().Transport), "UDP")
	value("wsinv", "body start", string(m.Body()[:3]), "v=0")
	if m.MaxForwards() != 68 || m.CSeq() != 9 || m.CSeqMethod() != INVITE || m.ContentLength() != 150 {
		t.Errorf("wsinv: Max-Forwards %d, CSeq %d %v", m.MaxForwards(), m.CSeq(), m.CSeqMethod())
	}
	value("wsinv", "Subject", string(m.Value(HdrSubject)), "")
	hosts, it := []string{}, m.Elements(HdrVia)
	for e, ok := it.Next(); ok; e, ok = it.Next() {
		v, err := ParseVia(e)
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, string(v.Transport)+" "+string(v.Host)+" "+string(v.Branch))
	}
	value("wsinv", "Vias", strings.Join(hosts, ", "), "UDP 192.0.2.2 390skdjuw, TCP spindle.example.com z9hG4bK9ikj8, UDP 192.168.255.111 z9hG4bK30239")

	m = mustParse(t, tortureFile(t, "intmeth"))
	value("intmeth", "method", string(m.MethodBytes()), "!interesting-Method0123456789_*+`.%indeed'~")
	value("intmeth", "tag", string(m.FromTag()), "_token~1'+`*%!-.")
	to, err := ParseNameAddr(m.Value(HdrTo))
	value("intmeth", "display", string(to.Display), "BEL:\\\a NUL:\\\x00 DEL:\\\x7f")
	u, err2 := ParseURI(m.RequestURI())
	value("intmeth", "user", string(u.User), "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*")
	value("intmeth", "password", string(u.Password), "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
	if err != nil || err2 != nil {
		t.Error(err, err2)
	}

	m = mustParse(t, tortureFile(t, "esc01"))
	u, _ = ParseURI(m.RequestURI())
	value("esc01", "user", string(u.User), "sips%3Auser%40example.com")
	value("esc01", "unescaped", string(AppendUnescaped(nil, u.User)), "sips:user@example.com")

	m = mustParse(t, tortureFile(t, "semiuri"))
	u, _ = ParseURI(m.RequestURI())
	value("semiuri", "user", string(u.User), "user;par=u%40example.net")
	value("semiuri", "host", string(u.Host), "example.com")

	m = mustParse(t, tortureFile(t, "port-ambiguous"))
	u, _ = ParseURI(m.RequestURI())
	if a, ok := u.Addr(); !ok || a.String() != "2001:db8::10:5070" || u.HasPort {
		t.Errorf("port-ambiguous: %v, port %d", a, u.Port)
	}
	m = mustParse(t, tortureFile(t, "ipv6-bug-abnf-3-colons"))
	u, _ = ParseURI(m.RequestURI())
	if a, ok := u.Addr(); !ok || a.String() != "2001:db8::c000:201" {
		t.Errorf("3-colons: %v", a)
	}
	for _, f := range []string{"via-received-param-with-delim", "via-received-param-no-delim"} {
		m = mustParse(t, tortureFile(t, f))
		value(f, "received", string(m.TopVia().Received), "2001:db8::9:255")
	}
	m = mustParse(t, tortureFile(t, "dblreq"))
	value("dblreq", "end", string(m.Bytes()[len(m.Bytes())-4:]), "\r\n\r\n")
}
