package edge

import (
	"github.com/prometheus/client_golang/prometheus"

	"tollgate/internal/overload"
)

// overloadMetrics says whether there is too much, and what was dropped for it.
func (e *Edge) overloadMetrics() []prometheus.Collector {
	state := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tollgate_overload", Help: "1 while more comes than can be served, and new requests are put off.",
	}, func() float64 {
		if e.transport.Overload().Now {
			return 1
		}
		return 0
	})
	list := []prometheus.Collector{state}
	shed := func(class string, value func() uint64) {
		list = append(list, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "tollgate_shed_total", Help: "Requests that were read and dropped for want of time.",
			ConstLabels: prometheus.Labels{"class": class},
		}, func() float64 { return float64(value()) }))
	}
	for c := range overload.Classes {
		shed(c.String(), func() uint64 { return e.transport.Overload().Shed[c] })
	}
	shed("too_old", func() uint64 { return e.transport.Overload().TooOld })
	return list
}
