package sip

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestChange: changes come on top of other edits of the same headers, in order, by long and compact names.
func TestChange(t *testing.T) {
	const request = "INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nX-A: 1\r\ns: hello\r\nx-a: 2\r\n  3\r\nUser-Agent: u\r\nContent-Length: 0\r\n\r\n"
	add, remove, replace := AddHeader, RemoveHeader, ReplaceHeader
	for _, c := range []struct {
		changes []HeaderChange
		want    string // the lines after Via
	}{
		{nil, "X-A: edited|s: hello|x-a: 2|  3|User-Agent: u|Content-Length: 0"},
		{[]HeaderChange{NewHeaderChange(add, "X-B", "4")}, "X-A: edited|s: hello|x-a: 2|  3|User-Agent: u|Content-Length: 0|X-B: 4"},
		{[]HeaderChange{NewHeaderChange(remove, "x-A", "")}, "s: hello|User-Agent: u|Content-Length: 0"},
		{[]HeaderChange{NewHeaderChange(replace, "X-a", "5")}, "X-a: 5|s: hello|User-Agent: u|Content-Length: 0"},
		{[]HeaderChange{NewHeaderChange(replace, "Subject", "bye")}, "X-A: edited|Subject: bye|x-a: 2|  3|User-Agent: u|Content-Length: 0"},
		{[]HeaderChange{NewHeaderChange(replace, "X-None", "6"), NewHeaderChange(remove, "X-None", "")}, "X-A: edited|s: hello|x-a: 2|  3|User-Agent: u|Content-Length: 0"},
		{
			[]HeaderChange{NewHeaderChange(replace, "User-Agent", "a"), NewHeaderChange(remove, "User-Agent", ""), NewHeaderChange(add, "User-Agent", "b")},
			"X-A: edited|s: hello|x-a: 2|  3|Content-Length: 0|User-Agent: b",
		},
	} {
		var m Message
		if err := m.Parse([]byte(request)); err != nil {
			t.Fatal(err)
		}
		var e Edit
		e.Reset(&m)
		e.Insert(m.Field(0).Line.Off).String("Via: first\r\n")
		e.At(m.Field(1).Value).String("edited")
		e.Change(HeaderChanges{c.changes})
		out, err := e.Write(nil)
		if err != nil {
			t.Errorf("%+v: %v", c.changes, err)
			continue
		}
		_, rest, _ := strings.Cut(string(out), "Via: first\r\nVia: SIP/2.0/UDP a\r\n")
		if got := strings.ReplaceAll(strings.TrimSuffix(rest, "\r\n\r\n"), "\r\n", "|"); got != c.want {
			t.Errorf("%+v:\ngot  %s\nwant %s", c.changes, got, c.want)
		}
	}
}

// TestChangesAtOnce: lists of changes made at once give what they give one by one.
func TestChangesAtOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 11))
	names := []string{"X-A", "x-a", "X-B", "s", "Subject", "User-Agent"}
	for range 20000 {
		message := "INVITE sip:b@x SIP/2.0\r\n"
		for range rng.IntN(6) {
			message += names[rng.IntN(len(names))] + ": old\r\n"
		}
		message += "\r\n"
		lists := make([][]HeaderChange, 3)
		want := []byte(message)
		for i := range lists {
			for range rng.IntN(4) {
				c := NewHeaderChange(HeaderAction(rng.IntN(3)), names[rng.IntN(len(names))], strconv.Itoa(rng.IntN(100)))
				lists[i] = append(lists[i], c)
				want = changed(t, want, []HeaderChange{c})
			}
		}
		got := changed(t, []byte(message), lists...)
		if string(got) != string(want) {
			t.Fatalf("%v of\n%s\ngave\n%s\nwant\n%s", lists, message, got, want)
		}
		if n := len(message) + HeaderChanges(lists).Growth(); len(got) > n {
			t.Fatalf("%v of\n%s\nhas %d bytes, more than %d", lists, message, len(got), n)
		}
	}
}

func changed(t *testing.T, message []byte, lists ...[]HeaderChange) []byte {
	t.Helper()
	out, err := Changed(message, lists...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestChangeManyLines: however many lines a sender writes of a header that is removed, in a row they are one operation.
func TestChangeManyLines(t *testing.T) {
	message := []byte("INVITE sip:b@x SIP/2.0\r\nVia: a\r\n" + strings.Repeat("X-A: 1\r\n", MaxFields-2) + "\r\n")
	if got := changed(t, message, []HeaderChange{NewHeaderChange(RemoveHeader, "X-A", "")}); string(got) != "INVITE sip:b@x SIP/2.0\r\nVia: a\r\n\r\n" {
		t.Errorf("%q", got)
	}
}
