package ua

import (
	"bytes"
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// loseFirst loses the first n datagrams that start with prefix.
func loseFirst(prefix string, n int) func(netip.AddrPort, netip.AddrPort, []byte) bool {
	return func(_, _ netip.AddrPort, b []byte) bool {
		if n > 0 && bytes.HasPrefix(b, []byte(prefix)) {
			n--
			return true
		}
		return false
	}
}

// TestLoss places a call over a network that loses one kind of message.
func TestLoss(t *testing.T) {
	for _, c := range []struct {
		name, prefix, user string
		n                  int
		want               []string
	}{
		{"INVITE", "INVITE", "100", 2, []string{
			"> INVITE", "> INVITE again", "> INVITE again",
			"< 180 Ringing", "< 200 OK", "> ACK", "> BYE", "< 200 OK",
		}},
		{"provisional", "SIP/2.0 180", "100", 1, []string{
			"> INVITE", "< 200 OK", "> ACK", "> BYE", "< 200 OK",
		}},
		{"2xx", "SIP/2.0 200", "100", 2, []string{
			"> INVITE", "< 180 Ringing", "< 200 OK", "> ACK", "> BYE", "< 200 OK",
		}},
		{"ACK", "ACK", "100", 3, []string{
			"> INVITE", "< 180 Ringing", "< 200 OK", "> ACK", "< 200 OK again", "> ACK again", "< 200 OK again",
			"> ACK again", "< 200 OK again", "> ACK again", "> BYE", "< 200 OK",
		}},
		{"BYE", "BYE", "100", 2, []string{
			"> INVITE", "< 180 Ringing", "< 200 OK", "> ACK", "> BYE", "> BYE again", "> BYE again", "< 200 OK",
		}},
		{"far BYE", "BYE", "7", 2, []string{
			"> INVITE", "< 180 Ringing", "< 200 OK", "> ACK", "< BYE", "> 200 OK",
		}},
		{"ACK of 486", "ACK", "102", 1, []string{
			"> INVITE", "< 486 Busy Here", "> ACK", "< 486 Busy Here again", "> ACK again",
		}},
		{"486", "SIP/2.0 486", "102", 1, nil}, // timers A and G ring at one instant
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newMemNet()
				n.lose = loseFirst(c.prefix, c.n)
				_, stop := memPBX(t, n, PBXConfig{Talk: time.Second})
				defer stop()
				cfg := memProbe(n, c.user)
				cfg.Talk = 5 * time.Second
				l, err := Probe(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				if c.want != nil {
					wantLines(t, &l, c.want...)
				} else if l.Status == 0 {
					t.Errorf("%s", &l)
				}
			})
		})
	}
}

// TestLostAnswerToBYE: the far end repeats its BYE and gets the same answer.
func TestLostAnswerToBYE(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		n.lose = func(from, _ netip.AddrPort, b []byte) bool {
			return from == callerAddr && loseAnswers(b)
		}
		_, stop := memPBX(t, n, PBXConfig{})
		defer stop()
		cfg := memProbe(n, "7")
		cfg.Talk = time.Minute
		l, err := Probe(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		wantLines(t, &l, "> INVITE", "< 180 Ringing", "< 200 OK", "> ACK",
			"< BYE", "> 200 OK", "< BYE again", "> 200 OK again")
	})
}

func loseAnswers(b []byte) bool { return bytes.HasPrefix(b, []byte("SIP/2.0 200")) }

// TestSilence: nobody answers; timer A doubles, timer B ends it.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		l, err := Probe(t.Context(), memProbe(newMemNet(), "100"))
		if err != nil || l.Outcome != Silence || time.Since(start) != 32*time.Second {
			t.Errorf("%s after %s, %v", l.Outcome, time.Since(start), err)
		}
		var ms []float64
		for _, s := range l.Steps {
			ms = append(ms, s.MS)
		}
		if len(ms) != 7 || ms[1] != 500 || ms[2] != 1500 || ms[6] != 31500 {
			t.Errorf("sent at %v", ms)
		}
	})
}

// TestProbeIsStopped ends the context of a probe in each state.
func TestProbeIsStopped(t *testing.T) {
	for _, c := range []struct {
		name, user string
		after      time.Duration
		lose       string
		takes      time.Duration
		outcome    Outcome
		last       string // the last line
	}{
		{"before any answer", "100", time.Second, "INVITE", time.Second + lastCall, Cancelled, "> INVITE again"},
		{"while it rings", "103", time.Second, "", time.Second + linger, Cancelled, "> ACK"},
		{"while it talks", "100", time.Second, "", time.Second, Answered, "< 200 OK"},
		{"with a deaf far end", "103", time.Second, "CANCEL", time.Second + lastCall, Cancelled, "> CANCEL again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newMemNet()
				if c.lose != "" {
					n.lose = loseFirst(c.lose, 100)
				}
				_, stop := memPBX(t, n, PBXConfig{})
				defer stop()
				ctx, cancel := context.WithTimeout(t.Context(), c.after)
				defer cancel()
				cfg := memProbe(n, c.user)
				cfg.Talk = time.Hour
				start := time.Now()
				l, err := Probe(ctx, cfg)
				if err != nil {
					t.Fatal(err)
				}
				got := lines(&l)
				if l.Outcome != c.outcome || time.Since(start) != c.takes || got[len(got)-1] != c.last {
					t.Errorf("%s after %s, want %s after %s\n%s", l.Outcome, time.Since(start), c.outcome, c.takes, &l)
				}
			})
		})
	}
}

// TestPBXIsStopped: a PBX that ends refuses what rings and hangs up what talks.
func TestPBXIsStopped(t *testing.T) {
	for user, want := range map[string][]string{
		"103": {"> INVITE", "< 180 Ringing", "< 480 Temporarily Unavailable", "> ACK"},
		"100": {"> INVITE", "< 180 Ringing", "< 200 OK", "> ACK", "< BYE", "> 200 OK"},
	} {
		t.Run(user, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newMemNet()
				_, stop := memPBX(t, n, PBXConfig{})
				timer := time.AfterFunc(time.Second, stop)
				defer timer.Stop()
				cfg := memProbe(n, user)
				cfg.Talk = time.Hour
				l, err := Probe(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				wantLines(t, &l, want...)
			})
		})
	}
}

// TestPRACK: with Require: 100rel every provisional response waits for its PRACK.
func TestPRACK(t *testing.T) {
	for _, c := range []struct {
		name, user, prefix string
		want               []string
	}{
		{"ring", "100", "", []string{
			"> INVITE", "< 180 Ringing", "> PRACK", "< 200 OK", "< 200 OK", "> ACK", "> BYE", "< 200 OK",
		}},
		{"early media", "104", "", []string{
			"> INVITE", "< 183 Session Progress", "> PRACK", "< 200 OK", "< 200 OK", "> ACK", "> BYE", "< 200 OK",
		}},
		{"lost 180", "100", "SIP/2.0 180", nil}, // timers of both ends ring at one instant
		{"lost PRACK", "100", "PRACK", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newMemNet()
				if c.prefix != "" {
					n.lose = loseFirst(c.prefix, 1)
				}
				_, stop := memPBX(t, n, PBXConfig{})
				defer stop()
				cfg := memProbe(n, c.user)
				cfg.Headers = []string{"Require: 100rel"}
				l, err := Probe(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				if c.want != nil {
					wantLines(t, &l, c.want...)
				} else if l.Outcome != Answered || l.EndedBy != "us" {
					t.Errorf("%s", &l)
				}
			})
		})
	}
}

// TestCaller: calls go out in turn until the context ends.
func TestCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		_, stop := memPBX(t, n, PBXConfig{})
		defer stop()
		var outcomes []Outcome
		c, err := NewCaller(CallerConfig{
			Server: pbxAddr, Local: callerAddr.Addr(), From: "sip:alice@192.0.2.1", Every: 10 * time.Second, Talk: time.Second,
			URIs:   []string{"sip:100@192.0.2.2", "sip:102@192.0.2.2", "sip:103@192.0.2.2"},
			Done:   func(l Ladder, _ error) { outcomes = append(outcomes, l.Outcome) },
			listen: n.listen,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Run(ctx); err != nil {
			t.Fatal(err)
		}
		want := []Outcome{Answered, Refused, NoAnswer, Answered, Refused}
		if len(outcomes) != len(want) {
			t.Fatalf("%q, want %q", outcomes, want)
		}
		for i := range want {
			if outcomes[i] != want[i] {
				t.Errorf("%q, want %q", outcomes, want)
			}
		}
	})
}

func TestCallerRefusesConfig(t *testing.T) {
	for _, cfg := range []CallerConfig{
		{Server: pbxAddr},
		{URIs: []string{"sip:100@192.0.2.2"}},
		{Server: pbxAddr, URIs: []string{"100"}},
	} {
		if _, err := NewCaller(cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
}
