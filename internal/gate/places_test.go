package gate_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/internal/live"
	"tollgate/internal/live/delayed"
	"tollgate/internal/live/memory"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// Places at switches: the entry that a call comes from, and the switch that it goes to.

const (
	dialer  tenant.SwitchID = 11 // an entry: 198.51.100.0/24
	carrier tenant.SwitchID = 12 // 203.0.113.21
	spare   tenant.SwitchID = 13 // 203.0.113.22
)

var (
	carrierAt = netip.MustParseAddrPort("203.0.113.21:5060")
	spareAt   = netip.MustParseAddrPort("203.0.113.22:5060")
)

// switched makes two switches and, after them, the PBX the customer's destinations.
func (r *rig) switched(edit func(dialer, carrier, spare *tenant.Switch)) {
	r.t.Helper()
	entry := tenant.Switch{ID: dialer, Name: "dialer", Direction: tenant.Egress, Addresses: []string{"198.51.100.0/24"}}
	first := tenant.Switch{ID: carrier, Name: "carrier", Direction: tenant.Ingress, Host: "203.0.113.21"}
	second := tenant.Switch{ID: spare, Name: "spare", Direction: tenant.Ingress, Host: "203.0.113.22"}
	edit(&entry, &first, &second)
	r.change(func(a *tenant.Account) {
		a.Customer.CallLimit = 0
		a.Switches = []tenant.Switch{entry, first, second}
		a.Destinations = []tenant.Destination{
			{ID: 21, Customer: 1, Name: "carrier", Group: 1, Switch: carrier, Priority: 1},
			{ID: 22, Customer: 1, Name: "spare", Group: 1, Switch: spare, Priority: 2},
			{ID: 1, Customer: 1, Name: "pbx", Group: 1, Host: "203.0.113.10", Port: 5060, Protocol: "udp", Priority: 10},
		}
	})
}

// inviteOf is an INVITE of the n-th call.
func inviteOf(n int) string {
	text := strings.ReplaceAll(invite, "call1@", fmt.Sprintf("call%d@", n))
	return strings.ReplaceAll(text, "z9hG4bKa1", fmt.Sprintf("z9hG4bKa1n%d", n))
}

// usage is how many places are taken of a switch.
func (r *rig) usage(id tenant.SwitchID) int {
	return r.live.Usage(live.Scope{Kind: live.Switch, ID: int64(id)}).Calls
}

func (r *rig) wantUsage(dialerWant, carrierWant, spareWant int) {
	r.t.Helper()
	if d, c, s := r.usage(dialer), r.usage(carrier), r.usage(spare); d != dialerWant || c != carrierWant || s != spareWant {
		r.t.Errorf("dialer, carrier, spare hold %d, %d, %d; want %d, %d, %d", d, c, s, dialerWant, carrierWant, spareWant)
	}
}

// final takes the caller's next final response.
func (r *rig) final(prefix string) {
	r.t.Helper()
	got := r.out(aliceAddr)
	for strings.HasPrefix(got, "SIP/2.0 1") {
		got = r.out(aliceAddr)
	}
	if !strings.HasPrefix(got, prefix) {
		r.t.Errorf("want %q, got:\n%s", prefix, got)
	}
}

// everyBackend runs a test over both live backends. settle gives the backend its time.
func everyBackend(t *testing.T, f func(r *rig, settle func())) {
	t.Run("memory", func(t *testing.T) { run(t, false, func(r *rig) { f(r, func() {}) }) })
	t.Run("delayed", func(t *testing.T) {
		backend := func() live.Live { return delayed.New(memory.New(), 40*time.Millisecond, 1) }
		runOver(t, true, backend, func(r *rig) { f(r, func() { r.asked(); r.asked(); r.asked(); r.asked() }) })
	})
}

// TestEntryChannels: an entry's channels and rate hold for it.
func TestEntryChannels(t *testing.T) {
	everyBackend(t, func(r *rig, settle func()) {
		r.switched(func(d, _, _ *tenant.Switch) { d.Channels = 2 })
		for n := range 3 {
			r.in(aliceAddr, inviteOf(n))
			settle()
		}
		r.want(carrierAt, "INVITE ")
		r.want(carrierAt, "INVITE ")
		r.nothing(carrierAt)
		r.final("SIP/2.0 480 ")
		if r.decided.Verdict.Reason != policy.SwitchLimit {
			r.t.Errorf("refused as %v", r.decided.Verdict)
		}
		r.wantUsage(2, 2, 0)
		r.switched(func(d, _, _ *tenant.Switch) { d.CPS = 1 })
		r.wait(2 * time.Second)
		for n := range 2 {
			r.in(aliceAddr, inviteOf(10+n))
		}
		settle()
		if r.decided.Verdict.Reason != policy.RateLimit {
			r.t.Errorf("refused as %v", r.decided.Verdict)
		}
	})
}

// TestFullCandidate: a switch without room is left out, for the next candidate; where none is
// left the call is refused.
func TestFullCandidate(t *testing.T) {
	everyBackend(t, func(r *rig, settle func()) {
		r.switched(func(_, c, s *tenant.Switch) { c.Channels, s.Channels = 1, 1 })
		for n := range 3 {
			r.in(aliceAddr, inviteOf(n))
			settle()
		}
		r.want(carrierAt, "INVITE ")
		r.want(spareAt, "INVITE ")
		r.want(pbxAddr, "INVITE ")
		r.wantUsage(3, 1, 1)
		r.change(func(a *tenant.Account) { a.Destinations = a.Destinations[:2] })
		r.in(aliceAddr, inviteOf(4))
		settle()
		r.final("SIP/2.0 480 ")
		if r.decided.Verdict.Reason != policy.SwitchLimit || r.decided.Identity.Entry == nil {
			r.t.Errorf("refused as %+v", r.decided)
		}
		r.wantUsage(3, 1, 1)
	})
}

// TestFailoverSwaps: the place moves with the call; a candidate that is full is passed by.
func TestFailoverSwaps(t *testing.T) {
	everyBackend(t, func(r *rig, settle func()) {
		r.switched(func(_, c, s *tenant.Switch) { c.Channels, s.Channels = 1, 1 })
		refuse := func(at netip.AddrPort, inv string) {
			r.drain(at) // it may have been sent again meanwhile
			r.in(at, answer(inv, "503 No", ""))
			r.want(at, "ACK ")
			settle()
		}
		r.in(aliceAddr, inviteOf(1))
		settle()
		r.wantUsage(1, 1, 0)
		refuse(carrierAt, r.want(carrierAt, "INVITE "))
		r.wantUsage(1, 0, 1)
		first := r.want(spareAt, "INVITE ")
		r.in(aliceAddr, inviteOf(2)) // the first one's place is free again
		settle()
		r.wantUsage(2, 1, 1)
		refuse(carrierAt, r.want(carrierAt, "INVITE ")) // spare is full: past it to the PBX
		r.wantUsage(2, 0, 1)
		second := r.want(pbxAddr, "INVITE ")
		refuse(spareAt, first)
		r.wantUsage(2, 0, 0)
		r.in(pbxAddr, answer(second, "486 Busy", ""))
		settle()
		r.wantUsage(1, 0, 0)
	})
}

// TestLastCandidateFull: what ended the call is said, a limit if nothing else.
func TestLastCandidateFull(t *testing.T) {
	everyBackend(t, func(r *rig, settle func()) {
		r.switched(func(_, _, s *tenant.Switch) { s.Channels = 1 })
		r.change(func(a *tenant.Account) { a.Destinations = a.Destinations[1:2] })
		r.in(aliceAddr, inviteOf(1))
		settle()
		r.want(spareAt, "INVITE ")
		r.switched(func(_, _, s *tenant.Switch) { s.Channels = 1 })
		r.change(func(a *tenant.Account) { a.Destinations = a.Destinations[:2] })
		r.in(aliceAddr, inviteOf(2))
		settle()
		r.refuses[carrierAt] = true
		inv := r.want(carrierAt, "INVITE ")
		r.in(carrierAt, answer(inv, "503 No", ""))
		settle()
		r.final("SIP/2.0 500 ")      // a 503 goes up as 500
		r.in(aliceAddr, inviteOf(3)) // the first cannot even be sent to
		settle()
		r.final("SIP/2.0 480 ")
		if e := r.ended[len(r.ended)-1]; e.Reason != policy.SwitchLimit {
			r.t.Errorf("ended as %v", e.Reason)
		}
		r.wantUsage(1, 0, 1)
	})
}

// TestCancelWhileSwapping: no place is left of a call that ends while it waits for one.
func TestCancelWhileSwapping(t *testing.T) {
	everyBackend(t, func(r *rig, settle func()) {
		r.switched(func(_, _, _ *tenant.Switch) {})
		r.in(aliceAddr, invite)
		settle()
		inv := r.want(carrierAt, "INVITE ")
		r.in(carrierAt, answer(inv, "503 No", ""))
		r.in(aliceAddr, cancel())
		settle()
		r.wantUsage(0, 0, 0)
		if n := r.calls.Live(); n != 0 {
			r.t.Errorf("%d calls are left", n)
		}
	})
}

// TestRestartHoldsPlaces: a call that outlives the process has its places again.
func TestRestartHoldsPlaces(t *testing.T) {
	run(t, false, func(r *rig) {
		r.switched(func(_, _, _ *tenant.Switch) {})
		r.in(aliceAddr, invite)
		inv := r.want(carrierAt, "INVITE ")
		r.in(carrierAt, answer(inv, "200 OK", bobContact))
		r.wantUsage(1, 1, 0)
		r.restart(time.Second, func(n *rig) {
			n.wantUsage(1, 1, 0)
			n.endAll(policy.HungUp)
			n.wait(40 * time.Second)
			n.wantUsage(0, 0, 0)
		})
	})
}

// TestExactlyFifty is issue 4's third: of 200 INVITEs at once 50 get in, again and again.
func TestExactlyFifty(t *testing.T) {
	everyBackend(t, func(r *rig, settle func()) {
		for round := range 5 {
			r.switched(func(d, c, s *tenant.Switch) { d.Channels, c.Channels, s.Channels = 50, 20, 15 })
			for n := range 200 {
				r.in(aliceAddr, inviteOf(1000*round+n))
			}
			for range 12 {
				settle() // one answer after the other
			}
			if n := r.calls.Live(); n != 50 {
				r.t.Fatalf("round %d: %d calls", round, n)
			}
			r.wantUsage(50, 20, 15)
			for _, at := range []netip.AddrPort{carrierAt, spareAt, pbxAddr, aliceAddr} {
				r.drain(at)
			}
			r.endAll(policy.HungUp)
			for range 4 {
				settle()
			}
			r.wantUsage(0, 0, 0)
			r.wait(time.Minute)
		}
	})
}

// crowd plays many calls at once with chance deciding what becomes of each: a property test
// of the reservations.
type crowd struct {
	*rig
	chance  *rand.Rand
	next    int
	ringing []string // the callers' INVITEs that may be cancelled
	limits  map[tenant.SwitchID]int
}

// TestPlacesProperty: whatever happens to calls, never one too many is let in, and none of
// the places leaks: CANCELs, failovers, timeouts, hang-ups and crashes.
func TestPlacesProperty(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			everyBackend(t, func(r *rig, settle func()) {
				c := &crowd{rig: r, chance: rand.New(rand.NewPCG(seed, 1)), limits: map[tenant.SwitchID]int{dialer: 50, carrier: 20, spare: 15}}
				c.switched(func(d, ca, s *tenant.Switch) {
					d.Channels, ca.Channels, s.Channels = c.limits[dialer], c.limits[carrier], c.limits[spare]
				})
				c.play(400)
				if seed%2 == 0 {
					settle()
					up := c.answered()
					r.restart(time.Second, func(n *rig) {
						settle := func() { n.wait(200 * time.Millisecond) }
						settle()
						if got := n.usage(dialer); got != up {
							t.Errorf("%d places after the crash for %d calls", got, up)
						}
						c.rig, c.ringing = n, nil
						c.play(200)
						c.finish(settle)
					})
					return
				}
				c.finish(settle)
			})
		})
	}
}

// answered is how many calls a crash leaves.
func (c *crowd) answered() (n int) {
	for _, s := range c.calls.List(func(tenant.CustomerID) bool { return true }) {
		if s.State == "up" || s.State == "ending" {
			n++
		}
	}
	return n
}

func (c *crowd) play(steps int) {
	for range steps {
		switch c.chance.IntN(10) {
		case 0, 1, 2, 3, 4:
			c.next++
			inv := inviteOf(c.next)
			c.in(aliceAddr, inv)
			c.ringing = append(c.ringing, inv)
		case 5:
			if len(c.ringing) > 0 {
				i := c.chance.IntN(len(c.ringing))
				c.in(aliceAddr, cancelOf(c.ringing[i]))
				c.ringing = slices.Delete(c.ringing, i, i+1)
			}
		case 6:
			c.wait(time.Duration(c.chance.IntN(3000)) * time.Millisecond)
		default:
			c.reply([]netip.AddrPort{carrierAt, spareAt, pbxAddr}[c.chance.IntN(3)])
		}
		c.check()
	}
}

// reply has a destination take its oldest messages, and answer or not.
func (c *crowd) reply(at netip.AddrPort) {
	for range 1 + c.chance.IntN(8) {
		got := c.out(at)
		switch {
		case got == "":
			return
		case strings.HasPrefix(got, "INVITE "):
			more, status := "", []string{"", "180 Ringing", "503 No", "486 Busy", "500 No", "200 OK", "200 OK"}[c.chance.IntN(7)]
			if status == "200 OK" {
				more = bobContact
			}
			if status != "" {
				c.in(at, answer(got, status, more))
			}
		case strings.HasPrefix(got, "BYE "), strings.HasPrefix(got, "CANCEL "):
			c.in(at, answer(got, "200 OK", ""))
		}
	}
	if c.chance.IntN(3) == 0 {
		for _, s := range c.calls.List(func(tenant.CustomerID) bool { return true }) {
			if c.chance.IntN(4) == 0 {
				c.calls.Hangup(s.ID, policy.HungUp, func(tenant.CustomerID) bool { return true })
			}
		}
	}
	c.drain(aliceAddr)
}

// check is what holds at every moment.
func (c *crowd) check() {
	c.t.Helper()
	for id, limit := range c.limits {
		if n := c.usage(id); n < 0 || n > limit {
			c.t.Fatalf("switch %d holds %d of %d", id, n, limit)
		}
	}
}

// finish ends everything: then nothing may be held.
func (c *crowd) finish(settle func()) {
	c.t.Helper()
	c.endAll(policy.HungUp)
	c.wait(2 * time.Minute)
	c.endAll(policy.HungUp) // those that were parked
	settle()
	c.wait(2 * time.Minute)
	settle()
	c.wantUsage(0, 0, 0)
	for _, s := range []live.Scope{{Kind: live.Platform}, {Kind: live.Company, ID: 1}, {Kind: live.Customer, ID: 1}} {
		if n := c.live.Usage(s).Calls; n != 0 {
			c.t.Errorf("%v holds %d", s, n)
		}
	}
	if n := c.calls.Live(); n != 0 {
		c.t.Errorf("%d calls are left", n)
	}
}
