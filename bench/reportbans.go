package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Limits of the part about bans: what a packet that the kernel drops may cost beside step 3,
// and the node's CPU beside that without a flood.
const (
	banCostLimit = 0.3
	banCPULimit  = 1.05
)

func (r *report) bansTable(b *strings.Builder) {
	v := r.bans
	if v == nil {
		return
	}
	fmt.Fprintf(b, "\n## A flood from a banned source\n\n%d rounds. The source has a CPU of its own and sends all that it can; nodes and SIPps share another.\n", r.bench.rounds)
	if v.Why != "" {
		fmt.Fprintf(b, "\n**The kernel drops nothing here, so only step 3 was measured: %s.**\n", v.Why)
	}
	v.costTable(b)
	v.callTable(b)
	v.verdicts(b)
	for _, t := range append(v.Costs, v.Calls...) {
		if t.Void != "" {
			fmt.Fprintf(b, "\nVoid: round %d, %s, %s: %s\n", t.Round+1, t.Node, t.Target, t.Void)
		}
	}
}

// costTable is what the machine spends on a packet.
func (v *bansResult) costTable(b *strings.Builder) {
	b.WriteString("\n| packets of a banned source | packets/s | ns of the machine for each | beyond sending it | counted |\n|---|---:|---:|---:|---:|\n")
	for _, target := range []string{banSend, banKernel, banStep3} {
		all := slices.Collect(maps.Values(v.costs(target)))
		if len(all) == 0 {
			continue
		}
		each := medianOf(all, func(c packetCost) float64 { return c.each })
		rate := medianOf(all, func(c packetCost) float64 { return c.rate })
		if target == banSend {
			fmt.Fprintf(b, "| %s | %.0f | %.0f | - | - |\n", target, rate, each)
			continue
		}
		beyond := medianOf(all, func(c packetCost) float64 { return c.beyond })
		counted := medianOf(all, func(c packetCost) float64 { return c.counted })
		fmt.Fprintf(b, "| dropped by %s | %.0f | %.0f | %.0f | %.1f %% |\n", banWay(target), rate, each, beyond, 100*counted)
	}
}

func medianOf(all []packetCost, figure func(packetCost) float64) float64 {
	values := make([]float64, len(all))
	for i, c := range all {
		values[i] = figure(c)
	}
	return median(values)
}

func banWay(target string) string {
	if target == banStep3 {
		return "the node itself (step 3)"
	}
	return "the kernel"
}

// packetCost is what one turn says of a packet: ns of the machine for each, and beyond sending
// it; packets a second; the share that the node counts as dropped for its ban.
type packetCost struct {
	each, beyond, rate, counted float64
}

// costs are those of one target by round. A round needs a turn of sending alone.
func (v *bansResult) costs(target string) map[int]packetCost {
	turns := make(map[int]map[string]banTurn)
	for _, t := range v.Costs {
		if turns[t.Round] == nil {
			turns[t.Round] = make(map[string]banTurn)
		}
		if t.Void == "" {
			turns[t.Round][t.Target] = t
		}
	}
	out := make(map[int]packetCost)
	for round, of := range turns {
		sending, t := of[banSend], of[target]
		if sending.Sent.Packets == 0 || t.Sent.Packets == 0 {
			continue
		}
		each := func(t banTurn) float64 { return float64(t.Machine) / float64(t.Sent.Packets) }
		out[round] = packetCost{
			each: each(t), beyond: each(t) - each(sending), rate: t.rate(), counted: float64(t.Dropped) / float64(t.Sent.Packets),
		}
	}
	return out
}

// callTable is what the node spends on its calls, and what becomes of them.
func (v *bansResult) callTable(b *strings.Builder) {
	fmt.Fprintf(b, "\n%d calls/s meanwhile:\n\n| the source sends | to | packets/s | ms of the node's CPU for each second | x without | calls | failed |\n|---|---|---:|---:|---:|---:|---:|\n", banRate)
	for _, target := range []string{banNothing, banSend, banKernel, banStep3} {
		var cpu, rates []float64
		calls, failed := 0, 0
		for _, t := range v.Calls {
			if t.Target == target && t.Void == "" {
				cpu, rates = append(cpu, t.CPU.Seconds()*1000/t.Sent.Took.Seconds()), append(rates, t.rate())
				calls, failed = calls+t.Calls, failed+t.Failed
			}
		}
		if len(cpu) == 0 {
			continue
		}
		what, to := "to its node", banWay(target)+" drops"
		if target == banNothing || target == banSend {
			what, to = target, "-"
		}
		x := "-"
		if ratios := v.ratios(target, banNothing); target != banNothing && len(ratios) > 0 {
			x = fmt.Sprintf("%.2f", median(ratios))
		}
		fmt.Fprintf(b, "| %s | %s | %.0f | %.0f | %s | %d | %d |\n", what, to, median(rates), median(cpu), x, calls, failed)
	}
}

// ratios are the node's CPU with calls in the rounds' turns at one target, beside another.
func (v *bansResult) ratios(target, base string) (list []float64) {
	of := map[string]map[int]float64{target: {}, base: {}}
	for _, t := range v.Calls {
		if list, ok := of[t.Target]; ok && t.Void == "" {
			list[t.Round] = t.CPU.Seconds() / t.Sent.Took.Seconds()
		}
	}
	for round, c := range of[target] {
		if by := of[base][round]; by > 0 {
			list = append(list, c/by)
		}
	}
	return list
}

// verdicts hold the kernel's way against its limits.
func (v *bansResult) verdicts(b *strings.Builder) {
	if v.Why != "" {
		return
	}
	b.WriteString("\n| | | at most | |\n|---|---:|---:|---|\n")
	kernel, step3 := v.costs(banKernel), v.costs(banStep3)
	var ratios []float64
	for round, k := range kernel {
		if s, ok := step3[round]; ok && s.beyond > 0 {
			ratios = append(ratios, k.beyond/s.beyond)
		}
	}
	if len(ratios) > 0 {
		x := median(ratios)
		fmt.Fprintf(b, "| a packet that the kernel drops, beside one that step 3 drops, both beyond sending | %.2f | %.2f | %s |\n", x, banCostLimit, verdict(x <= banCostLimit))
	}
	for _, base := range []string{banNothing, banSend} {
		if ratios := v.ratios(banKernel, base); len(ratios) > 0 {
			x := median(ratios)
			fmt.Fprintf(b, "| the node's CPU under a flood that the kernel drops, beside %s | %.2f | %.2f | %s |\n", base, x, banCPULimit, verdict(x <= banCPULimit))
		}
	}
	failed, placed := 0, 0
	for _, t := range v.Calls {
		if t.Target == banKernel && t.Void == "" {
			failed, placed = failed+t.Failed, placed+t.Calls
		}
	}
	if placed > 0 {
		fmt.Fprintf(b, "| failed calls under it, of %d | %d | 0 | %s |\n", placed, failed, verdict(failed == 0))
	}
}
