package media

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// home is a phone behind a NAT, a node and somebody else outside, in namespaces.
type home struct {
	*harness.Home
	*stage.Stage
}

func newHome(t *testing.T, kernel, customer string) *home {
	t.Helper()
	h := &home{harness.NAT(t), &stage.Stage{T: t, Domain: "home.test"}}
	h.Remember(t, 30*time.Second)
	h.Node = harness.Start(t, harness.Settings{
		Netns: h.Outside, Hosts: []string{harness.HomeOutside},
		Config: fmt.Sprintf("media: {ports: 40000-40999, kernel: %q}\n", kernel),
	})
	h.Customer = harness.Customer{Name: "Home", Domains: []string{h.Domain}, Hidden: true}
	bridged(&h.Customer)
	h.Customer.Extra += customer
	return h
}

// at is where the node is.
func (h *home) at() netip.AddrPort {
	return h.Node.Addr("udp", netip.MustParseAddr(harness.HomeOutside))
}

// open opens an endpoint in a namespace.
func (h *home) open(proto string, ns harness.Netns, addr string) *peer.UA {
	h.Helper()
	u := peer.OpenIn(h.T, ns.Do, proto, netip.AddrPortFrom(netip.MustParseAddr(addr), 0))
	u.Edge = h.Node.Addr(proto, netip.MustParseAddr(harness.HomeOutside))
	return u
}

// phoneIn opens a phone of an endpoint in a namespace.
func (h *home) phoneIn(ns harness.Netns, u *peer.UA, ssrc uint32) *side {
	h.Helper()
	p := &phone{Stage: h.Stage, ua: u, place: ns, ssrc: ssrc, seq: 100, plain: []string{"m=audio PORT RTP/AVP 0"}}
	p.open(u.Addr().Addr())
	return &side{phone: p}
}

// TestBothBehindNAT: two phones, each behind a router of its own and both at the very same address
// there, call each other. Either one encrypts, or neither.
func TestBothBehindNAT(t *testing.T) {
	for _, kernel := range []string{"off", "auto"} {
		t.Run("kernel "+kernel, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, kernel, users("alice", "bob", "anna, protocol: tls+srtp", "ben, protocol: tls+srtp"))
			far := h.Beside(t)
			far.Remember(t, 30*time.Second)
			h.Customer.Destinations = []harness.Destination{{Addr: netip.AddrPortFrom(h.at().Addr(), 9)}} // nobody's
			h.Apply()
			sides := map[string]*side{}
			for name, ns := range map[string]harness.Netns{"alice": h.Phone, "anna": h.Phone, "bob": far.Phone, "ben": far.Phone} {
				sides[name] = h.userIn(ns, name)
			}
			for _, pair := range [][2]string{{"alice", "bob"}, {"bob", "alice"}, {"anna", "bob"}, {"bob", "anna"}, {"alice", "ben"}, {"ben", "anna"}} {
				h.behindBoth(sides, pair[0], pair[1])
			}
		})
	}
}

// userIn opens a phone of a user, registered.
func (h *home) userIn(ns harness.Netns, user string) *side {
	h.Helper()
	proto := "udp"
	if user == "anna" || user == "ben" {
		proto = "tls"
	}
	u := h.open(proto, ns, harness.HomePhone)
	registered(h.Stage, u, user)
	return h.phoneIn(ns, u, uint32(user[0])<<8|uint32(user[1]))
}

// behindBoth has a user call another, both talk, hold and resume, and the caller go to another port.
func (h *home) behindBoth(sides map[string]*side, from, to string) {
	h.Helper()
	a, b := sides[from], sides[to]
	for _, p := range []*side{a, b} {
		p.open(netip.MustParseAddr(harness.HomePhone)) // other holes than the last call's
		if p.in, p.heard = nil, ""; p.ua.Proto() == "tls" {
			p.secures(suites[0])
		}
	}
	a.call = calls(a.ua, from, "sip:"+to+"@"+h.Domain, a.sdp())
	c := a.answeredSecurely(b)
	c.found()
	c.settlePaced()
	c.reinvites(a, b, "a=inactive")
	unheard(a.phone, b.phone)
	unheard(b.phone, a.phone)
	a.open(netip.MustParseAddr(harness.HomePhone))
	c.reinvites(a, b)
	c.found()
	c.settlePaced()
	h.End(b.call, a.call)
}

// found has both talk at the pace of voice until each has heard the other: the router of who has
// not spoken lets nobody in.
func (c *conversation) found() {
	c.Helper()
	heard := map[*side]bool{}
	for range 200 {
		for _, pair := range [][2]*side{{c.a, c.b}, {c.b, c.a}} {
			from, to := pair[0], pair[1]
			from.send(from.packet("is this heard?"))
			if got, _, err := receive(to.rtp, 10*time.Millisecond); err == nil {
				heard[to] = heard[to] || strings.HasSuffix(string(to.unseal(got)), "is this heard?")
			}
		}
		if heard[c.a] && heard[c.b] {
			hush(c.a.phone)
			hush(c.b.phone)
			return
		}
	}
	c.Fatalf("of %s and %s these are heard: %v", c.a.ua.Addr(), c.b.ua.Addr(), heard)
}

// TestLoss: what routers lose of each side's packets is what the record says, within half a percent point.
func TestLoss(t *testing.T) {
	const packets, percent = 6000, 5
	for _, kernel := range []string{"off", "auto"} {
		t.Run("kernel "+kernel, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, kernel, users("alice", "bob"))
			far := h.Beside(t)
			far.Remember(t, 30*time.Second)
			h.Customer.Destinations = []harness.Destination{{Addr: netip.AddrPortFrom(h.at().Addr(), 9)}} // nobody's
			h.Apply()
			a, b := h.userIn(h.Phone, "alice"), h.userIn(far.Phone, "bob")
			a.call = calls(a.ua, "alice", "sip:bob@"+h.Domain, a.sdp())
			c := a.answeredSecurely(b)
			c.found()
			c.settlePaced()
			h.Lose(t, percent)
			far.Lose(t, percent)
			heard := c.count(packets)
			h.End(a.call, b.call)
			for name, p := range map[string]*side{"caller": a, "callee": b} {
				sent, lost := int(p.seq)-100, packets-heard[p]
				real, said := 100*float64(lost)/float64(sent), h.lossOf(name)
				t.Logf("%s: %d of all %d packets were lost, %.2f %%; the record says %.2f %%", name, lost, sent, real, said)
				if math.Abs(real-said) > 0.5 || lost == 0 {
					t.Errorf("%s: %.2f %% were lost, the record says %.2f %%", name, real, said)
				}
			}
		})
	}
}

// settlePaced is settle where packets may not be lost yet.
func (c *conversation) settlePaced() {
	c.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 130 {
		talk(c.a.phone, c.b.phone, 1)
		<-tick.C
	}
}

// count has both say so many packets, more quickly than people do, and counts those of each that
// the other one hears.
func (c *conversation) count(packets int) (heard map[*side]int) {
	c.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	listen := func(p *side) chan int {
		done := make(chan int, 1)
		go func() {
			n := 0
			for {
				if _, _, err := receive(p.rtp, 2*time.Second); err != nil {
					done <- n
					return
				}
				n++
			}
		}()
		return done
	}
	atA, atB := listen(c.a), listen(c.b)
	for range packets {
		c.a.send(c.a.packet("voice"))
		c.b.send(c.b.packet("voice"))
		<-tick.C
	}
	return map[*side]int{c.a: <-atB, c.b: <-atA}
}

// lossOf is what the newest record says of the packets of a side.
func (h *home) lossOf(from string) (percent float64) {
	h.Helper()
	harness.Eventually(h.T, patience, func() error {
		for _, cdr := range h.Node.JSON(h.T, "cdrs") {
			list, _ := cdr["media"].([]any)
			for _, one := range list {
				if m, ok := one.(map[string]any); ok && m["side"] == from {
					percent, _ = m["loss_percent"].(float64)
					return nil
				}
			}
		}
		return fmt.Errorf("no record of the media of %s", from)
	})
	return percent
}

// softphones starts baresip behind a router and baresip at another place, registered at the node. What
// each says and hears is in a folder.
func (h *home) softphones(other harness.Netns, addr string) (dir string, phones map[string]*harness.Baresip) {
	h.Helper()
	h.Customer.Destinations = []harness.Destination{{Addr: netip.AddrPortFrom(h.at().Addr(), 9)}} // nobody's
	h.Apply()
	dir, phones = h.TempDir(), map[string]*harness.Baresip{}
	for name, where := range map[string]struct {
		ns harness.Netns
		ip string
		hz float64
	}{"alice": {h.Phone, harness.HomePhone, aliceHz}, "bob": {other, addr, bobHz}} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			h.Fatal(err)
		}
		says := filepath.Join(dir, name+".wav")
		tone(h.Stage, says, where.hz)
		phones[name] = &harness.Baresip{
			IP: where.ip, Port: harness.Ports(h.T, 2), Netns: where.ns, Plays: says, Records: filepath.Join(dir, name),
			Account: harness.Registered(name, h.Domain, secret, h.at(), "udp", 60),
		}
		phones[name].Start(h.T)
		phones[name].Until(h.T, "200 OK")
	}
	return dir, phones
}

// TestSoftphonesBehindNAT: they call each other, with audio both ways.
func TestSoftphonesBehindNAT(t *testing.T) {
	for _, kernel := range []string{"off", "auto"} {
		t.Run("kernel "+kernel, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, kernel, users("alice", "bob"))
			dir, phones := h.softphones(h.Outside, harness.HomeOutside)
			for _, pair := range [][2]string{{"alice", "bob"}, {"bob", "alice"}} {
				from, to := phones[pair[0]], phones[pair[1]]
				from.Do(t, "dial", "sip:"+pair[1]+"@"+h.Domain)
				from.Until(t, "Call established")
				harness.Eventually(t, 20*time.Second, func() error {
					if err := recorded(dir, "alice"); err != nil {
						return err
					}
					return recorded(dir, "bob")
				})
				from.Do(t, "hangup", "")
				to.Until(t, "session closed")
				heard(h.Stage, filepath.Join(dir, "alice"), bobHz, aliceHz)
				heard(h.Stage, filepath.Join(dir, "bob"), aliceHz, bobHz)
				for _, name := range []string{"alice", "bob"} {
					forget(t, filepath.Join(dir, name))
				}
			}
		})
	}
}

// TestSoftphoneMoves: both are heard again once alice's router has got another address and she has
// asked for the same call from there.
func TestSoftphoneMoves(t *testing.T) {
	for _, kernel := range []string{"off", "auto"} {
		t.Run("kernel "+kernel, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, kernel, users("alice", "bob"))
			dir, phones := h.softphones(h.Outside, harness.HomeOutside)
			alice := phones["alice"]
			alice.Do(t, "dial", "sip:bob@"+h.Domain)
			alice.Until(t, "Call established")
			h.bothHeard(dir)
			h.Move(t)
			alice.Do(t, "reinvite", "")
			h.bothHeard(dir)
			alice.Do(t, "hangup", "")
			phones["bob"].Until(t, "session closed")
		})
	}
}

// said is how many pieces of 50 ms each phone has recorded of the other's tone.
func (h *home) said(dir string) (heard [2]int) {
	h.Helper()
	for i, who := range []struct {
		name        string
		want, other float64
	}{{"alice", bobHz, aliceHz}, {"bob", aliceHz, bobHz}} {
		files, err := filepath.Glob(filepath.Join(dir, who.name, "*-dec.wav"))
		if err != nil {
			h.Fatal(err)
		}
		for _, f := range files {
			_, good := tones(h.Stage, f, who.want, who.other)
			heard[i] += good
		}
	}
	return heard
}

// bothHeard wants each phone to hear two seconds more of the other.
func (h *home) bothHeard(dir string) {
	h.Helper()
	before := h.said(dir)
	harness.Eventually(h.T, 20*time.Second, func() error {
		now := h.said(dir)
		if now[0] < before[0]+40 || now[1] < before[1]+40 {
			return fmt.Errorf("alice and bob have heard %v pieces of 50 ms after %v", now, before)
		}
		return nil
	})
}

// recorded wants a recording of some seconds to be there.
func recorded(dir, name string) error {
	files, err := filepath.Glob(filepath.Join(dir, name, "*-dec.wav"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("%s has recorded nothing", name)
	}
	info, err := os.Stat(files[len(files)-1])
	if err == nil && info.Size() < 2*rate*talkTime {
		err = fmt.Errorf("%s has recorded %d bytes", name, info.Size())
	}
	return err
}

// forget deletes recordings.
func forget(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.wav"))
	for _, f := range files {
		if err == nil {
			err = os.Remove(f)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
