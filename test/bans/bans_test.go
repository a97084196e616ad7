package bans

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// quiet is how long a request that is dropped stays without an answer.
const quiet = 100 * time.Millisecond

// heard sends a request that reaches the PBX and is answered.
func heard(s *stage.Stage, u *peer.UA) {
	s.Helper()
	call := u.Start("OPTIONS", s.URI())
	s.Callee.Accept("OPTIONS").Answer(200)
	call.Expect("200 OPTIONS")
}

// dropped sends a request that nobody hears.
func dropped(s *stage.Stage, u *peer.UA) {
	s.Helper()
	u.Start("OPTIONS", s.URI())
	u.Quiet(quiet)
	s.Callee.Quiet(time.Millisecond)
}

// found gives the ban of an address for a scope, "" for everybody.
func found(t testing.TB, n *harness.Node, address, customer string) map[string]any {
	t.Helper()
	for _, b := range n.JSON(t, "bans") {
		of, _ := b["customer"].(string)
		if b["address"] == address && of == customer {
			return b
		}
	}
	return nil
}

func udp() stage.Leg { return stage.Leg{Proto: "udp"} }

func setting(t *testing.T, n *harness.Node, change func(*harness.Customer)) *stage.Stage {
	t.Helper()
	return stage.New(t, n, stage.One()[0], change)
}

func TestBans(t *testing.T) {
	n := harness.Start(t, harness.Settings{Bannable: true, Config: "never_ban: [127.9.9.9]\n"})
	t.Run("group", func(t *testing.T) {
		for name, play := range map[string]func(*testing.T, *harness.Node){
			"for everybody, and lifted": everybody, "for one customer": oneCustomer, "connections": connections,
			"whom no ban holds": protected, "whitelist": whitelist,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				play(t, n)
			})
		}
	})
	t.Run("kept over a kill", func(t *testing.T) { kept(t, n) })
}

func everybody(t *testing.T, n *harness.Node) {
	s := setting(t, n, nil)
	other := s.Peer(udp())
	heard(s, s.Caller)
	n.Must(t, "ban", s.Caller.IP(), "--for", "1h", "--reason", "a test\x1b[31m")
	dropped(s, s.Caller)
	heard(s, other)
	b := found(t, n, s.Caller.IP(), "")
	if hits, _ := b["hits"].(float64); hits < 1 || b["reason"] != "a test\x1b[31m" {
		t.Errorf("%v", b)
	}
	n.Must(t, "unban", s.Caller.IP())
	heard(s, s.Caller)
	if r := n.Command(t, "unban", s.Caller.IP()); r.Code != 1 {
		t.Errorf("lifted twice: %+v", r)
	}
	wide := netip.MustParsePrefix(s.Caller.IP() + "/28").Masked().String()
	n.Must(t, "ban", wide, "--for", "1h")
	dropped(s, s.Caller)
	n.Must(t, "unban", wide)
	n.Must(t, "ban", s.Caller.IP(), "--for", "3s")
	dropped(s, s.Caller)
	harness.Eventually(t, harness.Soon, func() error {
		if found(t, n, s.Caller.IP(), "") != nil {
			return fmt.Errorf("not over")
		}
		return nil
	})
	heard(s, s.Caller)
}

func oneCustomer(t *testing.T, n *harness.Node) {
	s, next := setting(t, n, nil), setting(t, n, nil)
	n.Must(t, "ban", s.Caller.IP(), "--customer", s.Customer.Name)
	dropped(s, s.Caller)
	if e := n.Must(t, "explain", "--from", "sip:x@a.test", "--method", "OPTIONS", "--to", s.URI(), "--source", s.Caller.Addr().String(), "-o", "json"); !strings.Contains(e.Stdout, `"banned"`) {
		t.Errorf("explain: %s", e.Stdout)
	}
	call := s.Caller.Start("OPTIONS", next.URI())
	next.Callee.Accept("OPTIONS").Answer(200)
	call.Expect("200 OPTIONS")
	n.Must(t, "unban", s.Caller.IP(), "--customer", s.Customer.Name)
	heard(s, s.Caller)
}

func connections(t *testing.T, n *harness.Node) {
	s := stage.New(t, n, stage.Matrix("tcp4-udp4")[0], nil)
	heard(s, s.Caller)
	n.Must(t, "ban", s.Caller.IP())
	harness.Eventually(t, harness.Soon, func() error {
		if open := s.Caller.Connections(); open != 0 {
			return fmt.Errorf("%d connections are open", open)
		}
		return nil
	})
	s.Callee.Quiet(quiet)
	n.Must(t, "unban", s.Caller.IP())
	heard(s, s.Caller)
}

func protected(t *testing.T, n *harness.Node) {
	s := setting(t, n, nil)
	for _, args := range [][]string{
		{"ban", "127.9.9.9"},
		{"ban", s.Callee.IP(), "--customer", s.Customer.Name},
		{"ban", "nobody"},
		{"ban", "127.1.1.1", "--for", "never"},
		{"ban", "127.1.1.1", "--customer", "nobody"},
	} {
		if r := n.Command(t, args...); r.Code != 1 || r.Stderr == "" {
			t.Errorf("%v: %+v", args, r)
		}
	}
	n.Must(t, "ban", s.Callee.IP()) // holds for all but the customer whose PBX it is
	heard(s, s.Caller)
	b := s.Callee.Start("OPTIONS", "sip:x@"+s.Caller.Addr().String())
	b.Expect(403) // a foreign host: it was heard
	n.Must(t, "unban", s.Callee.IP())
}

func whitelist(t *testing.T, n *harness.Node) {
	s := setting(t, n, nil)
	n.Must(t, "ban", s.Caller.IP())
	n.Must(t, "ban", s.Caller.IP(), "--customer", s.Customer.Name)
	dropped(s, s.Caller)
	s.Customer.Extra = fmt.Sprintf("whitelist: [%q]\n", s.Caller.IP())
	s.Apply()
	heard(s, s.Caller)
	if found(t, n, s.Caller.IP(), s.Customer.Name) != nil {
		t.Error("the customer's ban was not lifted")
	}
	next := setting(t, n, nil)
	s.Caller.Start("OPTIONS", next.URI()) // his whitelist is not another's
	s.Caller.Quiet(quiet)
	next.Callee.Quiet(time.Millisecond)
	n.Must(t, "unban", s.Caller.IP())
}

func kept(t *testing.T, n *harness.Node) {
	s := setting(t, n, nil)
	other := s.Peer(udp())
	n.Must(t, "ban", s.Caller.IP(), "--for", "1h")
	n.Must(t, "ban", other.IP(), "--for", "1h", "--customer", s.Customer.Name)
	before := found(t, n, s.Caller.IP(), "")
	n.Signal(t, syscall.SIGKILL)
	n.Exited(5 * time.Second)
	n.Up(t)
	dropped(s, s.Caller)
	dropped(s, other)
	if after := found(t, n, s.Caller.IP(), ""); after["until"] != before["until"] || after["id"] != before["id"] {
		t.Errorf("%v, was %v", after, before)
	}
	n.Must(t, "unban", s.Caller.IP())
	n.Must(t, "unban", other.IP())
	n.Signal(t, syscall.SIGKILL)
	n.Exited(5 * time.Second)
	n.Up(t)
	heard(s, s.Caller)
	heard(s, other)
}
