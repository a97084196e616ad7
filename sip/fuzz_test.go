package sip

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

func addTorture(f *testing.F) {
	f.Helper()
	for _, c := range torture {
		f.Add(tortureFile(f, c.name))
	}
	f.Add(invite)
	f.Add(onWire(listed))
	f.Add(onWire(answer))
}

// FuzzMessage parses, judges, edits, writes and parses again: what was not touched
// stays, and no byte sequence panics or makes a second message.
func FuzzMessage(f *testing.F) {
	addTorture(f)
	src := netip.MustParseAddrPort("[2001:db8::7]:5062")
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Message
		if m.Parse(data) != nil {
			return
		}
		walk(t, &m)
		verdict := Validate(&m)
		if (verdict.Status == 0) != (verdict.Reason == "") || int(verdict.Off) > len(data) {
			t.Fatalf("verdict %+v", verdict)
		}
		if verdict.Status == 0 && m.Tainted() {
			t.Fatalf("accepted with flaws %b", m.Flaws())
		}
		if m.IsRequest() && verdict.Status >= 0 {
			answerAgain(t, &m, src)
		}
		if verdict.Status == 0 {
			editAgain(t, &m, src)
		}
	})
}

// walk reads everything that can be read lazily.
func walk(t *testing.T, m *Message) {
	last := m.StartLine().End
	for i := range m.FieldCount() {
		fd := m.Field(i)
		if fd.Line.Off < last || fd.Line.End <= fd.Line.Off || fd.Value.Off < fd.Name.End || fd.Value.End > fd.Line.End || fd.Name.Off != fd.Line.Off {
			t.Fatalf("field %d: %+v behind %d", i, fd, last)
		}
		last = fd.Line.End
		it := m.Elements(fd.ID)
		for e, ok := it.Next(); ok; e, ok = it.Next() {
			if s := m.SpanOf(e); !bytes.Equal(m.Slice(s), e) {
				t.Fatalf("SpanOf(%q) is %v", e, s)
			}
			if s := m.ElementDeletion(e, it.Field()); s.End < s.Off {
				t.Fatalf("deletion of %q is %v", e, s)
			}
			if n, err := ParseNameAddr(e); err == nil {
				if u, err := ParseURI(n.URI); err == nil {
					u.Addr()
					u.Param("lr")
				}
			}
			if v, err := ParseVia(e); err == nil && len(v.Host) == 0 {
				t.Fatalf("Via %q without a host", e)
			}
		}
	}
	if m.HeadersEnd() < last && m.FieldCount() < MaxFields {
		t.Fatalf("headers end at %d, last line at %d", m.HeadersEnd(), last)
	}
}

func answerAgain(t *testing.T, m *Message, src netip.AddrPort) {
	r := Response{Status: 400, ToTag: []byte("t"), Received: src, RecordRoute: true}
	out := r.Append(nil, m)
	if len(out) > MaxMessage {
		return
	}
	var a Message
	if err := a.Parse(out); err != nil {
		t.Fatalf("answer: %v\n%q", err, out)
	}
	if a.Flaws()&(FlawBareCR|FlawBareLF|FlawBadLine|FlawNoEnd|FlawLength) != 0 {
		t.Fatalf("answer with flaws %b\n%q", a.Flaws(), out)
	}
	if !bytes.Equal(a.FromTag(), m.FromTag()) && m.Flaws() == 0 {
		t.Fatalf("From tag %q became %q", m.FromTag(), a.FromTag())
	}
}

func editAgain(t *testing.T, m *Message, src netip.AddrPort) {
	var e Edit
	e.Reset(m)
	via := m.First(HdrVia)
	e.Insert(via.Line.Off).String("Via: SIP/2.0/UDP ").AddrPort(src).String(";branch=z9hG4bKfuzz\r\n")
	e.At(m.CSeqNumber()).Uint(42)
	e.Insert(m.HeadersEnd()).String("X-Fuzz: 1\r\n")
	out, err := e.Write(nil)
	if err != nil {
		if len(m.Bytes()) > MaxMessage-200 {
			return
		}
		t.Fatal(err)
	}
	var b Message
	if err := b.Parse(out); err != nil {
		t.Fatalf("%v\n%q", err, out)
	}
	if m.FieldCount()+2 > MaxFields {
		return
	}
	if v := Validate(&b); v.Status != 0 {
		t.Fatalf("accepted, edited, then %+v\n%q", v, out)
	}
	if b.CSeq() != 42 || string(b.TopVia().Branch) != "z9hG4bKfuzz" || b.FieldCount() != m.FieldCount()+2 || string(b.ValueOf("x-fuzz")) != "1" {
		t.Fatalf("the edit is lost:\n%q", out)
	}
	if !bytes.Equal(b.Body(), m.Body()) || !bytes.Equal(b.CallID(), m.CallID()) || !bytes.Equal(b.ToTag(), m.ToTag()) || !bytes.Equal(b.RequestURI(), m.RequestURI()) {
		t.Fatalf("what was not touched changed:\n%q", out)
	}
	e.Reset(&b)
	e.DeleteElements(HdrVia, 1)
	if out, err = e.Write(nil); err != nil || b.Parse(out) != nil || !bytes.Equal(b.TopVia().Branch, m.TopVia().Branch) {
		t.Fatalf("our Via does not come off: %v\n%q", err, out)
	}
}

// FuzzFramer frames a stream whole and in two pieces: the items are the same, and
// what is framed as a message is indexed as one of that length.
func FuzzFramer(f *testing.F) {
	all, _ := stream()
	f.Add(all, uint(700))
	for _, c := range torture {
		f.Add(tortureFile(f, c.name), uint(100))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint) {
		whole, rest, err := items(t, data)
		at := int(cut % uint(len(data)+1))
		again, rest2, err2 := items(t, data[:at], data[at:])
		join := func(s []string) string { // a cut ping is a pong and a ping
			return strings.NewReplacer("PING", "", "PONG", "").Replace(strings.Join(s, ""))
		}
		if err == nil && err2 == nil && (join(whole) != join(again) || len(rest) != len(rest2)) {
			t.Fatalf("cut at %d:\n%q\n%q", at, whole, again)
		}
		if (err == nil) != (err2 == nil) {
			t.Fatalf("cut at %d: %v and %v", at, err, err2)
		}
		for _, text := range whole {
			var m Message
			if text == "PING" || text == "PONG" || m.Parse([]byte(text)) != nil {
				continue
			}
			if len(m.Bytes()) != len(text) && m.Flaws() == 0 {
				t.Fatalf("framed %d bytes, indexed %d: %q", len(text), len(m.Bytes()), text)
			}
		}
	})
}

// FuzzURI: what is accepted is made of parts that stand in it, and reads the same
// as a name-addr.
func FuzzURI(f *testing.F) {
	for _, s := range []string{"sip:a:b@[2001:db8:::192.0.2.1]:5060;lr;x=%41?to=y", "tel:+39-040;phone-context=x", "urn:service:sos", "sips:h"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := ParseURI(data)
		if err != nil {
			return
		}
		if bytes.ContainsAny(data, " \t\r\n<>\"") {
			t.Fatalf("accepted %q", data)
		}
		if u.Scheme != SchemeOther && len(u.Host)+len(u.User) == 0 {
			t.Fatalf("nobody and nowhere: %q", data)
		}
		n, err := ParseNameAddr(append(append([]byte("<"), data...), ">;tag=1"...))
		if err != nil || !bytes.Equal(n.URI, data) || string(n.Params) != "tag=1" {
			t.Fatalf("%q in brackets: %+v, %v", data, n, err)
		}
	})
}
