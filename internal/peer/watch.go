package peer

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/slab"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
)

// WatchConfig says what a Watch is made of.
type WatchConfig struct {
	Router     *Router
	Table      *policy.Table
	Advertised func(f transport.Flow) (host string, port uint16)
	Interval   time.Duration // between two OPTIONS to one neighbour; 0 = 30 s
	Changed    func(host string, state State)
}

// neighbour is what is asked once however many customers share it.
type neighbour struct {
	host  string
	port  uint16
	proto string
	via   string // the proxies that it is called by
}

func neighbourOf(d *policy.Destination) neighbour {
	return neighbour{d.Host, d.Port, d.Transport(), d.Via}
}

// misses is how many times in a row a neighbour must not answer to be down.
const misses = 3

// patience is how long one address may take to answer.
const patience = 5 * time.Second

// slots spread the neighbours evenly over an interval.
const slots = 64

// record is one neighbour's.
type record struct {
	state  State
	missed int
	asking bool
	dests  []*policy.Destination
	asked  bool // by keepalive; else it is only resolved
}

// Watch asks every destination by OPTIONS whether it is alive (mission row C6),
// and keeps the addresses of names up to date.
type Watch struct {
	cfg   WatchConfig
	layer *transaction.Layer
	user  uint8
	pings []slab.Slab[ping] // by shard, guarded by its lock
	down  atomic.Pointer[map[neighbour]struct{}]

	mu      sync.Mutex // guards all below
	seen    *policy.Snapshot
	records map[neighbour]*record

	stop chan struct{}
	done sync.WaitGroup
}

// ping is one question under way.
type ping struct {
	gen, slot uint32
	used      bool
	key       neighbour
	walk      Walk
	client    transaction.ID
	timer     transaction.TimerID
	sent      time.Duration
	last      int
}

// NewWatch makes the watch of a layer.
func NewWatch(cfg WatchConfig, layer *transaction.Layer) *Watch {
	if cfg.Interval == 0 {
		cfg.Interval = 30 * time.Second
	}
	w := &Watch{
		cfg: cfg, layer: layer, pings: make([]slab.Slab[ping], layer.Shards()),
		records: make(map[neighbour]*record), stop: make(chan struct{}),
	}
	w.down.Store(&map[neighbour]struct{}{})
	w.user = layer.Register(w)
	return w
}

// Run asks until Close.
func (w *Watch) Run() {
	w.done.Add(1)
	go func() {
		defer w.done.Done()
		tick := time.NewTicker(w.cfg.Interval / slots)
		defer tick.Stop()
		for n := uint32(0); ; n++ {
			select {
			case <-w.stop:
				return
			case <-tick.C:
				for _, key := range w.due(n % slots) {
					w.ask(key)
				}
			}
		}
	}()
}

// Close ends the asking.
func (w *Watch) Close() {
	close(w.stop)
	w.done.Wait()
}

// Down is policy.Health: not where the customer has switched keepalive off.
func (w *Watch) Down(d *policy.Destination) bool {
	down := *w.down.Load()
	if len(down) == 0 {
		return false
	}
	if _, is := down[neighbourOf(d)]; !is {
		return false
	}
	c := w.cfg.Table.Snapshot().Customer(d.Customer)
	return c != nil && watched(c)
}

func watched(c *policy.Customer) bool { return c.Settings.Keepalive && !c.Transparent }

// due gives the neighbours whose turn it is. New ones are asked at once.
func (w *Watch) due(slot uint32) []neighbour {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.cfg.Table.Snapshot(); s != w.seen {
		w.learn(s)
	}
	var list []neighbour
	for key, r := range w.records {
		fresh := r.state.Since.IsZero() && !r.asking
		if !fresh && hashOf(key)%slots != slot {
			continue
		}
		if !r.asking {
			r.asking = true
			list = append(list, key)
		}
	}
	return list
}

func hashOf(n neighbour) uint32 {
	h := uint32(2166136261)
	for i := range len(n.host) {
		h = (h ^ uint32(n.host[i])) * 16777619
	}
	for i := range len(n.proto) {
		h = (h ^ uint32(n.proto[i])) * 16777619
	}
	h = (h ^ uint32(n.port)) * 16777619
	return h ^ h>>15
}

// learn takes the destinations of a new snapshot; what is gone is forgotten.
func (w *Watch) learn(s *policy.Snapshot) {
	w.seen = s
	old := w.records
	w.records = make(map[neighbour]*record, len(old))
	for c := range s.Customers {
		for _, d := range c.Destinations {
			if d.Disabled {
				continue
			}
			key := neighbourOf(d)
			r := w.records[key]
			if r == nil {
				if r = old[key]; r == nil {
					r = &record{state: State{Status: StatusUnknown}}
				}
				r.dests, r.asked = r.dests[:0], false
				w.records[key] = r
			}
			r.dests = append(r.dests, d)
			r.asked = r.asked || watched(c)
		}
	}
	w.publish()
}

// publish makes the down ones known to Down. The caller holds the lock.
func (w *Watch) publish() {
	down := make(map[neighbour]struct{})
	for key, r := range w.records {
		if !r.asked {
			r.missed = 0
			if r.state.Status == StatusDown {
				r.state.Status = StatusUnknown
			}
		}
		if r.state.Status == StatusDown {
			down[key] = struct{}{}
		}
	}
	w.down.Store(&down)
}

// States gives the state of every destination.
func (w *Watch) States() map[tenant.DestinationID]State {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[tenant.DestinationID]State)
	for c := range w.cfg.Table.Snapshot().Customers {
		for _, d := range c.Destinations {
			s := State{Status: StatusUnknown}
			if r := w.records[neighbourOf(d)]; r != nil {
				s = r.state
			}
			if !watched(c) {
				s.Status = StatusOff
			}
			all[d.ID] = s
		}
	}
	return all
}

// settle notes the outcome of a question: answered or not, and with which code.
func (w *Watch) settle(key neighbour, code int, rtt time.Duration, addrs []netip.AddrPort) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.records[key]
	if r == nil {
		return
	}
	r.asking = false
	was := r.state.Status
	r.state.LastCode, r.state.RTT = code, rtt
	w.resolved(r, addrs)
	switch {
	case !r.asked:
		r.state.Status = StatusUnknown
	case code != 0 && code != 408 && code != 503:
		r.state.Status, r.missed = StatusUp, 0
	default:
		if r.missed++; r.missed >= misses {
			r.state.Status = StatusDown
		}
	}
	if was != r.state.Status || r.state.Since.IsZero() {
		r.state.Since = time.Now().UTC()
	}
	if was != r.state.Status {
		w.publish()
		if w.cfg.Changed != nil {
			w.cfg.Changed(key.host, r.state)
		}
	}
}

// resolved tells policy where a name leads now.
func (w *Watch) resolved(r *record, addrs []netip.AddrPort) {
	if len(addrs) == 0 {
		return
	}
	r.state.Addrs = r.state.Addrs[:0:0]
	for _, a := range addrs {
		r.state.Addrs = append(r.state.Addrs, a.String())
	}
	for _, d := range r.dests {
		if _, err := netip.ParseAddr(d.Host); err != nil {
			w.cfg.Table.Resolved(d.ID, addrs)
		}
	}
}
