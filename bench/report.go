package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report gathers what was measured and prints it as Markdown.
type report struct {
	bench   *bench
	peers   []*peer
	machine []string
	samples samples // of calls
	top     []topResult
	memory  []namedMemory
	micro   []microResult

	registers samples
	locals    samples
	auths     samples
	bindings  []bindingsResult
	bans      *bansResult
	media     []mediaTurn
	overload  []overloadTurn
	refusals  []refusalSample
}

type namedMemory struct {
	Label  string
	Result memoryResult
}

// write prints the report, keeps it as latest.md and under its time, and
// keeps the bare samples beside it.
func (r *report) write() error {
	text := r.markdown()
	fmt.Print(text)
	stamp := time.Now().Format("20060102-150405")
	samples, err := json.Marshal(struct {
		Calls, Registers samples
		Bindings         []bindingsResult
		Bans             *bansResult
		Media            []mediaTurn
		Overload         []overloadTurn
		Refusals         []refusalSample
	}{r.samples, r.registers, r.bindings, r.bans, r.media, r.overload, r.refusals})
	if err != nil {
		return fmt.Errorf("samples: %w", err)
	}
	var errs []error
	for name, data := range map[string][]byte{
		"latest.md": []byte(text), stamp + ".md": []byte(text), stamp + ".json": samples,
	} {
		errs = append(errs, os.WriteFile(filepath.Join(r.bench.out, name), data, 0o644))
	}
	return errors.Join(errs...)
}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Tollgate beside its peers\n\n%s\n", strings.Join(r.machine, "  \n"))
	if len(r.samples) > 0 {
		fmt.Fprintf(&b, "\n%d rounds of %d s at each rate, peers in turn; %d customers, %d sources, one call in %d to a forbidden number; "+
			"%d more calls/s measure the delay. CPU by schedstat, all threads and child processes. x = median of the ratios within each round.\n",
			r.bench.rounds, r.bench.seconds, customers, sources, refuseEvery, probeRate)
	}
	for _, rate := range r.bench.rates {
		r.rateTable(&b, rate)
	}
	r.targets(&b)
	r.topTable(&b)
	r.memoryTable(&b)
	r.microTable(&b)
	r.authTable(&b)
	r.registerTable(&b)
	r.registerLocalTable(&b)
	r.bindingsTable(&b)
	r.bansTable(&b)
	r.mediaTable(&b)
	r.overloadTable(&b)
	r.refusalTable(&b)
	return b.String()
}

func (r *report) rateTable(b *strings.Builder, rate int) {
	if len(r.samples) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %d calls/s\n\n", rate)
	b.WriteString("| peer | us CPU/call, median | spread | x floor | x Kamailio | x Kamailio topoh | delay of a message, p50 us | p99 us | p99 added us | calls | failed | retransmitted | void turns |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	direct := r.delays(peerDirect, rate)
	for _, p := range r.peers {
		costs, calls, retrans := r.samples.costs(p.name, rate)
		delays := r.delays(p.name, rate)
		added := "-"
		if len(direct) > 0 && len(delays) > 0 && p.start != nil {
			added = fmt.Sprintf("%.0f", microseconds(percentile(delays, 99)-percentile(direct, 99)))
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %d | 0 | %d | %s |\n", p.label,
			medianText(costs), spreadText(costs), r.samples.ratioText(p.name, peerFloor, rate),
			r.samples.ratioText(p.name, peerKamailio, rate), r.samples.ratioText(p.name, peerKamailioTH, rate),
			percentileText(delays, 50), percentileText(delays, 99), added, calls, retrans, r.samples.voids(p.name, rate))
	}
	r.samples.voidTurns(b, rate)
}

// voidTurns lists why turns at a rate did not count.
func (list samples) voidTurns(b *strings.Builder, rate int) {
	for _, s := range list {
		if s.Rate == rate && s.Void != "" {
			fmt.Fprintf(b, "\nVoid: %s, round %d: %s\n", s.Peer, s.Round+1, s.Void)
		}
	}
}

// costs are the valid turns' CPU per call, with the calls and retransmissions in them.
func (list samples) costs(peer string, rate int) (costs []time.Duration, calls, retrans int) {
	for _, s := range list {
		if s.Peer == peer && s.Rate == rate && s.Void == "" {
			costs = append(costs, s.PerCall)
			calls += s.Result.Calls
			retrans += s.Result.Retrans
		}
	}
	return costs, calls, retrans
}

func (r *report) delays(peer string, rate int) []time.Duration {
	var all []time.Duration
	for _, s := range r.samples {
		if s.Peer == peer && s.Rate == rate && s.Void == "" {
			all = append(all, s.Delays...)
		}
	}
	return all
}

func (list samples) voids(peer string, rate int) string {
	n := 0
	for _, s := range list {
		if s.Peer == peer && s.Rate == rate && s.Void != "" {
			n++
		}
	}
	return fmt.Sprint(n)
}

// ratio is the median over the rounds of one peer's cost by another's.
func (list samples) ratio(peer, base string, rate int) (float64, bool) {
	cost := map[string]map[int]float64{peer: {}, base: {}}
	for _, s := range list {
		if of, ok := cost[s.Peer]; ok && s.Rate == rate && s.Void == "" {
			of[s.Round] = s.PerCall.Seconds()
		}
	}
	var ratios []float64
	for round, c := range cost[peer] {
		if by := cost[base][round]; by > 0 {
			ratios = append(ratios, c/by)
		}
	}
	if len(ratios) == 0 {
		return 0, false
	}
	return median(ratios), true
}

func (list samples) ratioText(peer, base string, rate int) string {
	if peer == peerDirect {
		return "-"
	}
	if x, ok := list.ratio(peer, base, rate); ok {
		return fmt.Sprintf("%.2f", x)
	}
	return "-"
}

// target is a ratio that Tollgate has to keep at 1500 calls/s.
type target struct {
	peer, base   string
	limit, reach float64
}

const targetRate = 1500

var targets = []target{
	{peerTollgate, peerFloor, 2.0, 1.5},
	{peerTollgate, peerKamailio, 0.7, 0.5},
	{peerTollgateTH, peerFloor, 2.5, 1.8},
	{peerTollgateTH, peerKamailioTH, 0.45, 0.35},
	{peerAll, peerFloor, 2.5, 2.0},
	{peerAll, peerKamailio, 0.8, 0.6},
	{peerAllTH, peerFloor, 3.0, 2.4},
	{peerAllTH, peerKamailioTH, 0.5, 0.4},
}

func (r *report) targets(b *strings.Builder) {
	title := fmt.Sprintf("\n## Targets at %d calls/s\n\n| who | against | x | at most | reach for | |\n|---|---|---:|---:|---:|---|\n", targetRate)
	for _, t := range targets {
		x, ok := r.samples.ratio(t.peer, t.base, targetRate)
		if !ok {
			continue
		}
		verdict := "MISSED"
		switch {
		case x <= t.reach:
			verdict = "reached"
		case x <= t.limit:
			verdict = "met"
		}
		b.WriteString(title)
		title = ""
		fmt.Fprintf(b, "| %s | %s | %.2f | %.2f | %.2f | %s |\n", t.peer, t.base, x, t.limit, t.reach, verdict)
	}
}

func (r *report) topTable(b *strings.Builder) {
	if len(r.top) == 0 {
		return
	}
	b.WriteString("\n## Top rate on one core\n\nThe peer alone on CPU 0, both SIPps on CPU 1; no failed call, at most 1 % retransmitted. " +
		"The first line is the load tool's own ceiling: a peer that comes near it can do more.\n\n" +
		"| peer | calls/s | of its core | us CPU/call | what ended the climb |\n|---|---:|---:|---:|---|\n")
	for _, t := range r.top {
		why, _, _ := strings.Cut(t.Why, "\n")
		fmt.Fprintf(b, "| %s | %d | %.0f %% | %.1f | %s |\n", t.Peer, t.Rate, 100*t.Busy, microseconds(t.Spent), why)
	}
}

func (r *report) memoryTable(b *strings.Builder) {
	if len(r.memory) == 0 {
		return
	}
	b.WriteString("\n## Memory\n\nAt most 8 KiB of heap in use for each live call, no goroutine each.\n\n" +
		"| | live calls | heap in use, idle MiB | with calls MiB | KiB/call | resident MiB | goroutines, idle | with calls | after a forced GC |\n" +
		"|---|---:|---:|---:|---:|---:|---:|---:|---|\n")
	const mib = 1 << 20
	for _, m := range r.memory {
		v := m.Result
		fmt.Fprintf(b, "| %s | %d | %.1f | %.1f | %.2f | %d | %.0f | %.0f | %t |\n", m.Label, v.Live, v.Idle.InUse/mib,
			v.Full.InUse/mib, v.perCall()/1024, v.Full.Resident/1024, v.Idle.Goroutines, v.Full.Goroutines, v.Forced)
	}
}

func (r *report) microTable(b *strings.Builder) {
	if len(r.micro) == 0 {
		return
	}
	b.WriteString("\n## Parts alone\n\n| part | benchmark | |\n|---|---|---|\n")
	for _, m := range r.micro {
		fmt.Fprintf(b, "| %s | %s | %s |\n", m.Package, m.Name, m.Figures)
	}
}

// describeMachine says what the figures were taken on and with.
func describeMachine() []string {
	first := func(argv ...string) string {
		out, _ := exec.Command(argv[0], argv[1:]...).CombinedOutput() // sipp -v ends with 99
		line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return strings.TrimSpace(line)
	}
	load, _ := os.ReadFile("/proc/loadavg")
	cpu := "unknown CPU"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(info), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			cpu = strings.TrimLeft(line, "\t :")
		}
	}
	return []string{
		time.Now().Format(time.RFC3339) + ", commit " + first("git", "describe", "--always", "--dirty"),
		fmt.Sprintf("%d x %s, Linux %s, load before the run %s", runtime.NumCPU(), cpu, first("uname", "-r"), strings.TrimSpace(string(load))),
		fmt.Sprintf("%s; %s; %s", runtime.Version(), first("kamailio", "-v"), first("sipp", "-v")),
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

func medianText(costs []time.Duration) string {
	if len(costs) == 0 {
		return "void"
	}
	values := make([]float64, len(costs))
	for i, c := range costs {
		values[i] = microseconds(c)
	}
	return fmt.Sprintf("%.1f", median(values))
}

func spreadText(costs []time.Duration) string {
	if len(costs) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f - %.1f", microseconds(slices.Min(costs)), microseconds(slices.Max(costs)))
}

// percentile is the smallest value that p percent of all do not exceed.
func percentile(values []time.Duration, p int) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

func percentileText(values []time.Duration, p int) string {
	if len(values) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", microseconds(percentile(values, p)))
}
