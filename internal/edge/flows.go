package edge

import (
	"net/netip"
	"sync/atomic"

	"tollgate/internal/kernel"
	"tollgate/internal/media"
)

// expedited is the mark of what the kernel forwards (EF, RFC 3246), as package media has it.
const expedited = 46

// kernelFlows has the kernel forward what the media plane hands over.
type kernelFlows struct {
	edge  *Edge
	flows *kernel.Flows
	told  atomic.Bool // that it did not read them
}

// openFlows begins; where the kernel cannot do it, media goes by way of our sockets as ever, for
// the reason that it gives.
func (e *Edge) openFlows() (flows media.Flows, why string) {
	if e.cfg.Media.Kernel == "off" {
		why = "media.kernel is off"
	} else if f, err := kernel.NewFlows(kernel.FlowsConfig{Way: kernel.Way(e.cfg.Media.KernelWay), DSCP: expedited, Log: e.log}); err != nil {
		why = err.Error()
	} else {
		e.flows = f
		return &kernelFlows{edge: e, flows: f}, ""
	}
	return nil, why
}

// Add is media.Flows.
func (k *kernelFlows) Add(f media.Flow) error {
	return k.flows.Add(kernel.Flow{
		Local: f.Local, Peer: f.Peer, From: f.From, To: f.To,
		SSRC: f.SSRC, Payloads: f.Payloads, Clock: f.Start.Clock,
		Start: kernel.FlowSeed{
			ExtSeq: f.Start.ExtSeq, Transit: f.Start.Transit, Jitter: f.Start.Jitter,
			Timestamp: f.Start.Timestamp, Arrival: f.Start.Arrival,
		},
	})
}

// Remove is media.Flows.
func (k *kernelFlows) Remove(local, peer netip.AddrPort) (media.FlowCounters, bool) {
	c, ok := k.flows.Remove(local, peer)
	return counted(&c), ok
}

// Counters is media.Flows.
func (k *kernelFlows) Counters(local, peer netip.AddrPort) (media.FlowCounters, bool) {
	c, ok := k.flows.Counters(local, peer)
	return counted(&c), ok
}

// Read is media.Flows.
func (k *kernelFlows) Read(fn func(local, peer netip.AddrPort, c media.FlowCounters)) {
	err := k.flows.Read(func(local, peer netip.AddrPort, c kernel.FlowCounters) { fn(local, peer, counted(&c)) })
	if err != nil && k.told.CompareAndSwap(false, true) {
		k.edge.log.Error("what the kernel has forwarded cannot be read", "error", err.Error())
	}
}

// counted is what the kernel counted, as the media plane has it.
func counted(c *kernel.FlowCounters) media.FlowCounters {
	out := media.FlowCounters{
		Packets: c.Packets, Octets: c.Octets, Reordered: c.Reordered, Duplicates: c.Duplicates,
		ExtSeq: c.ExtSeq, Transit: c.Transit, Jitter: c.Jitter, Timestamp: c.Timestamp, Gap: c.Gap,
	}
	if c.Packets > 0 {
		out.Arrival = c.Arrival // else what Start said
	}
	return out
}
