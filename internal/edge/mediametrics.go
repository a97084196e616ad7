package edge

import (
	"github.com/prometheus/client_golang/prometheus"

	"tollgate/internal/media"
)

// mediaMetrics counts what the media plane does.
type mediaMetrics struct{ engine *media.Engine }

// Describe is prometheus.Collector.
func (m mediaMetrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect is prometheus.Collector.
func (m mediaMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.engine.Stats()
	tell := func(kind prometheus.ValueType, name, help string, n float64, labels ...string) {
		var names, values []string
		for i := 0; i+1 < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("tollgate_media_"+name, help, names, nil), kind, n, values...)
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	tell(gauge, "sessions", "Calls whose media is bridged.", float64(s.Sessions))
	tell(gauge, "streams", "Their streams, both directions as one.", float64(s.Streams))
	tell(gauge, "ports", "Pairs of ports, on the addresses that were asked for some so far; those that rest after use are neither.", float64(s.PortsUsed), "state", "used")
	tell(gauge, "ports", "Pairs of ports, on the addresses that were asked for some so far; those that rest after use are neither.", float64(s.PortsFree), "state", "free")
	const packets = "Packets that were passed on, by this process or by the kernel."
	tell(counter, "packets_total", packets, float64(s.Packets), "way", "process")
	tell(counter, "packets_total", packets, float64(s.KernelPackets), "way", "kernel")
	tell(counter, "octets_total", "Octets that this process passed on.", float64(s.Octets))
	s.Each(func(c media.Cause, n uint64) {
		tell(counter, "dropped_total", "Packets that were not passed on.", float64(n), "cause", c.String())
	})
	tell(gauge, "kernel_flows", "Streams, each direction apart, that the kernel forwards.", float64(s.Flows))
	tell(counter, "kernel_refused_total", "Streams that the kernel did not take; this process forwards them.", float64(s.FlowErrors))
	tell(gauge, "way", "1 for the way in which settled media is forwarded; why it is not the kernel.", 1, "way", wayOf(&s), "why", s.Why)
}

// wayOf is how settled media is forwarded.
func wayOf(s *media.Stats) string {
	if s.Mode == "kernel" {
		return "kernel"
	}
	return "process"
}
