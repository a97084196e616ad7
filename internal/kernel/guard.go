package kernel

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"
)

// lookEvery is how often interfaces and their addresses are looked at while something is banned.
// One that has just come is guarded by the next look; until then its packets reach package ban.
const lookEvery = 2 * time.Second

// Stats is how many ranges are banned, and how many interfaces the program is attached to: none
// while nothing is banned.
func (f *Filter) Stats() (bans, interfaces int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.bans), int(f.interfaces.Load())
}

// keep brings doors and links to what the machine has now. Doors come first, so that a program
// that is just attached knows them all.
func (f *Filter) keep() {
	interfaces, err := net.Interfaces()
	if err != nil {
		f.faults.tell("interfaces", err)
		return
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		f.faults.tell("addresses", err)
		return
	}
	f.open(f.wanted(addresses(own)))
	f.attachTo(interfaces)
}

// Probe says in which way the kernel would filter for this process, or why it would not. It
// changes nothing, but that it attaches the program for a moment.
func Probe() (Way, error) {
	f, err := loadFilter(Config{Most: 1, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = f.pick(Auto)
	}
	if err != nil {
		return Auto, errors.Join(reason(err), f.unload())
	}
	return f.way, f.unload()
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
func (f *Filter) open(wanted map[door]bool) {
	for d := range wanted {
		if f.doors[d] {
			continue
		}
		if m, key := f.maps.doors(d); m.Put(key, uint8(1)) == nil {
			f.doors[d] = true
		} else {
			f.faults.tell("doors", errors.New("there are more addresses and ports than the kernel's table holds"))
		}
	}
	for d := range f.doors {
		if wanted[d] {
			continue
		}
		m, key := f.maps.doors(d)
		if err := m.Delete(key); err != nil {
			f.faults.tell("doors", err)
			continue
		}
		delete(f.doors, d)
	}
}
