package transaction

import (
	"strings"
	"testing"

	"tollgate/sip"
)

var testSecret = secret{0x0123456789abcdef, 0xfedcba9876543210}

func TestBranchRoundTrip(t *testing.T) {
	for _, id := range []branchID{
		{},
		{shard: 255, slot: 0xffffff, gen: ^uint32(0), loop: ^uint32(0)},
		{shard: 3, slot: 70_000, gen: 9, loop: 0xdeadbeef},
	} {
		b := testSecret.appendBranch(nil, id)
		if len(b) != BranchLen {
			t.Fatalf("%q has %d characters", b, len(b))
		}
		if got, ok := testSecret.parseBranch(b); !ok || got != id {
			t.Errorf("%+v comes back as %+v, %v", id, got, ok)
		}
		// A peer may fold the case of the value, not of the cookie (RFC 3261 8.1.1.7).
		upper := append([]byte(branchCookie), strings.ToUpper(string(b[len(branchCookie):]))...)
		if got, ok := testSecret.parseBranch(upper); !ok || got != id {
			t.Errorf("upper case: %+v, %v", got, ok)
		}
	}
}

func TestBranchForged(t *testing.T) {
	b := testSecret.appendBranch(nil, branchID{shard: 1, slot: 2, gen: 3, loop: 4})
	for i := range b {
		for _, c := range []byte("0v~") {
			forged := append([]byte(nil), b...)
			if forged[i] == c {
				continue
			}
			forged[i] = c
			if id, ok := testSecret.parseBranch(forged); ok {
				t.Fatalf("%s passes as %+v", forged, id)
			}
		}
	}
	for _, s := range []string{"", "z9hG4bK", string(b[:len(b)-1]), string(b) + "0"} {
		if _, ok := testSecret.parseBranch([]byte(s)); ok {
			t.Errorf("%q passes", s)
		}
	}
	other := secret{testSecret.k0 + 1, testSecret.k1}
	if _, ok := other.parseBranch(b); ok {
		t.Error("a branch of before the restart passes")
	}
}

func FuzzBranch(f *testing.F) {
	f.Add(testSecret.appendBranch(nil, branchID{slot: 5, gen: 6}))
	f.Add([]byte("z9hG4bK"))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, ok := testSecret.parseBranch(b)
		if !ok {
			return
		}
		again := testSecret.appendBranch(nil, id)
		if !sip.EqualFold(again, b) {
			t.Fatalf("%q is taken for %q", b, again)
		}
	})
}

func parse(t testing.TB, text string) *sip.Message {
	t.Helper()
	m := new(sip.Message)
	if err := m.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLooped: what routing looks at tells a loop from a spiral (RFC 3261 16.3 step 4).
func TestLooped(t *testing.T) {
	const request = "INVITE sip:1@a.test SIP/2.0\nVia: SIP/2.0/UDP first.test;branch=z9hG4bKx\nFrom: <sip:a@a>;tag=1\nTo: <sip:b@b>\nCall-ID: c\nCSeq: 1 INVITE\n\n"
	l := New(Config{Shards: 1})
	branch := string(l.secret.appendBranch(nil, branchID{loop: LoopHash(parse(t, request))}))
	back := strings.Replace(request, "Via: ", "Via: SIP/2.0/UDP us;branch="+branch+", ", 1)
	loops := map[string]string{
		"the same":                     back,
		"behind another proxy":         strings.Replace(back, "Via: ", "Via: SIP/2.0/TCP p.test;branch=z9hG4bKp\nVia: ", 1),
		"the body was taken out of it": strings.Replace(back, "\n\n", "\nContent-Length: 0\n\n", 1),
	}
	for name, text := range loops {
		if !l.Looped(parse(t, text)) {
			t.Errorf("%s: no loop", name)
		}
	}
	spirals := map[string]string{
		"first time":          request,
		"another Request-URI": strings.Replace(back, "sip:1@", "sip:2@", 1),
		"the next request":    strings.Replace(back, "CSeq: 1", "CSeq: 2", 1),
		"another call":        strings.Replace(back, "Call-ID: c", "Call-ID: d", 1),
		"a forged branch":     strings.Replace(back, branch, strings.Repeat("0", len(branch)), 1),
	}
	for name, text := range spirals {
		if l.Looped(parse(t, text)) {
			t.Errorf("%s: taken for a loop", name)
		}
	}
}
