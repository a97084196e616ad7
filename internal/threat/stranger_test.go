package threat_test

import (
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/transport"
)

// TestDidYouMean: what a stranger may have meant.
func TestDidYouMean(t *testing.T) {
	for host, want := range map[string]string{
		"acme.exmaple":        "acme.example",
		"acm.example":         "acme.example",
		"ACME.EXAMPLES.":      "acme.example",
		"sip.acme.example":    "acme.example",
		"a.b.acme.example":    "acme.example",
		"acme.com":            "acme.example",
		"pbx.acme.com":        "acme.example",
		"voip.test":           "pbx1.voip.test",
		"pbx2.voip.test":      "pbx1.voip.test",
		"pbx-seven.voip.test": "",
		"acme.example":        "", // it is one by now
		"192.0.2.1":           "",
		"[2001:db8::1]":       "",
		"localhost":           "",
		"other.test":          "",
		"acem-corp.example":   "",
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCourt(t)
			c.domains = []string{"acme.example", "pbx1.voip.test", "zeta.invalid"}
			c.strange("198.51.100.1", 1, request(t, "INVITE sip:1@"+host))
			if got := c.Strangers()[0].DidYouMean; got != want {
				t.Errorf("%s: %q, want %q", host, got, want)
			}
		})
	}
}

// TestList: the latest first, with what the last request said.
func TestList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourt(t)
		if got := c.Strangers(); len(got) != 0 {
			t.Fatalf("%v", got)
		}
		first := time.Now()
		c.strange("198.51.100.1", 2, request(t, "OPTIONS sip:100@192.0.2.1", "User-Agent: one"))
		time.Sleep(time.Second)
		c.strange("198.51.100.2", 21, request(t, "INVITE tel:+1234", "User-Agent: two\x1b[31m"))
		time.Sleep(time.Second)
		c.Stranger(time.Now(), at("198.51.100.1"), transport.TLS, request(t, "INVITE sip:x@nowhere.test:5070"))
		synctest.Wait()
		list := c.Strangers()
		if len(list) != 2 {
			t.Fatalf("%v", list)
		}
		one, two := list[0], list[1]
		if one.Source != "198.51.100.1:5060" || one.Count != 3 || one.Transport != "tls" || one.RequestLine != "INVITE sip:x@nowhere.test:5070 SIP/2.0" ||
			one.UserAgent != "" || one.Host != "nowhere.test" || one.Banned || !one.First.Equal(first) || !one.Last.Equal(first.Add(2*time.Second)) {
			t.Errorf("%+v", one)
		}
		if two.Count != 21 || two.UserAgent != "two\x1b[31m" || two.Host != "" || !two.Banned {
			t.Errorf("%+v", two)
		}
	})
}
