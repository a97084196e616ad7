package sdp

import (
	"strings"
	"testing"
)

// TestAnswer: what stands fits each offer, and what fits is left alone.
func TestAnswer(t *testing.T) {
	const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	stream := func(port, direction string) string {
		s := "m=audio " + port + " RTP/AVP 0\r\na=ptime:20\r\n"
		if direction != "" {
			s += "a=" + direction + "\r\n"
		}
		return head + s
	}
	for _, test := range []struct{ own, offer, port, want string }{
		{"", "", "4000", ""},
		{"sendrecv", "sendrecv", "4000", "sendrecv"},
		{"", "sendonly", "4000", "recvonly"},
		{"sendrecv", "recvonly", "4000", "sendonly"},
		{"", "inactive", "4000", "inactive"},
		{"sendonly", "", "4000", "sendonly"},
		{"sendonly", "sendonly", "4000", "inactive"},
		{"recvonly", "sendonly", "4000", "recvonly"},
		{"", "", "0", ""},
	} {
		var own, offer Description
		if own.Parse([]byte(stream("5000", test.own))) != nil || offer.Parse([]byte(stream(test.port, test.offer))) != nil {
			t.Fatal("bad test")
		}
		var e Edit
		e.Reset(&own)
		e.Answer(&own.Media()[0], &offer, &offer.Media()[0])
		out, err := e.Append(nil)
		port := "5000"
		if test.port == "0" {
			port = "0"
		}
		if want := stream(port, test.want); err != nil || string(out) != want {
			t.Errorf("%+v: %v\n%s", test, err, strings.TrimPrefix(string(out), head))
		}
	}
}
