package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// TestBans: the same with the kernel's help, in both ways of attaching, and without.
func TestBans(t *testing.T) {
	for name, env := range map[string][]string{"kernel": nil, "clsact": {"TOLLGATE_KERNEL=clsact"}, "step 3": {"TOLLGATE_MEDIA_KERNEL=off"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := set(t, env...)
			p.way(name)
			p.inKernel(0)
			for _, play := range []struct {
				name string
				do   func(*place)
			}{
				{"over UDP", overUDP},
				{"over TCP", overTCP},
				{"IPv6", overIPv6},
				{"other ports", otherPorts},
				{"whom somebody accepts", accepted},
				{"ends by itself", ends},
				{"interfaces come", interfacesCome},
				{"kept over a kill", kept},
			} {
				t.Run(play.name, func(t *testing.T) {
					q := *p
					q.T = t
					play.do(&q)
					q.inKernel(0)
				})
			}
		})
	}
}

// TestWithoutPrivileges: a node that may not load the program says so, and drops by itself.
func TestWithoutPrivileges(t *testing.T) {
	t.Parallel()
	n := harness.Start(t, harness.Settings{Bannable: true, Prefix: []string{
		harness.Need(t, "setpriv", "util-linux"), "--bounding-set", "-bpf,-net_admin,-sys_admin",
	}})
	said := n.LogSince(0, "CAP_BPF")
	if !strings.Contains(said, "bans drop in this process") || !strings.Contains(said, "media is forwarded in this process") || strings.Contains(said, "WARN") {
		t.Errorf("the log says %q", said)
	}
	u := peer.New(t, "udp", harness.IP(t))
	u.Edge = n.Addr("udp", u.Addr().Addr())
	n.Must(t, "ban", u.IP())
	u.Start("OPTIONS", "sip:bob@nobody.test")
	u.Quiet(quiet)
	if bans := n.JSON(t, "bans"); len(bans) != 1 || bans[0]["hits"] != float64(1) {
		t.Errorf("%v", bans)
	}
	var report struct {
		Findings []struct{ Check, Text string }
	}
	if err := json.Unmarshal([]byte(n.Command(t, "doctor", "-o", "json").Stdout), &report); err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Check == "bans" && !strings.Contains(f.Text, "CAP_BPF") {
			t.Errorf("doctor says %q of the running node", f.Text)
		}
	}
}

func overUDP(p *place) {
	bad, good := p.phone("udp"), p.phone("udp")
	p.heard(bad)
	p.ban(bad.IP(), 1)
	before, was := p.received(), p.hits(bad.IP())
	p.dropped(bad)
	harness.Eventually(p, harness.Soon, func() error {
		if now := p.hits(bad.IP()); now <= was {
			return fmt.Errorf("%d hits, before %d", now, was)
		}
		return nil
	})
	if now := p.received(); p.drops && now != before {
		p.Errorf("%d datagrams came past the kernel", now-before)
	}
	p.heard(good)
	if p.metric("tollgate_banned_dropped_total") < 1 {
		p.Error("what was dropped is not counted")
	}
	p.node.Must(p, "unban", bad.IP())
	p.heard(bad)
}

func overTCP(p *place) {
	bad, good := p.phone("tcp"), p.phone("tcp")
	p.heard(bad)
	p.ban(bad.IP(), 1)
	harness.Eventually(p, harness.Soon, func() error {
		if n := bad.Connections(); n != 0 {
			return fmt.Errorf("%d connections are open", n)
		}
		return nil
	})
	answer, err := p.sayWithin(5*quiet, p.cloud.Phones, "tcp", bad.IP(), bad.Edge.String(), "OPTIONS sip:bob@acme.test SIP/2.0\r\n\r\n")
	if timeout := net.Error(nil); p.drops && (!errors.As(err, &timeout) || !timeout.Timeout()) || answer != "" {
		p.Errorf("a connection of who is banned: %q, %v", answer, err)
	}
	if n := p.hits(bad.IP()); n < 1 {
		p.Errorf("%d hits", n)
	}
	p.heard(good)
	p.node.Must(p, "unban", bad.IP())
	p.heard(bad)
}

func overIPv6(p *place) {
	bad, good := p.phone6(), p.phone6()
	p.heard(bad)
	p.ban(bad.IP(), 1)
	before := p.received()
	p.dropped(bad)
	if now := p.received(); p.drops && now != before {
		p.Errorf("%d datagrams came past the kernel", now-before)
	}
	if n := p.hits(bad.IP()); n < 1 {
		p.Errorf("%d hits", n)
	}
	p.heard(good)
	p.node.Must(p, "unban", bad.IP())
	p.ban("2001:db8:1:1::/64", 1)
	p.dropped(good)
	p.node.Must(p, "unban", "2001:db8:1:1::/64")
	p.heard(good)
}

// otherPorts: a ban never keeps anybody from SSH or the panel, or from anything else that is
// not ours.
func otherPorts(p *place) {
	p.echo("2222")
	p.echo("5062")
	bad := p.phone("udp")
	p.ban(bad.IP(), 1)
	p.dropped(bad)
	for _, port := range []string{"2222", "5062"} {
		to := net.JoinHostPort(harness.CloudPublic, port)
		if answer, err := p.say(p.cloud.Phones, "tcp", bad.IP(), to, ""); err != nil || !strings.HasPrefix(answer, "SSH-") {
			p.Errorf("TCP port %s: %q, %v", port, answer, err)
		}
		if answer, err := p.say(p.cloud.Phones, "udp", bad.IP(), to, "hello"); err != nil || answer != "hello" {
			p.Errorf("UDP port %s: %q, %v", port, answer, err)
		}
	}
	panel := net.JoinHostPort(harness.CloudPublic, "8080")
	if answer, err := p.say(p.cloud.Phones, "tcp", bad.IP(), panel, "GET /api/openapi.json HTTP/1.0\r\n\r\n"); err != nil || !strings.HasPrefix(answer, "HTTP/1.0 200") {
		p.Errorf("the panel: %.60q, %v", answer, err)
	}
	p.node.Must(p, "unban", bad.IP())
}

// accepted: the kernel drops for everybody or not at all.
func accepted(p *place) {
	good, bad := p.phone("udp"), p.phone("udp")
	p.ban("198.51.100.0/24", 1)
	p.dropped(good)
	p.acme.Extra = fmt.Sprintf("whitelist: [%q]\n", good.IP())
	p.node.Apply(p, p.acme)
	p.heard(good) // in that moment
	p.inKernel(0)
	p.dropped(bad)
	p.acme.Extra = "whitelist: []\n"
	p.node.Apply(p, p.acme)
	p.inKernel(1)
	p.dropped(good)
	p.node.Must(p, "unban", "198.51.100.0/24")
	p.heard(good)

	p.node.Must(p, "ban", p.pbx.IP())
	p.inKernel(0) // a destination
	p.heard(good)
	p.node.Must(p, "unban", p.pbx.IP())
	p.node.Must(p, "ban", bad.IP(), "--customer", "acme")
	p.inKernel(0) // others may want to hear him
	p.dropped(bad)
	p.node.Must(p, "unban", bad.IP(), "--customer", "acme")
}

func ends(p *place) {
	bad := p.phone("udp")
	p.node.Must(p, "ban", bad.IP(), "--for", "3s")
	p.dropped(bad)
	harness.Eventually(p, harness.Soon, func() error {
		if p.hits(bad.IP()) >= 0 {
			return errors.New("the ban is not over")
		}
		return nil
	})
	p.heard(bad)
}

// interfacesCome: one that appears while a ban stands is guarded, too.
func interfacesCome(p *place) {
	bad := p.phone("udp")
	p.ban(bad.IP(), 1)
	was := p.metric("tollgate_kernel_bans_interfaces")
	link := func(command string) {
		if out, err := p.cloud.Edge.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil {
			p.Fatalf("ip %s: %v: %s", command, err, out)
		}
	}
	count := func(want float64) {
		if !p.drops {
			want = 0
		}
		harness.Eventually(p, harness.Soon, func() error {
			if n := p.metric("tollgate_kernel_bans_interfaces"); n != want {
				return fmt.Errorf("%v interfaces are guarded, not %v", n, want)
			}
			return nil
		})
	}
	link("link add late type veth peer name other")
	link("link set late up")
	count(was + 1)
	link("link delete late")
	count(was)
	p.node.Must(p, "unban", bad.IP())
}

// kept: a ban holds over kill -9, and between two processes nobody drops anything.
func kept(p *place) {
	bad := p.phone("udp")
	p.ban(bad.IP(), 1)
	p.dropped(bad)
	p.node.Signal(p, syscall.SIGKILL)
	p.node.Exited(5 * time.Second)
	p.nobodyDrops(bad.IP())
	p.node.Up(p)
	p.inKernel(1)
	p.dropped(bad)
	p.node.Must(p, "unban", bad.IP())
	p.heard(bad)
}

// nobodyDrops listens where the node did.
func (p *place) nobodyDrops(from string) {
	p.Helper()
	var l net.Listener
	if err := p.cloud.Edge.Do(func() (err error) { l, err = net.Listen("tcp", harness.CloudOutside+":5060"); return err }); err != nil {
		p.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, err = io.WriteString(c, "here")
			err = errors.Join(err, c.Close())
		}
		done <- err
	}()
	harness.Eventually(p, harness.Soon, func() error { // the kernel clears up a moment later
		answer, err := p.say(p.cloud.Phones, "tcp", from, harness.CloudPublic+":5060", "")
		if err != nil || answer != "here" {
			return fmt.Errorf("the program stayed behind: %q, %w", answer, err)
		}
		return nil
	})
	if err := errors.Join(l.Close(), <-done); err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, net.ErrClosed) {
		p.Error(err)
	}
}
