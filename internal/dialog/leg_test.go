package dialog_test

import (
	"errors"
	"strings"
	"testing"

	"tollgate/internal/dialog"
	"tollgate/sip"
)

func request(t *testing.T, method string, cseq string, more string) *sip.Message {
	t.Helper()
	m := new(sip.Message)
	text := method + " sip:b@b SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\nCSeq: " + cseq + " " + method + "\n" + more + "\n"
	if err := m.Parse([]byte(crlf(text))); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestSeq: requests of our own stand between those of the sender, and what names an
// INVITE by its number still names that one (RFC 3261 13.2.2.4, RFC 3262 7.2).
func TestSeq(t *testing.T) {
	s := dialog.Seq{Last: 7, InviteIn: 7, InviteOut: 7}
	steps := []struct {
		method, cseq string
		want         uint32
	}{
		{"ACK", "7", 7},
		{"", "", 8}, // our own
		{"", "", 9},
		{"ACK", "7", 7},      // again, for a retransmitted 2xx
		{"INFO", "8", 10},    // shifted
		{"INVITE", "9", 11},  //
		{"UPDATE", "10", 12}, // while that one is pending
		{"ACK", "9", 11},
		{"", "", 13},
		{"ACK", "9", 11},
		{"BYE", "11", 14},
		{"INFO", "8", 11}, // out of order: the receiver judges
	}
	for i, step := range steps {
		got := uint32(0)
		if step.method == "" {
			got = s.Own()
		} else {
			got = s.Pass(request(t, step.method, step.cseq, ""))
		}
		if got != step.want {
			t.Fatalf("step %d, %s %s: %d, want %d", i, step.method, step.cseq, got, step.want)
		}
	}
	if s.Invite(9) != 11 {
		t.Errorf("RAck: %d", s.Invite(9))
	}
}

func TestSidesAreTwo(t *testing.T) {
	if dialog.Caller.Other() != dialog.Callee || dialog.Callee.Other() != dialog.Caller ||
		dialog.Caller.String() != "caller" || dialog.Callee.String() != "callee" {
		t.Error("sides")
	}
}

func TestRouteSets(t *testing.T) {
	up := request(t, "INVITE", "1", "Record-Route: <sip:p2;lr>, \"a, b\" <sip:p1;lr>\nRecord-Route: <sip:p0;lr>\n")
	if got := string(dialog.RouteSetOfRequest(nil, up)); got != `<sip:p2;lr>, "a, b" <sip:p1;lr>, <sip:p0;lr>` {
		t.Errorf("UAS: %s", got)
	}
	us := "<sip:" + string(ourID) + "@192.0.2.1:5060;lr>"
	for name, c := range map[string]struct{ header, want string }{
		"none":        {"", ""},
		"only ours":   {"Record-Route: " + us + ", " + us + ", <sip:up;lr>\n", ""},
		"theirs":      {"Record-Route: <sip:c2;lr>\nRecord-Route: <sip:c1;lr>," + us + "\nRecord-Route: <sip:up;lr>\n", "<sip:c1;lr>, <sip:c2;lr>"},
		"without our": {"Record-Route: <sip:c2;lr>, <sip:c1;lr>\n", "<sip:c1;lr>, <sip:c2;lr>"},
		"bad one":     {"Record-Route: <sip:c2;lr>, <broken\n", "<broken, <sip:c2;lr>"},
	} {
		m := request(t, "INVITE", "1", c.header)
		if got := string(minter.RouteSetOfResponse(nil, m, dialog.Stable{1, 2, 3})); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestRouteSetOfSpiral: a call that came through us twice has us twice in its
// Record-Routes; each passage's own set ends at its own entry (RFC 3261 16.4 spirals).
func TestRouteSetOfSpiral(t *testing.T) {
	second := dialog.Stable{9}
	later := "<sip:" + string(minter.Append(nil, dialog.ID{Stable: second})) + "@192.0.2.1;lr>"
	us := "<sip:" + string(ourID) + "@192.0.2.1;lr>"
	m := request(t, "INVITE", "1", "Record-Route: <sip:c;lr>, "+later+", <sip:b;lr>, "+us+", <sip:a;lr>\n")
	if got, want := string(minter.RouteSetOfResponse(nil, m, dialog.Stable{1, 2, 3})), "<sip:b;lr>, "+later+", <sip:c;lr>"; got != want {
		t.Errorf("first passage: %s, want %s", got, want)
	}
	if got, want := string(minter.RouteSetOfResponse(nil, m, second)), "<sip:c;lr>"; got != want {
		t.Errorf("second passage: %s, want %s", got, want)
	}
}

func TestContactURI(t *testing.T) {
	for header, want := range map[string]string{
		"":                           "",
		"Contact: *\n":               "*",
		"m: \"x\" <sip:a@b;x>;q=1\n": "sip:a@b;x",
		"Contact: sip:a@b;expires=3, <sip:c@d>\n": "sip:a@b",
		"Contact: <broken\n":                      "",
	} {
		if got := string(dialog.ContactURI(request(t, "INVITE", "1", header))); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

func TestRAck(t *testing.T) {
	for header, want := range map[string]uint32{
		"RAck: 776656 1 INVITE\n": 1, "RAck: 1 \r\n 314159 INVITE\n": 314159, "RAck: 1\n": 0, "RAck: \n": 0, "": 0, "RAck: 1 x INVITE\n": 0,
	} {
		m := request(t, "PRACK", "2", header)
		n, ok := dialog.RAckNumber(m)
		if n != want || ok != (want != 0) {
			t.Errorf("%q: %d, %v", header, n, ok)
		}
		if !ok {
			continue
		}
		f := dialog.Forward{Message: m, Source: callerAt, Out: usOut, Branch: []byte("z9hG4bKus"), CSeq: 2, RAck: 42}
		var e sip.Edit
		out, err := f.Write(&e, nil)
		if err != nil || !strings.Contains(string(out), " 42 INVITE\r\n") {
			t.Errorf("%q: %v\n%s", header, err, out)
		}
	}
}

func TestWithoutTag(t *testing.T) {
	for value, want := range map[string]string{
		`"A" <sip:a@b;x=1>;tag=1;y`: `"A" <sip:a@b;x=1>`,
		`sip:a@b;tag=1`:             `sip:a@b`,
		`sip:a@b ;tag=1`:            `sip:a@b`,
		`tel:+39;tag=1`:             `tel:+39`,
		`<sip:a@b>`:                 `<sip:a@b>`,
		`broken <`:                  `broken <`,
		``:                          ``,
	} {
		if got := string(dialog.WithoutTag([]byte(value))); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

func TestTexts(t *testing.T) {
	var b dialog.Texts
	one, err := b.Add([]byte("one"))
	two, err2 := b.Add([]byte("two"))
	if err != nil || err2 != nil || string(b.Get(one)) != "one" || string(b.Get(two)) != "two" || one.Empty() || !(dialog.Text{}).Empty() {
		t.Fatal("Add")
	}
	for _, s := range []string{"1", "three", "3", "", "three"} {
		if err := b.Set(&one, []byte(s)); err != nil || string(b.Get(one)) != s || string(b.Get(two)) != "two" {
			t.Fatalf("Set %q: %q, %q", s, b.Get(one), b.Get(two))
		}
	}
	used := len(b.Buf)
	for range 1000 {
		if err := b.Set(&one, []byte("five!")); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.Buf) != used {
		t.Error("a text that fits takes new room")
	}
	// A party that sends an ever longer Contact comes to the bound.
	for n := 1; err == nil && n < 1000; n++ {
		err = b.Set(&two, make([]byte, n))
	}
	if !errors.Is(err, dialog.ErrTooLong) || len(b.Buf) > 16<<10 {
		t.Errorf("%v with %d bytes", err, len(b.Buf))
	}
}
