package sip

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// items reads a stream that arrives in the given pieces, as a connection's reader
// would: what is not yet an item stays in the buffer.
func items(t testing.TB, pieces ...[]byte) (got []string, rest []byte, err error) {
	t.Helper()
	var f Framer
	for _, p := range pieces {
		rest = append(rest, p...)
		for {
			n, kind, err := f.Next(rest)
			if err != nil {
				return got, rest, err
			}
			if n == 0 {
				break
			}
			if n < 0 || n > len(rest) {
				t.Fatalf("an item of %d bytes out of %d", n, len(rest))
			}
			switch kind {
			case FrameMessage:
				got = append(got, string(rest[:n]))
			case FramePing:
				got = append(got, "PING")
			case FramePong:
				got = append(got, "PONG")
			}
			rest = rest[n:]
		}
	}
	return got, rest, nil
}

// stream is two messages with bodies, keepalives around them, and one with a
// folded, compact Content-Length.
func stream() (all []byte, messages []string) {
	second := onWire(strings.Replace(good, "Content-Length: 0\n", "l \t:\n 0004\n", 1) + "body")
	messages = []string{string(invite), string(second), string(onWire(answer))}
	all = append(all, invite...)
	all = append(all, "\r\n\r\n"...)
	all = append(all, second...)
	all = append(all, "\r\n"...)
	return append(all, onWire(answer)...), messages
}

func TestFramer(t *testing.T) {
	all, m := stream()
	got, rest, err := items(t, all)
	want := []string{m[0], "PING", m[1], "PONG", m[2]}
	if err != nil || len(rest) != 0 || strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%v, %d bytes left, items %q", err, len(rest), got)
	}
}

// TestFramerCut cuts the stream in two at every byte, and into single bytes: the
// messages stay the same. A cut inside of a ping may make it a pong and a ping,
// which the peer takes for one.
func TestFramerCut(t *testing.T) {
	all, want := stream()
	cuts := make([][][]byte, 0, len(all)+1)
	single := make([][]byte, 0, len(all))
	for i := range all {
		cuts = append(cuts, [][]byte{all[:i], all[i:]})
		single = append(single, all[i:i+1])
	}
	for i, pieces := range append(cuts, single) {
		got, rest, err := items(t, pieces...)
		var messages []string
		pings := 0
		for _, g := range got {
			switch g {
			case "PING":
				pings++
			case "PONG":
			default:
				messages = append(messages, g)
			}
		}
		if err != nil || len(rest) != 0 || pings != 1 || strings.Join(messages, "|") != strings.Join(want, "|") {
			t.Fatalf("cut %d: %v, %d bytes left, %d pings, items %q", i, err, len(rest), pings, got)
		}
	}
}

func TestFramerErrors(t *testing.T) {
	for _, c := range []struct {
		name, text string
		max        int
		status     int
	}{
		{"no Content-Length", strings.Replace(good, "Content-Length: 0\n", "", 1), 0, 400},
		{"negative", strings.Replace(good, "Length: 0", "Length: -1", 1), 0, 400},
		{"no number", strings.Replace(good, "Length: 0", "Length: x", 1), 0, 400},
		{"two", strings.Replace(good, "Content-Length: 0\n", "Content-Length: 0\nl: 0\n", 1), 0, 400},
		{"folded into two numbers", strings.Replace(good, "Length: 0", "Length: 0\n 1", 1), 0, 400},
		{"over 65535", strings.Replace(good, "Length: 0", "Length: 70000", 1), 0, 400},
		{"message over the limit", strings.Replace(good, "Length: 0", "Length: 5000", 1), 4096, 513},
		{"header over the limit", good, 100, 513},
		{"header over the limit, not ended", good[:200], 100, 0},
		{"no SIP", "GET / HTTP/1.1\nHost: x\n\n", 0, 0},
		{"TLS", "\x16\x03\x01", 0, 0},
		{"a word", "hello\n", 0, 0},
		{"endless line", strings.Repeat("A", 9000), 0, 0},
		{"endless header", "INVITE sip:a@b SIP/2.0\n" + strings.Repeat("X: y\n", 20000), 0, 0},
		{"CR and no LF", "\rINVITE", 0, 0},
		{"LF", "<LF>", 0, 0},
	} {
		f := Framer{Max: c.max}
		text := onWire(c.text)
		n, _, err := f.Next(text)
		var fe *FrameError
		if n != 0 || !errors.As(err, &fe) || fe.Status != c.status {
			t.Errorf("%s: %d, %v, want status %d", c.name, n, err, c.status)
			continue
		}
		if fe.Status != 0 && mustParse(t, text[:fe.Header]).TopVia() == nil {
			t.Errorf("%s: the header cannot be answered", c.name)
		}
	}
}

// TestFramerNeed: a reader can size its buffer once the header is there.
func TestFramerNeed(t *testing.T) {
	var f Framer
	if n, _, err := f.Next(invite[:300]); n != 0 || err != nil || f.Need() != 0 {
		t.Errorf("half a header: %d, %v, need %d", n, err, f.Need())
	}
	if n, _, err := f.Next(invite[:len(invite)-1]); n != 0 || err != nil || f.Need() != len(invite) {
		t.Errorf("half a body: %d, %v, need %d", n, err, f.Need())
	}
	if n, _, err := f.Next(invite); n != len(invite) || err != nil || f.Need() != 0 {
		t.Errorf("all of it: %d, %v, need %d", n, err, f.Need())
	}
}

// TestFramerAgreesWithParse: what is framed is what is indexed, whatever the line
// ends; a difference would let a second message hide in a body.
func TestFramerAgreesWithParse(t *testing.T) {
	body := string(onWire(good))
	for _, head := range []string{
		"INVITE sip:a@b SIP/2.0\r\nl: %\r\n\r\n",
		"INVITE sip:a@b SIP/2.0\r\nl: %\n\r\n",
		"INVITE sip:a@b SIP/2.0\r\nl: %\r\n\n",
		"INVITE sip:a@b SIP/2.0\nl:\n %\n\n",
		"INVITE sip:a@b SIP/2.0\r\nX: \rl: 7\r\nl: %\r\n\r\n",
		"INVITE sip:a@b SIP/2.0\r\nX: y\r\n l: 7\r\nl: %\r\n\r\n",
		"INVITE sip:a@b SIP/2.0\r\nX: y\n l: 7\r\nl: %\r\n\r\n",
	} {
		text := strings.Replace(head, "%", "200", 1) + body
		var f Framer
		n, _, err := f.Next([]byte(text))
		if err != nil || n == 0 {
			t.Errorf("%q: %d, %v", head, n, err)
			continue
		}
		if m := mustParse(t, []byte(text)); !bytes.Equal(m.Bytes(), []byte(text)[:n]) {
			t.Errorf("%q: framed %d bytes, indexed %d", head, n, len(m.Bytes()))
		}
	}
}
