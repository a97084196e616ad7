package kernel

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Errors of Add. The stream is then relayed by this process.
var (
	ErrFamilies  = errors.New("a stream between IPv4 and IPv6 is not forwarded in the kernel")
	ErrFlow      = errors.New("this stream cannot be forwarded in the kernel")
	ErrFlowsFull = errors.New("as many streams are forwarded as the kernel's table holds")
)

// maxClock is the highest clock rate that the program counts with, in Hz.
const maxClock = 1_000_000

// Flow is one direction of an RTP stream: what comes from one party and goes to the other. All
// four addresses are of one family, and have no zone.
type Flow struct {
	Local netip.AddrPort // ours, to which the packets come
	Peer  netip.AddrPort // where they come from
	From  netip.AddrPort // ours, from which they go on
	To    netip.AddrPort // the other party

	SSRC     uint32
	Payloads [2]uint64 // the payload types that are forwarded, a bit each; 64 to 95 never are, RFC 5761 4
	Clock    uint32    // Hz, of all of these; up to 1 MHz
	Start    FlowSeed
}

// FlowSeed is what the relay has counted of a flow's SSRC when the kernel takes over.
type FlowSeed struct {
	ExtSeq    uint32 // the highest sequence number, cycles above (RFC 3550 A.1)
	Transit   uint32 // of the last packet, RTP units: arrival minus timestamp (RFC 3550 A.8)
	Jitter    uint32 // RTP units x 16
	Timestamp uint32 // of the last packet
	Arrival   int64  // of the last packet, ns of CLOCK_MONOTONIC; 0: jitter begins with the second packet
}

// FlowCounters are what the kernel has counted of a flow since Add; what Start said is where
// ExtSeq, Transit, Jitter, Timestamp and Arrival go on from.
type FlowCounters struct {
	SSRC       uint32
	Packets    uint64 // forwarded
	Octets     uint64 // of them, with RTP headers
	Reordered  uint64 // after one with a higher sequence number; up to 100 numbers late
	Duplicates uint64 // among Packets; known for the last 64 numbers, counted as reordered beyond
	ExtSeq     uint32 // the highest
	Transit    uint32 // of the last packet
	Jitter     uint32 // RTP units x 16
	Timestamp  uint32 // of the last packet
	Gap        int64  // the longest between two packets, ns
	Arrival    int64  // of the last packet, ns of CLOCK_MONOTONIC
}

// FlowsConfig is what holds for all flows.
type FlowsConfig struct {
	Way  Way          // how the program is attached
	DSCP uint8        // the mark of what leaves this machine (RFC 2474), as the relay's sockets set it
	Log  *slog.Logger // tells of interfaces that packets cannot be forwarded from
}

// Flows forwards established RTP streams in the kernel. A packet that comes from one party's
// address and port to ours leaves from our other socket's to the other party; anything that is not
// plain RTP of that SSRC with a payload type of the flow's comes to our socket as ever. So does
// what is behind a change of the sender's numbering, and what no route or no room is for. Its
// methods may be called from any goroutine.
type Flows struct {
	hook
	maps    *flowMaps
	notices *netlink // of changes of the network; only run has it

	// The lock guards what follows, and the routes of flows.
	routes *routes
	flows  int

	reading sync.Mutex // one Read at a time; never taken while mu is held
	keys4   [][keySize4]byte
	keys6   [][keySize6]byte
	values  []flowValue
}

// NewFlows loads the program, and makes sure that this kernel takes it; nothing stays attached
// while there are no flows. The error is a sentence that says why it is not
// possible here: ErrPrivilege, ErrKernel, or what was tried.
func NewFlows(cfg FlowsConfig) (*Flows, error) {
	f, err := loadFlows(cfg)
	if err == nil {
		err = f.pick(cfg.Way)
	}
	if err != nil {
		return nil, errors.Join(reason(err), f.unload())
	}
	f.done.Go(func() { f.run(f.any, f.follow, lookAgain) })
	return f, nil
}

// reason is the error for what a kernel cannot do or does not allow.
func reason(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return ErrPrivilege
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, unix.ENOSYS):
		return ErrKernel
	}
	return err
}

// loadFlows brings the program into the kernel, attached nowhere; it is to be unloaded even with an error.
func loadFlows(cfg FlowsConfig) (f *Flows, err error) {
	f = &Flows{}
	f.ready(roleFlows(), cfg.Log, "streams are not forwarded in the kernel everywhere; Tollgate relays the rest itself")
	f.fits = framed
	if f.maps, err = newFlowMaps(); err != nil {
		return f, err
	}
	if f.routes, err = newRoutes(f.maps.routes); err != nil {
		return f, err
	}
	if f.notices, err = listenNetlink(changes); err != nil {
		return f, fmt.Errorf("listen for changes of the network: %w", err)
	}
	f.program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: f.role.name, Type: ebpf.SchedCLS, Instructions: flowProgram(f.maps, cfg.DSCP&0x3f),
	})
	if err != nil {
		return f, fmt.Errorf("load the program: %w", err)
	}
	return f, nil
}

// framed says that frames of an interface begin with the header of Ethernet, as the program
// takes them to.
func framed(i net.Interface) bool {
	return len(i.HardwareAddr) == 6 || i.Flags&net.FlagLoopback != 0
}

// unload gives back what NewFlows took.
func (f *Flows) unload() error {
	errs := []error{f.hook.unload()}
	if f.notices != nil {
		errs = append(errs, f.notices.close())
	}
	if f.routes != nil {
		errs = append(errs, f.routes.ask.close())
	}
	if f.maps != nil {
		errs = append(errs, f.maps.close())
	}
	return errors.Join(errs...)
}

// Close ends all flows, and the kernel keeps nothing of them.
func (f *Flows) Close() error {
	if !f.end() {
		return nil
	}
	f.reading.Lock() // and whoever reads is done
	defer f.reading.Unlock()
	return f.unload()
}

// Mode is the way that packets go, for /metrics and logs.
func (f *Flows) Mode() string { return "kernel" }

// Stats is how many flows there are, and on how many network interfaces packets are forwarded:
// none while there are no flows.
func (f *Flows) Stats() (flows, interfaces int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.flows, int(f.interfaces.Load())
}

// Add forwards a flow from now on, or from a moment later where it is the first one and the program
// is to be attached. It counts from the flow's Start, and replaces one with the same Local and
// Peer. It takes a few system calls and never waits for the network.
func (f *Flows) Add(flow Flow) error {
	if err := flow.fits(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return ErrClosed
	}
	m, key := f.maps.of(flow.Local, flow.Peer)
	place, err := f.routes.take(path{flow.From.Addr(), flow.To.Addr()})
	if err != nil {
		return err
	}
	v := flow.value(place)
	err = m.Update(key, &v, ebpf.UpdateNoExist)
	if errors.Is(err, ebpf.ErrKeyExist) {
		f.take(m, key)
		err = m.Update(key, &v, ebpf.UpdateNoExist)
	}
	if err == nil {
		if f.flows++; f.flows == 1 {
			f.look()
		}
		return nil
	}
	f.routes.giveBack(place)
	if errors.Is(err, unix.E2BIG) {
		return ErrFlowsFull
	}
	return fmt.Errorf("forward %s to %s in the kernel: %w", flow.Peer, flow.To, err)
}

// fits makes sure that the program can forward a flow, and writes its addresses as packets have them.
func (f *Flow) fits() error {
	four := f.Local.Addr().Unmap().Is4()
	for _, a := range []*netip.AddrPort{&f.Local, &f.Peer, &f.From, &f.To} {
		*a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		switch {
		case !a.Addr().IsValid() || a.Addr().IsUnspecified() || a.Addr().Zone() != "" || a.Port() == 0:
			return fmt.Errorf("%w: address %s", ErrFlow, *a)
		case a.Addr().Is4() != four:
			return ErrFamilies
		}
	}
	f.Payloads[1] &^= 1<<32 - 1 // 64 to 95 may be RTCP
	switch {
	case f.Payloads == [2]uint64{}:
		return fmt.Errorf("%w: no payload type may pass", ErrFlow)
	case f.Clock == 0 || f.Clock > maxClock:
		return fmt.Errorf("%w: clock rate %d Hz", ErrFlow, f.Clock)
	}
	return nil
}

// take removes a flow from the kernel. The caller holds the lock.
func (f *Flows) take(m *ebpf.Map, key []byte) (FlowCounters, bool) {
	var v flowValue
	if err := m.LookupAndDelete(key, &v); err != nil {
		return FlowCounters{}, false
	}
	f.flows--
	f.routes.giveBack(v.Route)
	return v.counters(), true
}

// Remove ends a flow: its packets come to our socket from now on. It gives what was counted since
// Add; false: there is no such flow.
func (f *Flows) Remove(local, peer netip.AddrPort) (FlowCounters, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return FlowCounters{}, false
	}
	m, key := f.maps.of(plain(local), plain(peer))
	if m == nil {
		return FlowCounters{}, false
	}
	return f.take(m, key)
}

// Counters is what was counted of one flow since Add; false: there is no such flow.
func (f *Flows) Counters(local, peer netip.AddrPort) (FlowCounters, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return FlowCounters{}, false
	}
	m, key := f.maps.of(plain(local), plain(peer))
	var v flowValue
	if m == nil || m.Lookup(key, &v) != nil {
		return FlowCounters{}, false
	}
	return v.counters(), true
}

func plain(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// readAtOnce is how many flows a system call of Read gives.
const readAtOnce = 512

// Read tells the counters of all flows. Those that come or go meanwhile are told or not. What it
// calls may call Add and Remove, but not Read.
func (f *Flows) Read(tell func(local, peer netip.AddrPort, c FlowCounters)) error {
	f.reading.Lock()
	defer f.reading.Unlock()
	f.mu.Lock()
	closed := f.closed
	f.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if f.values == nil {
		f.keys4, f.keys6 = make([][keySize4]byte, readAtOnce), make([][keySize6]byte, readAtOnce)
		f.values = make([]flowValue, readAtOnce)
	}
	each := func(key []byte, v *flowValue) {
		peer, local := ends(key)
		tell(local, peer, v.counters())
	}
	if err := read(f.maps.flows4, f.keys4, f.values, func(k *[keySize4]byte, v *flowValue) { each(k[:], v) }); err != nil {
		return err
	}
	return read(f.maps.flows6, f.keys6, f.values, func(k *[keySize6]byte, v *flowValue) { each(k[:], v) })
}

// read goes through a map in batches.
func read[K any](m *ebpf.Map, keys []K, values []flowValue, each func(*K, *flowValue)) error {
	var cursor ebpf.MapBatchCursor
	for {
		n, err := m.BatchLookup(&cursor, keys, values, nil)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("read flows: %w", err)
		}
		for i := range n {
			each(&keys[i], &values[i])
		}
		if err != nil {
			return nil // all is read
		}
	}
}

// lookAgain is how often, while there are flows, changes of the network are looked for: new
// interfaces, other routes.
const lookAgain = time.Second

// any says that there are flows.
func (f *Flows) any() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.flows > 0
}

// follow brings links and routes to what the machine has now, if that has changed.
func (f *Flows) follow() {
	if !f.notices.pending() && f.interfaces.Load() > 0 {
		return
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		f.faults.tell("interfaces", err)
		return
	}
	f.attachTo(interfaces)
	f.mu.Lock()
	all := f.routes.all()
	f.mu.Unlock()
	ask, err := listenNetlink(0) // its own, since Add must not wait for this
	if err != nil {
		f.faults.tell("routes", err)
		return
	}
	for _, r := range all {
		w, err := ask.route(r.path)
		if err != nil {
			w = way{} // its packets come to us, and the relay's socket has the same error
		}
		f.mu.Lock()
		err = f.routes.set(r, w)
		f.mu.Unlock()
		if err != nil {
			f.faults.tell("routes", err)
		}
	}
	if err := ask.close(); err != nil {
		f.faults.tell("routes", err)
	}
}
