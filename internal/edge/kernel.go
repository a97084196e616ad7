package edge

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"
	"github.com/prometheus/client_golang/prometheus"

	"tollgate/internal/api"
	"tollgate/internal/ban"
	"tollgate/internal/kernel"
	"tollgate/internal/policy"
	"tollgate/internal/transport"
)

// wayNone: bans drop by this process alone (step 3). The other ways are the kernel's.
const wayNone = "none"

// errNoFilter leaves all bans to this process.
var errNoFilter = errors.New("the kernel drops for no bans here")

// lookAtDestinations is how soon the kernel lets in what has become a destination by DNS. What
// becomes one by a change of the configuration it lets in with that change.
const lookAtDestinations = 500 * time.Millisecond

// kernelBans has the kernel drop what package ban would drop for everybody.
type kernelBans struct {
	edge   *Edge
	filter *kernel.Filter // nil: this process drops alone
	way    string         // how it is attached, or wayNone
	why    string         // not tcx
	told   atomic.Bool    // that it did not take a ban

	news chan struct{} // a range was banned
	stop chan struct{}
	done sync.WaitGroup
}

// newKernelBans begins; where the kernel cannot do it, bans drop here as ever.
func newKernelBans(e *Edge) *kernelBans {
	k := &kernelBans{edge: e, news: make(chan struct{}, 1), stop: make(chan struct{}), way: wayNone}
	if e.cfg.Media.Kernel == "off" {
		k.why = "media.kernel is off"
	} else if f, err := kernel.New(e.guarded()); err != nil {
		k.why = err.Error()
	} else {
		way, why := f.Way()
		k.filter, k.way, k.why = f, string(way), why
	}
	if k.filter == nil {
		e.log.Info("bans drop in this process, not in the kernel", "reason", k.why)
	} else {
		e.log.Info("bans drop in the kernel", attached(k.way, k.why)...)
	}
	k.done.Go(k.run)
	e.bans.Mirror(k)
	return k
}

// attached is how programs are in the kernel, for the log.
func attached(way, why string) []any {
	if why == "" {
		return []any{"way", way}
	}
	return []any{"way", way, "reason", why}
}

// guarded is what bans keep their sources from: the ports of SIP, and those of media.
func (e *Edge) guarded() kernel.Config {
	c := kernel.Config{First: uint16(e.cfg.Media.First), Last: uint16(e.cfg.Media.Last), Most: ban.Most, Way: kernel.Way(e.cfg.Media.KernelWay), Log: e.log}
	for _, l := range e.transport.Listeners() {
		c.Listeners = append(c.Listeners, kernel.Listener{TCP: l.Proto != transport.UDP, At: l.Addr})
		c.Media = append(c.Media, l.Addr.Addr())
	}
	if len(e.cfg.Media.Networks) > 0 {
		c.Media = nil
	}
	for _, n := range e.cfg.Media.Networks {
		c.Media = append(c.Media, n.Address)
	}
	return c
}

// Block is ban.Kernel.
func (k *kernelBans) Block(p netip.Prefix) error {
	select {
	case k.news <- struct{}{}:
	default: // it is about to look
	}
	if k.filter == nil {
		return errNoFilter
	}
	err := k.filter.Block(p)
	if err != nil && k.told.CompareAndSwap(false, true) {
		k.edge.log.Warn("not all bans drop in the kernel; the rest drop in this process", "address", p.String(), "error", err.Error())
	}
	return err
}

// Unblock is ban.Kernel.
func (k *kernelBans) Unblock(p netip.Prefix) uint64 { return k.filter.Unblock(p) }

// Hits is ban.Kernel.
func (k *kernelBans) Hits(tell func(netip.Prefix, uint64)) {
	if k.filter != nil {
		k.filter.Hits(tell)
	}
}

// run does what must not be done where a ban is made. It ends the connections of who is banned:
// where the kernel drops, nothing comes from them any more that would make step 3 do so. And it
// looks for new destinations.
func (k *kernelBans) run() {
	tick := time.NewTicker(lookAtDestinations)
	defer tick.Stop()
	var seen *policy.Snapshot
	for {
		select {
		case <-k.stop:
			return
		case <-k.news:
			k.edge.transport.RefuseFrom(func(a netip.Addr) bool { return k.edge.bans.Refused(0, a, true) })
		case <-tick.C:
			if now := k.edge.table.Snapshot(); now != seen {
				k.edge.bans.Settle()
				seen = now
			}
		}
	}
}

// close ends the kernel's part. Package ban goes on to drop.
func (k *kernelBans) close() {
	close(k.stop)
	k.done.Wait()
	k.edge.bans.Mirror(nil)
	if k.filter != nil {
		k.edge.logged("kernel", k.filter.Close())
	}
}

// info says which way is in use, and why no better one.
func (k *kernelBans) info() api.KernelBans {
	info := api.KernelBans{Way: k.way, Why: k.why}
	if k.filter != nil {
		info.Bans, info.Interfaces = k.filter.Stats()
	}
	return info
}

// kernelWay is the metric that tells this.
type kernelWay struct{ bans *kernelBans }

// Describe is prometheus.Collector.
func (w kernelWay) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(w, ch) }

// Collect is prometheus.Collector.
func (w kernelWay) Collect(ch chan<- prometheus.Metric) {
	const help = "1 for the way in which programs are attached in the kernel; why it is not tcx."
	ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("tollgate_kernel_way", help, []string{"way", "why"}, nil), prometheus.GaugeValue, 1, w.bans.way, w.bans.why)
}

// neighbourhood are the addresses of all destinations, for ranges.
type neighbourhood struct {
	table *policy.Table

	mu  sync.Mutex // guards what follows
	of  *policy.Snapshot
	set *bart.Lite
}

// in says that any destination is within a range.
func (n *neighbourhood) in(p netip.Prefix) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := n.table.Snapshot(); now != n.of {
		n.of, n.set = now, new(bart.Lite)
		for a := range now.Neighbours {
			n.set.Insert(netip.PrefixFrom(a, a.BitLen()))
		}
		for a := range now.Receivers {
			n.set.Insert(netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return n.set.OverlapsPrefix(p)
}
