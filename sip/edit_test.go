package sip

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestEdit(t *testing.T) {
	m := mustParse(t, onWire(good))
	var e Edit
	e.Reset(m)
	e.Insert(m.HeadersEnd()).String("X-Last: ").Uint(7).Byte('\r').Byte('\n') // out of order on purpose
	e.At(m.First(HdrMaxForwards).Value).Uint(69)
	e.Delete(m.First(HdrContact).Line)
	e.At(m.CSeqNumber()).Uint(4294967295)
	e.At(m.SpanOf(m.FromTag())).Bytes([]byte("other"))
	via := m.First(HdrVia).Line.Off
	e.Insert(via).String("Via: SIP/2.0/UDP ").AddrPort(netip.MustParseAddrPort("[2001:db8::1]:5060")).String("\r\n")
	e.Insert(via).String("X-Second: at the same place\r\n")
	out, err := e.Write([]byte("kept"))
	if err != nil {
		t.Fatal(err)
	}
	want := "kept" + string(onWire(`INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP [2001:db8::1]:5060
X-Second: at the same place
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1
Max-Forwards: 69
From: "Alice" <sip:alice@example.com>;tag=other
To: <sip:bob@example.com>
Call-ID: 1@192.0.2.1
CSeq: 4294967295 INVITE
Content-Length: 0
X-Last: 7

`))
	if string(out) != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestEditNothing(t *testing.T) {
	m := mustParse(t, append(onWire(good), "surplus"...))
	var e Edit
	e.Reset(m)
	if out, err := e.Write(nil); err != nil || !bytes.Equal(out, onWire(good)) {
		t.Errorf("%v, %q", err, out)
	}
}

// TestEditOverlap: which operations may meet. Offsets are those of the start line
// "INVITE sip:bob@example.com SIP/2.0".
func TestEditOverlap(t *testing.T) {
	type op struct {
		span Span
		with string
	}
	for _, c := range []struct {
		name  string
		ops   []op
		start string // of the result, up to its first space; "" for an error
	}{
		{"neighbours", []op{{Span{0, 2}, "a"}, {Span{2, 6}, "b"}}, "ab"},
		{"insert before a replacement", []op{{Span{0, 0}, "a"}, {Span{0, 6}, "b"}}, "ab"},
		{"insert after a replacement", []op{{Span{0, 6}, "b"}, {Span{6, 6}, "a"}}, "ba"},
		{"insert at the start, asked for later", []op{{Span{0, 6}, "b"}, {Span{0, 0}, "a"}}, "ba"},
		{"insert at the end, asked for earlier", []op{{Span{6, 6}, "a"}, {Span{0, 6}, "b"}}, "ba"},
		{"two deletions overlap", []op{{Span{0, 4}, ""}, {Span{2, 5}, ""}}, "E"},
		{"a deletion in a deletion", []op{{Span{0, 5}, ""}, {Span{2, 3}, ""}}, "E"},
		{"replacements overlap", []op{{Span{0, 4}, "a"}, {Span{2, 5}, "b"}}, ""},
		{"the same replaced twice", []op{{Span{0, 4}, "a"}, {Span{0, 4}, "b"}}, ""},
		{"insert into a deletion", []op{{Span{0, 4}, ""}, {Span{2, 2}, "b"}}, ""},
		{"insert into two deletions", []op{{Span{0, 4}, ""}, {Span{2, 3}, ""}, {Span{2, 2}, "b"}}, ""},
		{"delete half of a replacement", []op{{Span{0, 4}, "a"}, {Span{2, 5}, ""}}, ""},
		{"replace half of a deletion", []op{{Span{0, 4}, ""}, {Span{2, 5}, "a"}}, ""},
	} {
		m := mustParse(t, onWire(good))
		var e Edit
		e.Reset(m)
		for _, o := range c.ops {
			e.At(o.span).String(o.with)
		}
		out, err := e.Write(nil)
		got, _, _ := strings.Cut(string(out), " ")
		if c.start == "" && !errors.Is(err, ErrOverlap) || c.start != "" && (err != nil || got != c.start) {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.start)
		}
	}
}

func TestEditLimits(t *testing.T) {
	m := mustParse(t, onWire(good))
	var e Edit
	e.Reset(m)
	for range 65 {
		e.Insert(0).Byte('x')
	}
	if out, err := e.Write([]byte("kept")); !errors.Is(err, ErrEdits) || string(out) != "kept" {
		t.Errorf("65 operations: %v", err)
	}
	e.Reset(m)
	e.Insert(0).Bytes(make([]byte, MaxMessage-len(m.Bytes())))
	if out, err := e.Write(nil); err != nil || len(out) != MaxMessage {
		t.Errorf("65535 bytes: %d, %v", len(out), err)
	}
	e.Reset(m)
	e.Insert(0).Bytes(make([]byte, MaxMessage-len(m.Bytes())+1))
	if _, err := e.Write(nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("65536 bytes: %v", err)
	}
	e.Reset(m)
	e.Insert(0).Bytes(make([]byte, MaxMessage+1)).String("and more")
	if _, err := e.Write(nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an arena of more than 65535 bytes: %v", err)
	}
	e.Reset(m)
	e.Delete(Span{uint16(len(m.Bytes())), uint16(len(m.Bytes()) + 1)})
	if _, err := e.Write(nil); !errors.Is(err, ErrEditRange) {
		t.Errorf("beyond the end: %v", err)
	}
	e.Reset(m)
	if _, err := e.Write(nil); err != nil {
		t.Errorf("an error stays after Reset: %v", err)
	}
}

// listed has Vias on three lines, five elements.
const listed = `SIP/2.0 200 OK
Via: SIP/2.0/UDP a , SIP/2.0/UDP b;x="c,d"
v: SIP/2.0/UDP c
VIA: SIP/2.0/UDP d,
 SIP/2.0/UDP e
CSeq: 1 INVITE

`

func hosts(t *testing.T, b []byte) string {
	t.Helper()
	m, s := mustParse(t, b), ""
	it := m.Elements(HdrVia)
	for elem, ok := it.Next(); ok; elem, ok = it.Next() {
		v, err := ParseVia(elem)
		if err != nil {
			t.Fatalf("%q: %v", elem, err)
		}
		s += string(v.Host)
	}
	return s
}

func TestDeleteElements(t *testing.T) {
	m := mustParse(t, onWire(listed))
	for n, want := range []string{"abcde", "bcde", "cde", "de", "e", "", ""} {
		var e Edit
		e.Reset(m)
		e.DeleteElements(HdrVia, n)
		out, err := e.Write(nil)
		if err != nil || hosts(t, out) != want {
			t.Errorf("%d: %v, %q, want %q", n, err, hosts(t, out), want)
		}
		if p := mustParse(t, out); p.Tainted() || (want == "") != (p.First(HdrVia) == nil) {
			t.Errorf("%d: flaws %b in\n%s", n, p.Flaws(), out)
		}
	}
}

// TestElementDeletion deletes each element alone, and each pair.
func TestElementDeletion(t *testing.T) {
	m := mustParse(t, onWire(listed))
	deletion := func(n int) Span {
		it := m.Elements(HdrVia)
		elem, _ := it.Next()
		for range n {
			elem, _ = it.Next()
		}
		return m.ElementDeletion(elem, it.Field())
	}
	const all = "abcde"
	for i := range all {
		var e Edit
		e.Reset(m)
		e.Delete(deletion(i))
		out, err := e.Write(nil)
		if want := all[:i] + all[i+1:]; err != nil || hosts(t, out) != want {
			t.Errorf("%v, %q, want %q", err, hosts(t, out), want)
		}
	}
	var e Edit
	e.Reset(m)
	e.Delete(deletion(1))
	e.Delete(deletion(2))
	e.Delete(deletion(3))
	if out, err := e.Write(nil); err != nil || hosts(t, out) != "ae" {
		t.Errorf("b, c, d: %v, %q", err, hosts(t, out))
	}
}
