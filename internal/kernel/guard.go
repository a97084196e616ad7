package kernel

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// lookEvery is how often interfaces and their addresses are looked at while something is banned.
// One that has just come is guarded by the next look; until then its packets reach package ban.
const lookEvery = 2 * time.Second

// guard is where the program is attached, and which doors it knows. Only run has it.
type guard struct {
	*Filter
	links
	doors map[door]bool
}

func newGuard(f *Filter) *guard {
	return &guard{Filter: f, doors: make(map[door]bool), links: links{
		// Before flows: what is banned is not forwarded either.
		program: f.program, anchor: link.Head(), on: make(map[int]link.Link),
		faults: faults{f.cfg.Log, "bans are not dropped in the kernel everywhere; Tollgate drops the rest itself", make(map[string]bool)},
	}}
}

// Stats is how many ranges are banned, and how many interfaces the program is attached to: none
// while nothing is banned.
func (f *Filter) Stats() (bans, interfaces int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.bans), int(f.guarded.Load())
}

// run attaches the program while something is banned, until Close.
func (f *Filter) run() {
	g := newGuard(f)
	defer g.leave()
	for {
		var later <-chan time.Time
		if f.standing() {
			g.keep()
			later = time.After(lookEvery)
		} else {
			g.leave()
		}
		select {
		case <-f.stop:
			return
		case <-f.wake:
		case <-later:
		}
	}
}

// keep brings doors and links to what the machine has now. Doors come first, so that a program
// that is just attached knows them all.
func (g *guard) keep() {
	interfaces, err := net.Interfaces()
	if err != nil {
		g.faults.tell("interfaces", err)
		return
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		g.faults.tell("addresses", err)
		return
	}
	g.open(g.wanted(addresses(own)))
	g.links.keep(interfaces)
	g.guarded.Store(int64(len(g.on)))
}

// leave detaches the program everywhere.
func (g *guard) leave() {
	g.links.leave()
	g.guarded.Store(0)
}

// Probe says why this process cannot have the kernel filter for it; nil: it can.
func Probe() error {
	f, err := New(Config{Most: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return f.Close()
}

// probe finds out whether a program can be attached at all: it does so once, for a moment, while
// the program knows nothing yet.
func probe(p *ebpf.Program) error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("interfaces: %w", err)
	}
	if len(interfaces) == 0 {
		return errors.New("there is no network interface")
	}
	l, err := attach(p, interfaces[0].Index, link.Tail())
	if err != nil {
		return fmt.Errorf("attach to %s: %w", interfaces[0].Name, err)
	}
	return l.Close()
}

// addresses are those of the machine.
func addresses(list []net.Addr) []netip.Addr {
	var own []netip.Addr
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				own = append(own, ip.Unmap())
			}
		}
	}
	return own
}

// wanted are the doors of all listeners, and of media, on a machine with these addresses.
func (f *Filter) wanted(own []netip.Addr) map[door]bool {
	doors := make(map[door]bool)
	add := func(protocol uint16, at netip.AddrPort) {
		for _, a := range spread(at.Addr(), own) {
			doors[door{protocol, netip.AddrPortFrom(a, at.Port())}] = true
		}
	}
	for _, l := range f.cfg.Listeners {
		if l.TCP {
			add(protocolTCP, l.At)
		} else {
			add(protocolUDP, l.At)
		}
	}
	for _, a := range f.cfg.Media {
		add(0, netip.AddrPortFrom(a, 0))
	}
	return doors
}

// spread gives the addresses that an address of a listener stands for.
func spread(a netip.Addr, own []netip.Addr) []netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.IsUnspecified() {
		return []netip.Addr{a}
	}
	var out []netip.Addr
	for _, o := range own {
		if a.Is6() || o.Is4() {
			out = append(out, o)
		}
	}
	return out
}

// open makes the program know just these doors.
func (g *guard) open(wanted map[door]bool) {
	for d := range wanted {
		if g.doors[d] {
			continue
		}
		if m, key := g.maps.doors(d); m.Put(key, uint8(1)) == nil {
			g.doors[d] = true
		} else {
			g.faults.tell("doors", errors.New("there are more addresses and ports than the kernel's table holds"))
		}
	}
	for d := range g.doors {
		if wanted[d] {
			continue
		}
		m, key := g.maps.doors(d)
		if err := m.Delete(key); err != nil {
			g.faults.tell("doors", err)
			continue
		}
		delete(g.doors, d)
	}
}
