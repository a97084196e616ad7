package media_test

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"tollgate/internal/media"
	"tollgate/internal/media/rtp"
)

// kernel is a fake one: it forwards nothing, but counts what a test says it did.
type kernel struct {
	mu    sync.Mutex
	flows map[[2]netip.AddrPort]*forwarded
	fails bool
}

type forwarded struct {
	media.Flow
	media.FlowCounters
}

func (k *kernel) Add(f media.Flow) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fails {
		return errors.New("no")
	}
	k.flows[[2]netip.AddrPort{f.Local, f.Peer}] = &forwarded{Flow: f}
	return nil
}

func (k *kernel) Remove(local, peer netip.AddrPort) (media.FlowCounters, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f := k.flows[[2]netip.AddrPort{local, peer}]
	if f == nil {
		return media.FlowCounters{}, false
	}
	delete(k.flows, [2]netip.AddrPort{local, peer})
	return f.FlowCounters, true
}

func (k *kernel) Counters(local, peer netip.AddrPort) (media.FlowCounters, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f := k.flows[[2]netip.AddrPort{local, peer}]
	if f == nil {
		return media.FlowCounters{}, false
	}
	return f.FlowCounters, true
}

func (k *kernel) Read(fn func(local, peer netip.AddrPort, c media.FlowCounters)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, f := range k.flows {
		fn(key[0], key[1], f.FlowCounters)
	}
}

func (k *kernel) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.flows)
}

// forward has a flow count packets as if they had come at 20 ms until now.
func (k *kernel) forward(c *call, side media.Side, packets int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f := k.flows[[2]netip.AddrPort{c.ports[side], c.phones[side].addr()}]
	f.Packets += uint64(packets)
	f.Octets += uint64(packets) * 172
	c.phones[side].seq += uint16(packets)
	f.ExtSeq = f.Start.ExtSeq&0xffff0000 | uint32(c.phones[side].seq)
	f.Timestamp, f.Arrival = uint32(c.phones[side].seq)*160, c.clock.now()
	f.Transit = rtp.Units(f.Arrival, 8000) - f.Timestamp
}

// settledCall is a call that the kernel has taken over, both ways.
func settledCall(t *testing.T, change func(*[2]media.Party)) (*call, *kernel) {
	t.Helper()
	k := &kernel{flows: map[[2]netip.AddrPort]*forwarded{}}
	r := newRig(t, func(c *media.Config) { c.Flows = k })
	c := r.call(change)
	c.settle()
	return c, k
}

func (c *call) settle() {
	c.t.Helper()
	for range 50 {
		c.clock.advance(20 * time.Millisecond)
		c.talk(media.Caller, "on")
		c.talk(media.Callee, "on")
	}
	c.clock.advance(time.Second)
	c.rounds()
}

func TestKernelTakesOver(t *testing.T) {
	c, k := settledCall(t, func(p *[2]media.Party) {
		for i := range p {
			p[i].Payloads = [2]uint64{1<<0 | 1<<8, 1 << (101 - 64)}
			p[i].Clocks.Set(101, 8000)
			p[i].Clocks.SetEvent(101)
		}
	})
	if k.count() != 2 || c.Stats().Flows != 2 || c.Stats().Mode != "kernel" {
		t.Fatalf("%d flows, %+v", k.count(), c.Stats())
	}
	f := k.flows[[2]netip.AddrPort{c.ports[0], c.phones[0].addr()}].Flow
	if f.From != c.ports[1] || f.To != c.phones[1].addr() || f.SSRC != 0x1000 || f.Payloads != [2]uint64{1 << 0} || f.Start.Clock != 8000 {
		t.Errorf("flow: %+v", f)
	}
	c.clock.advance(10 * time.Second)
	k.forward(c, media.Caller, 500)
	q := c.quality(media.Caller)
	if q.Report.Packets != 550 || q.Report.Lost != 0 || !q.Kernel || q.Report.LastHeard != c.clock.now() {
		t.Errorf("quality: %+v", q)
	}
	digit := c.phones[0].rtp(101, "\x05\x0a\x00\xa0")
	c.phones[0].send(c.ports[0], digit)
	c.phones[1].hears(digit, c.ports[1])
	if q := c.quality(media.Caller); q.Report.Packets != 551 || q.Report.Lost != 0 || q.Report.Digits != "5" || k.count() != 2 {
		t.Errorf("%d packets, %d lost", q.Report.Packets, q.Report.Lost)
	}
	if got := c.Stats().KernelPackets; got != 500 {
		t.Errorf("%d packets by the kernel", got)
	}
	c.Shut(c.id)
	if k.count() != 0 || c.Stats().Flows != 0 {
		t.Error("flows are left of a call that is over")
	}
}

// TestKernelGivesBack: what makes a stream come to its socket again, with nothing of it lost.
func TestKernelGivesBack(t *testing.T) {
	tests := []struct {
		name string
		does func(c *call)
		left int // flows at once
		then int // a second later
	}{
		{"signalling", func(c *call) { c.Party(c.id, 0, media.Callee, c.phones[1].party()) }, 0, 0},
		{"a stream that is off", func(c *call) { c.Off(c.id, 0) }, 0, 0},
		{"a ban of the party", func(c *call) { c.Banned(netip.PrefixFrom(c.phones[0].addr().Addr(), 32)) }, 0, 0},
		{"a ban of somebody else", func(c *call) { c.Banned(netip.MustParsePrefix("192.0.2.0/24")) }, 2, 2},
		{"another SSRC", func(c *call) { c.phones[0].ssrc = 77; c.talk(media.Caller, "new") }, 1, 1},
		{"another codec", func(c *call) {
			b := c.phones[0].rtp(8, "new")
			c.phones[0].send(c.ports[0], b)
			c.phones[1].hears(b, c.ports[1])
		}, 1, 1},
		{"a stranger", func(c *call) {
			s := newPhone(c.t, "127.0.0.3:0")
			s.send(c.ports[0], s.rtp(0, "me"))
			c.awaits(media.DropForeign, 1)
		}, 2, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, k := settledCall(t, nil)
			c.clock.advance(10 * time.Second)
			k.forward(c, media.Caller, 500)
			tt.does(c)
			if k.count() != tt.left {
				t.Errorf("%d flows, want %d", k.count(), tt.left)
			}
			if n := c.quality(media.Caller).Report.Packets; n < 550 || n > 551 {
				t.Errorf("%d packets counted, want 550", n)
			}
			c.clock.advance(time.Second)
			c.rounds()
			if k.count() != tt.then {
				t.Errorf("%d flows a second later, want %d", k.count(), tt.then)
			}
		})
	}
}

// TestKernelHandover: a party that moves while the kernel has it is followed, once it is silent there.
func TestKernelHandover(t *testing.T) {
	c, k := settledCall(t, func(p *[2]media.Party) { p[0].Latch = media.Handover })
	moved := newPhone(t, "127.0.0.3:0")
	send := func() {
		c.clock.advance(20 * time.Millisecond)
		moved.send(c.ports[0], moved.rtp(0, "moved"))
	}
	for i := range 18 {
		if i < 10 {
			k.forward(c, media.Caller, 1)
		}
		send()
		c.awaits(media.DropForeign, uint64(i)+1)
	}
	c.clock.advance(20 * time.Millisecond) // 200 ms after the kernel heard the party last
	b := moved.rtp(0, "moved")
	moved.send(c.ports[0], b)
	c.phones[1].hears(b, c.ports[1])
	if k.count() != 0 {
		t.Error("the kernel still sends to where the party was")
	}
	if q := c.quality(media.Caller); q.Source != moved.addr() || q.Report.Packets != 61 {
		t.Errorf("quality: %+v", q)
	}
}

func TestKernelIsNotForAll(t *testing.T) {
	end := newSecured(1)
	tests := map[string]func(p *[2]media.Party){
		"SRTP":           func(p *[2]media.Party) { p[1].Out = end.out },
		"other than RTP": func(p *[2]media.Party) { p[0].RTPStream, p[1].RTPStream = false, false },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			k := &kernel{flows: map[[2]netip.AddrPort]*forwarded{}}
			c := newRig(t, func(c *media.Config) { c.Flows = k }).call(change)
			for range 60 {
				for side := range media.Callee + 1 {
					c.phones[side].send(c.ports[side], c.phones[side].rtp(0, "on"))
					c.phones[1-side].receive()
				}
			}
			c.clock.advance(5 * time.Second)
			c.rounds()
			if k.count() != 0 {
				t.Errorf("%d flows", k.count())
			}
		})
	}
}

// TestSilenceInTheKernel: what only the kernel hears keeps a call alive.
func TestSilenceInTheKernel(t *testing.T) {
	k := &kernel{flows: map[[2]netip.AddrPort]*forwarded{}}
	silent := make(chan uint64, 1)
	c := newRig(t, func(c *media.Config) {
		c.Flows, c.Silence = k, func(owner uint64) { silent <- owner }
	}).call(nil)
	c.settle()
	c.clock.advance(55 * time.Second)
	k.forward(c, media.Caller, 2750)
	c.until(func() bool { return c.Stats().KernelPackets == 2750 }, "what the kernel counted is read")
	c.clock.advance(55 * time.Second)
	c.told(silent)
	c.clock.advance(6 * time.Second)
	c.told(silent, 1)
}
