// Package kernel has the kernel do what this process need not: small eBPF programs at the ingress
// of network interfaces, by tcx (Linux 6.6) or as filters of tc (clsact, Linux 5.14).
//
// Filter drops what banned sources send, before it reaches this process: what comes from a banned
// range to an address and port of ours, SIP or media, and nothing else; whatever it cannot read
// passes. Each dropped packet is counted for the range that it was dropped for.
//
// Flows forwards established RTP streams between two parties and counts what a relay counts of
// them. Whatever is not surely such a packet comes to the relay's socket as if there were no
// program. A packet meets the bans first.
//
// Neither runs while it has nothing to do, and neither outlives the process, also by kill -9:
// the kernel ends both with their last descriptor. What clsact leaves then does nothing, and is
// removed by the next process. All of it happens in the network namespace of the process. CAP_BPF
// and CAP_NET_ADMIN are needed.
//
// Not its job: who is banned, and for how long (package ban), which also drops all that Filter lets
// through; which streams are established, and who may send them (package media).
//
// RFC 791 (IPv4), RFC 8200 (IPv6), RFC 768 and RFC 9293 for the ports, RFC 1624 (checksums),
// RFC 3550 (RTP, and its figures).
package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/cilium/ebpf"
)

// Errors of New, NewFlows and Block.
var (
	ErrPrivilege = errors.New("this process lacks the capabilities CAP_BPF and CAP_NET_ADMIN")
	ErrKernel    = errors.New("this kernel has neither tcx (Linux 6.6) nor clsact")
	ErrFull      = errors.New("as many ranges are banned as the kernel's table holds")
	ErrClosed    = errors.New("it is closed")
)

// Listener is an address that this node listens on; an unspecified one stands for all addresses
// of the machine, :: for those of both families.
type Listener struct {
	TCP bool // else UDP
	At  netip.AddrPort
}

// Config says what is guarded, and how many bans there can be.
type Config struct {
	Listeners []Listener
	// RTP is spoken at the UDP ports from First to Last of these addresses; unspecified ones
	// mean the same as with listeners.
	Media       []netip.Addr
	First, Last uint16

	Most int          // ranges that can be banned at once
	Way  Way          // how the program is attached
	Log  *slog.Logger // tells of what cannot be guarded
}

// Filter is the program in the kernel, and what it knows. Its methods may be called from any
// goroutine.
type Filter struct {
	hook
	cfg      Config
	maps     *maps
	counters *ebpf.Memory
	doors    map[door]bool // that the program knows; only run has them

	// The lock guards what follows, and the maps of banned ranges.
	bans   map[netip.Prefix]*counter
	free   []uint32 // counters that nobody has any more, the one that is free for longest first
	unused uint32   // those from here on nobody ever had
}

// counter is where the kernel counts for a range.
type counter struct {
	place uint32
	seen  uint64 // its value when somebody asked last
}

// New loads the program, and makes sure that this kernel takes it. Nothing stays attached before
// the first Block.
func New(cfg Config) (*Filter, error) {
	f, err := loadFilter(cfg)
	if err == nil {
		err = f.pick(cfg.Way)
	}
	if err != nil {
		return nil, errors.Join(reason(err), f.unload())
	}
	f.done.Go(func() { f.run(f.standing, f.keep, lookEvery) })
	return f, nil
}

// loadFilter brings the program into the kernel, attached nowhere; it is to be unloaded even with an error.
func loadFilter(cfg Config) (f *Filter, err error) {
	f = &Filter{cfg: cfg, bans: make(map[netip.Prefix]*counter), doors: make(map[door]bool)}
	f.ready(roleBans(), cfg.Log, "bans are not dropped in the kernel everywhere; Tollgate drops the rest itself")
	if f.maps, err = newMaps(uint32(cfg.Most)); err != nil {
		return f, err
	}
	if f.counters, err = f.maps.counters.Memory(); err != nil {
		return f, fmt.Errorf("memory of the counters: %w", err)
	}
	f.program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: f.role.name, Type: ebpf.SchedCLS, Instructions: program(f.maps, cfg.First, cfg.Last),
	})
	if err != nil {
		return f, fmt.Errorf("load the program: %w", err)
	}
	return f, nil
}

// unload gives back what New took.
func (f *Filter) unload() error {
	err := f.hook.unload()
	if f.maps != nil {
		err = errors.Join(err, f.maps.close())
	}
	return err
}

// Close detaches the program and forgets all bans. Nothing is dropped any more.
func (f *Filter) Close() error {
	if !f.end() {
		return nil
	}
	return f.unload()
}

// Block drops a masked range from now on, or from a moment later where it is the first one and
// the program is to be attached. It never waits for that, and does nothing where the range is
// banned already.
func (f *Filter) Block(p netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return ErrClosed
	}
	if f.bans[p] != nil {
		return nil
	}
	place, reused := f.unused, len(f.free) > 0
	switch {
	case reused:
		place = f.free[0]
	case int(place) >= f.cfg.Most:
		return ErrFull
	}
	m, key := f.maps.banned(p)
	if err := m.Put(key, place); err != nil {
		return fmt.Errorf("ban %s in the kernel: %w", p, err)
	}
	if reused {
		f.free = f.free[1:]
	} else {
		f.unused++
	}
	f.bans[p] = &counter{place: place, seen: f.count(place)}
	f.look()
	return nil
}

// Unblock returns once nothing of a range is dropped any more, with how many packets were since
// Hits was last called.
func (f *Filter) Unblock(p netip.Prefix) (packets uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.bans[p]
	if c == nil || f.closed {
		return 0
	}
	m, key := f.maps.banned(p)
	if err := m.Delete(key); err != nil {
		f.cfg.Log.Error("a ban in the kernel is not lifted", "address", p.String(), "error", err.Error())
		return 0
	}
	delete(f.bans, p)
	f.free = append(f.free, c.place)
	f.look()
	return f.count(c.place) - c.seen
}

// Hits tells how many packets were dropped for each range since it was last asked, where it were
// any.
func (f *Filter) Hits(tell func(p netip.Prefix, packets uint64)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	for p, c := range f.bans {
		now := f.count(c.place)
		if n := now - c.seen; n > 0 {
			c.seen = now
			tell(p, n)
		}
	}
}

// count reads a counter, without a system call. The caller holds the lock, so that the memory
// is still there.
func (f *Filter) count(place uint32) uint64 {
	var b [8]byte
	if _, err := f.counters.ReadAt(b[:], int64(place)*int64(len(b))); err != nil {
		return 0 // the place is within the map, which stays mapped until Close
	}
	return binary.NativeEndian.Uint64(b[:])
}

// standing says that something is banned.
func (f *Filter) standing() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.bans) > 0
}
