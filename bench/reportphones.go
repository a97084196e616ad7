package main

import (
	"fmt"
	"strings"
	"time"
)

// Limits of the parts about phones: what a relayed REGISTER may cost beside Kamailio, what a
// phone may take of the heap, and the fullest second of pings beside the average.
const (
	registerLimit = 0.7
	bindingLimit  = 700 // bytes
	pingLimit     = 1.2
)

// restartLimit is how long a killed node with so many phones may take.
func restartLimit(phones int) time.Duration {
	if phones <= 100_000 {
		return 3 * time.Second
	}
	return 10 * time.Second
}

func (r *report) registerTable(b *strings.Builder) {
	if len(r.registers) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## REGISTER relay\n\n%d rounds of %d s at each rate, peers in turn; %d phones of %d customers refresh through the peer at a registrar "+
		"that grants at once. CPU of the peer by schedstat. x = median of the ratios within each round.\n\n",
		r.bench.rounds, r.bench.registerSeconds, r.bench.phones, customers)
	b.WriteString("| peer | REGISTER/s | us CPU/REGISTER, median | spread | x floor | x Kamailio | REGISTERs | failed | sent again | void turns |\n" +
		"|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, rate := range r.bench.rates {
		for _, p := range r.peers {
			if p.relay == nil {
				continue
			}
			costs, n, again := r.registers.costs(p.name, rate)
			fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %s | %d | 0 | %d | %s |\n", p.label, rate, medianText(costs), spreadText(costs),
				r.registers.ratioText(p.name, peerFloor, rate), r.registers.ratioText(p.name, peerKamailio, rate),
				n, again, r.registers.voids(p.name, rate))
		}
	}
	for _, rate := range r.bench.rates {
		r.registers.voidTurns(b, rate)
	}
	r.registerTargets(b)
}

func (r *report) registerTargets(b *strings.Builder) {
	title := fmt.Sprintf("\nAt %d REGISTER/s:\n\n| who | against | x | at most | |\n|---|---|---:|---:|---|\n", targetRate)
	for _, name := range []string{peerTollgate, peerTollgateTH} {
		x, ok := r.registers.ratio(name, peerKamailio, targetRate)
		if !ok {
			continue
		}
		b.WriteString(title)
		title = ""
		fmt.Fprintf(b, "| %s | %s | %.2f | %.2f | %s |\n", name, peerKamailio, x, registerLimit, verdict(x <= registerLimit))
	}
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "MISSED"
}

func (r *report) bindingsTable(b *strings.Builder) {
	for _, v := range r.bindings {
		fmt.Fprintf(b, "\n## %s with %d registered phones\n\n| | | at most | |\n|---|---:|---:|---|\n", v.Label, v.Count)
		row := func(what, value, limit, verdict string) {
			fmt.Fprintf(b, "| %s | %s | %s | %s |\n", what, value, limit, verdict)
		}
		n := float64(v.Count)
		each := func(when string, full footprint) {
			heap := (full.InUse - v.Idle.InUse) / n
			row("heap in use for each, "+when+", bytes", fmt.Sprintf("%.0f", heap), fmt.Sprint(bindingLimit), verdict(heap <= bindingLimit))
			row("resident for each, "+when+", bytes", fmt.Sprintf("%.0f", float64(full.Resident-v.Idle.Resident)*1024/n), "", "")
			row("of it mapped files", fmt.Sprintf("%.0f", float64(full.Mapped-v.Idle.Mapped)*1024/n), "", "")
		}
		each("after the REGISTERs", v.Full)
		each("after the restart", v.Restart.Full)
		row("journal on disk, MiB", fmt.Sprintf("%.1f", v.Journal/(1<<20)), "", "")
		row("registered by the wire, REGISTER/s", fmt.Sprintf("%.0f", v.Rate), "", "")
		row("sent again by the phones", fmt.Sprint(v.Repeated), "", "")
		v.Pings.rows(row, v.Count)
		v.Restart.rows(row, v.Count)
		for _, m := range v.Lookups {
			row("`"+m.Package+" "+m.Name+"`", m.Figures, "", "")
		}
	}
}

func (p pingResult) rows(row func(what, value, limit, verdict string), count int) {
	title := fmt.Sprintf("pings/s, one each %s, %d s: ", p.Interval, p.Seconds)
	most := pingLimit * p.average()
	row(title+"least", fmt.Sprint(p.Least), "", "")
	row(title+"average", fmt.Sprintf("%.0f", p.average()), "", "")
	row(title+"most", fmt.Sprint(p.Most), fmt.Sprintf("%.0f", most), verdict(float64(p.Most) <= most))
	row("phones left after the pings", fmt.Sprint(p.Alive), fmt.Sprint(count), verdict(p.Alive == count))
}

func (s restartResult) rows(row func(what, value, limit, verdict string), count int) {
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }
	row("kill -9 and start: /readyz after, s", seconds(s.Ready), "", "")
	row("a call rings at its phone after, s", seconds(s.Forwarded), "", "")
	both := max(s.Ready, s.Forwarded)
	row("both, s", seconds(both), seconds(restartLimit(count)), verdict(both <= restartLimit(count)))
	row("phones left after the restart", fmt.Sprint(s.Alive), fmt.Sprint(count), verdict(s.Alive == count))
	row("calls to phones at random that rang", fmt.Sprintf("%d of %d", s.Rung, s.Tried), "", verdict(s.Rung == s.Tried))
}
