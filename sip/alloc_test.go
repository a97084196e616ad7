package sip

import (
	"net/netip"
	"testing"
)

// TestAllocations: the hot path allocates nothing.
func TestAllocations(t *testing.T) {
	var m, parked Message
	var e Edit
	var f Framer
	out, to := make([]byte, 0, 4096), netip.MustParseAddrPort("[2001:db8::1]:5060")
	response := Response{Status: 180, ToTag: []byte("b1"), Received: to, RecordRoute: true}
	v6 := []byte("sip:a@[2001:db8::1]:5060;lr")
	check := func(ok bool) {
		if !ok {
			t.Fatal("wrong result")
		}
	}
	for name, run := range map[string]func(){
		"Parse":      func() { check(m.Parse(invite) == nil) },
		"Validate":   func() { check(Validate(&m).Status == 0) },
		"Parse junk": func() { check(m.Parse(invite[:5]) != nil && m.Parse(invite) == nil) },
		"Edit": func() {
			edit(&m, &e, to)
			b, err := e.Write(out[:0])
			check(err == nil && len(b) > 0)
		},
		"Response": func() { check(len(response.Append(out[:0], &m)) > 0) },
		"Framer": func() {
			n, _, err := f.Next(invite)
			check(n == len(invite) && err == nil)
		},
		"Elements": func() {
			it, n := m.Elements(HdrAllow), 0
			for _, ok := it.Next(); ok; _, ok = it.Next() {
				n++
			}
			check(n == 10)
		},
		"by name": func() { check(m.ValueOf("User-Agent") != nil && m.ValueOf("X-None") == nil) },
		"Move": func() {
			parked = m
			parked.Move(invite)
		},
		"URI": func() {
			u, err := ParseURI(v6)
			_, lr := u.Param("lr")
			a, ok := u.Addr()
			check(err == nil && lr && ok && a.Is6())
		},
		"NameAddr": func() {
			n, err := ParseNameAddr(m.Value(HdrFrom))
			check(err == nil && n.Bracketed)
		},
	} {
		if err := m.Parse(invite); err != nil {
			t.Fatal(err)
		}
		run() // arenas grow once
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
