package sip

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParseRequest(t *testing.T) {
	m := mustParse(t, invite)
	for what, pair := range map[string][2]string{
		"method":     {string(m.MethodBytes()), "INVITE"},
		"URI":        {string(m.RequestURI()), "sip:+390401234567@edge.example.com:5060;user=phone"},
		"start line": {string(m.Slice(m.StartLine())), "INVITE sip:+390401234567@edge.example.com:5060;user=phone SIP/2.0"},
		"Call-ID":    {string(m.CallID()), "f81d4fae-7dec-11d0-a765-00a0c91e6bf6@192.0.2.17"},
		"From tag":   {string(m.FromTag()), "a73kszlfl"},
		"To tag":     {string(m.ToTag()), ""},
		"CSeq":       {string(m.Slice(m.CSeqNumber())), "101"},
		"branch":     {string(m.TopVia().Branch), "z9hG4bK-524287-1---5d8a9f0c2b7e4a61"},
		"Via elem":   {string(m.TopVia().Elem), "SIP/2.0/UDP 192.0.2.17:5060;rport;branch=z9hG4bK-524287-1---5d8a9f0c2b7e4a61"},
		"reason":     {string(m.Reason()), ""},
		"body":       {string(m.Body()[:5]), "v=0\r\n"},
		"headers":    {string(m.Slice(Span{m.HeadersEnd(), m.HeadersEnd() + 2})), "\r\n"},
		"line":       {string(m.Slice(m.First(HdrCSeq).Line)), "CSeq: 101 INVITE\r\n"},
		"by name":    {string(m.ValueOf("user-AGENT")), "Example PBX 18.12.1 (build 20261101)"},
		"compact":    {string(m.ValueOf("x")), "1800;refresher=uac"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %q, want %q", what, pair[0], pair[1])
		}
	}
	if !m.IsRequest() || m.Method() != INVITE || m.CSeqMethod() != INVITE || m.StatusCode() != 0 || m.ToTag() != nil ||
		m.MaxForwards() != 70 || m.FieldCount() != 15 || m.TopVia().RPort != 0 || m.TopVia().Port != 5060 || m.Flaws() != 0 {
		t.Errorf("%+v", m)
	}
	if m.ValueOf("X-None") != nil || m.Value(HdrRoute) != nil || m.First(HdrRoute) != nil || m.First(headerIDs) != nil {
		t.Error("what is absent is nil")
	}
}

func TestParseResponse(t *testing.T) {
	m := mustParse(t, onWire(answer))
	if m.IsRequest() || m.StatusCode() != 200 || string(m.Reason()) != "OK" || m.Method() != INVITE || string(m.MethodBytes()) != "INVITE" ||
		m.RequestURI() != nil || string(m.ToTag()) != "b1" || m.MaxForwards() != -1 {
		t.Errorf("%s", m.Bytes())
	}
	if m := mustParse(t, []byte("SIP/2.0 180\r\n\r\n")); m.StatusCode() != 180 || len(m.Reason()) != 0 || m.Flaws() != 0 {
		t.Errorf("no space behind the code: %d, flaws %b", m.StatusCode(), m.Flaws())
	}
}

// TestParseReuse: nothing of a message is left when the next one is parsed.
func TestParseReuse(t *testing.T) {
	m := mustParse(t, tortureFile(t, "multi01"))
	if err := m.Parse([]byte("BYE sip:a SIP/2.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if m.TopVia() != nil || m.CallID() != nil || m.FromTag() != nil || m.CSeq() != 0 || m.CSeqNumber() != (Span{}) || m.ContentLength() != -1 ||
		m.FieldCount() != 0 || m.Flaws() != 0 || len(m.Body()) != 0 || m.Method() != BYE || m.Value(HdrTo) != nil {
		t.Errorf("%+v", m)
	}
}

func TestParseErrors(t *testing.T) {
	for _, text := range []string{
		"", "\r\n", "\r\n\r\n\r\n", "x", "INVITE", "INVITE sip:a", "INVITE sip:a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "SIP/2.0", "SIP/2.0\r\n\r\n",
		" INVITE sip:a SIP/2.0\r\n\r\n", "\x00\x00\x00\x00", "INVITE SIP/2.0\r\n\r\n", "(x) sip:a SIP/2.0\r\n\r\n",
		strings.Repeat("a", MaxMessage+1),
	} {
		var m Message
		var pe *ParseError
		if err := m.Parse([]byte(text)); !errors.As(err, &pe) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// TestParseLargest: offsets reach the end of the largest message.
func TestParseLargest(t *testing.T) {
	text := append(onWire(strings.Replace(good, "Content-Length: 0\n", "", 1)), bytes.Repeat([]byte("x"), MaxMessage)...)[:MaxMessage]
	m := mustParse(t, text)
	if v := Validate(m); v.Status != 0 || len(m.Bytes()) != MaxMessage {
		t.Errorf("%+v, %d bytes", v, len(m.Bytes()))
	}
	text = append(onWire(strings.Replace(good, "Contact", "Subject: ", 1)), bytes.Repeat([]byte("x"), MaxMessage)...)[:MaxMessage]
	if m := mustParse(t, text); len(m.Bytes()) >= MaxMessage {
		t.Errorf("surplus is not cut: %d", len(m.Bytes()))
	}
}

// TestMove: the index works on a copy after the first buffer is used again.
func TestMove(t *testing.T) {
	buf := append(make([]byte, 0, 4096), invite...)
	parked := *mustParse(t, buf)
	parked.Move(bytes.Clone(buf))
	clear(buf)
	var e Edit
	e.Reset(&parked)
	e.At(parked.SpanOf(parked.TopVia().Branch)).String("B")
	out, err := e.Write(nil)
	if err != nil || string(parked.TopVia().Host) != "192.0.2.17" || !bytes.Contains(out, []byte(";branch=B\r\n")) || string(parked.FromTag()) != "a73kszlfl" {
		t.Errorf("%v, %s", err, out)
	}
}

// TestLeadingCRLF: RFC 3261 7.5.
func TestLeadingCRLF(t *testing.T) {
	m := mustParse(t, append([]byte("\r\n\r\n"), onWire(good)...))
	if !bytes.Equal(m.Bytes(), onWire(good)) || m.Flaws() != 0 {
		t.Errorf("%q", m.Bytes())
	}
}

func TestElements(t *testing.T) {
	m := mustParse(t, onWire(`REGISTER sip:a SIP/2.0
Contact: "a, b" <sip:a,b@c;x="d,e">;q="1,2" ,
 <sip:f>
X-Other: g, h
m: sip:i,,"j\", k"<sip:l>
Supported:
Contact: <sip:m
Contact: <sip:n,o>, <sip:p

`))
	var got []string
	fields := ""
	it := m.Elements(HdrContact)
	for e, ok := it.Next(); ok; e, ok = it.Next() {
		got = append(got, string(e))
		fields += string(rune('0' + it.Field()))
	}
	want := []string{`"a, b" <sip:a,b@c;x="d,e">;q="1,2"`, "<sip:f>", "sip:i", "", `"j\", k"<sip:l>`, "<sip:m", "<sip:n,o>", "<sip:p"}
	if strings.Join(got, "|") != strings.Join(want, "|") || fields != "00222455" {
		t.Errorf("%q in fields %s", got, fields)
	}
	it = m.Elements(HdrRoute)
	if _, ok := it.Next(); ok {
		t.Error("an element of an absent header")
	}
	it = m.Elements(HdrSupported)
	if e, ok := it.Next(); !ok || len(e) != 0 {
		t.Errorf("an empty value is one empty element, not %q", e)
	}
}

// TestOddParties: a 400 needs the tag of a From or To that is refused, and of two the first.
func TestOddParties(t *testing.T) {
	for value, want := range map[string]string{
		"<sip:a@b>;tag=one;tag=two":    "one",
		"<sip:a@b>;x=;tag=one":         "one",
		"a b: <sip:a@b c>;tag=\"one\"": "one",
		"<sip:a@b>;tag=;tag=two":       "",
		"\"a <sip:a@b>;tag=one":        "",
	} {
		m := mustParse(t, []byte(strings.Replace(string(invite), "To: ", "To: "+value+"\r\nX-Was: ", 1)))
		if v := Validate(m); v.Reason != "Bad To" || string(m.ToTag()) != want {
			t.Errorf("%s: tag %q, verdict %v", value, m.ToTag(), v)
		}
	}
}

func TestHeaderNames(t *testing.T) {
	for id := HdrOther + 1; id < headerIDs; id++ {
		name := id.String()
		for _, n := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if got := ParseHeaderName([]byte(n)); got != id {
				t.Errorf("%q is %d, want %d; do two names share a slot?", n, got, id)
			}
		}
	}
	for name, id := range map[string]HeaderID{
		"v": HdrVia, "F": HdrFrom, "t": HdrTo, "i": HdrCallID, "m": HdrContact, "l": HdrContentLength, "C": HdrContentType,
		"e": HdrContentEncoding, "s": HdrSubject, "r": HdrReferTo, "b": HdrReferredBy, "u": HdrAllowEvents, "o": HdrEvent, "x": HdrSessionExpires,
		"k": HdrSupported, "a": HdrAcceptContact, "d": HdrRequestDisposition, "j": HdrRejectContact, "y": HdrIdentity, "n": HdrIdentityInfo,
		"": HdrOther, "z": HdrOther, "-": HdrOther, "Viaa": HdrOther, "X-Foo": HdrOther, "Content-Lengths": HdrOther,
	} {
		if got := ParseHeaderName([]byte(name)); got != id {
			t.Errorf("%q is %v", name, got)
		}
	}
	if headerIDs.String() != "" {
		t.Error("an id out of range has a name")
	}
}

func TestMethods(t *testing.T) {
	for m := INVITE; m <= REFER; m++ {
		if got := ParseMethod([]byte(m.String())); got != m {
			t.Errorf("%v is %v", m, got)
		}
	}
	for _, s := range []string{"invite", "", "INVITEE", "OTHER"} {
		if ParseMethod([]byte(s)) != MethodOther {
			t.Errorf("%q", s)
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "007": 7, "4294967295": 4294967295, "4294967296": -1, "": -1, "-1": -1, "+1": -1, " 1": -1, "1 ": -1, "1e3": -1, "99999999999999999999999": -1} {
		n, ok := ParseUint([]byte(text))
		if ok != (want >= 0) || ok && int64(n) != want {
			t.Errorf("%q: %d, %v", text, n, ok)
		}
	}
}

// TestNextControl compares the eight-at-a-time search with the plain one.
func TestNextControl(t *testing.T) {
	for pad := range 20 {
		for c := range 256 {
			b := append(bytes.Repeat([]byte{0x80}, pad), byte(c), 0x1f)
			want := pad + 1
			if c < 0x20 || c == 0x7f {
				want = pad
			}
			if got := nextControl(append(b, "later bytes, a whole word of them"...), 0); got != want {
				t.Fatalf("byte %#x at %d: %d", c, pad, got)
			}
		}
	}
}

func TestOnly(t *testing.T) {
	m := mustParse(t, []byte("OPTIONS sip:a@b SIP/2.0\r\nRoute: <sip:x;lr>\r\nSupported: timer\r\nRoute: <sip:y;lr>\r\n\r\n"))
	for id, want := range map[HeaderID]string{HdrSupported: "timer true", HdrRoute: "<sip:x;lr> false", HdrAllow: " true"} {
		if value, ok := m.Only(id); fmt.Sprintf("%s %t", value, ok) != want {
			t.Errorf("%v: %s %t, want %s", id, value, ok, want)
		}
	}
}
