package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// memoryResult is what a node holds without calls and with many.
type memoryResult struct {
	Live       int
	Idle, Full footprint
	Forced     bool // both after a garbage collection that was asked for
}

// footprint is a node's memory at one moment.
type footprint struct {
	InUse      float64 // bytes of heap spans in use
	Resident   int     // KiB
	Mapped     int     // KiB of it that are files, the program's own among them
	Goroutines float64
}

// perCall is the heap that a live call holds, in bytes.
func (m memoryResult) perCall() float64 { return (m.Full.InUse - m.Idle.InUse) / float64(m.Live) }

// liveRate is how fast the live calls are placed; then all are up for a while
// before the first of them ends.
const (
	liveRate = 1000
	livePlus = 15 * time.Second
)

// measureMemory places many calls through a fresh Tollgate, looks while all
// are up, and lets them end.
func (b *bench) measureMemory(r *report, _ <-chan os.Signal) error {
	for _, p := range r.peers {
		if p.name != peerTollgate && p.name != peerTollgateTH {
			continue
		}
		m, err := b.memoryOf(p)
		if err != nil {
			return err
		}
		r.memory = append(r.memory, namedMemory{p.label, m})
	}
	return nil
}

func (b *bench) memoryOf(p *peer) (memoryResult, error) {
	m := memoryResult{Live: b.live}
	c, err := b.tollgateConfig(p, p.name == peerTollgateTH)
	if err != nil {
		return m, err
	}
	proc, err := c.start(nil)
	if err != nil {
		return m, err
	}
	defer proc.stop()
	if m.Idle, m.Forced, err = c.footprint(proc); err != nil {
		return m, err
	}
	placing := time.Duration(b.live) * time.Second / liveRate
	// Refused numbers would be missing from the live ones.
	l := load{target: p.addr, rate: liveRate, calls: b.live * refuseEvery / (refuseEvery - 1), talk: placing + livePlus}
	running, err := b.startLoad(l)
	if err != nil {
		return m, err
	}
	<-time.After(placing + livePlus/2)
	m.Full, _, err = c.footprint(proc)
	if err != nil {
		running.stop()
		return m, err
	}
	result, err := running.finish()
	if err != nil {
		return m, err
	}
	return m, result.faults(l, true)
}

// footprint asks the node for a garbage collection, which the heap profile of
// net/http/pprof does with ?gc=1, and reads its figures.
func (c tollgateConfig) footprint(proc *process) (footprint, bool, error) {
	forced := false
	if resp, err := http.Get("http://" + c.metrics.String() + "/debug/pprof/heap?gc=1"); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		forced = resp.StatusCode == http.StatusOK
	}
	figures, err := readMetrics("http://" + c.metrics.String() + "/metrics")
	if err != nil {
		return footprint{}, false, err
	}
	f := footprint{InUse: figures["go_memstats_heap_inuse_bytes"], Goroutines: figures["go_goroutines"]}
	if f.InUse == 0 {
		return f, false, fmt.Errorf("%s/metrics has no go_memstats_heap_inuse_bytes", c.metrics)
	}
	f.Resident, f.Mapped, err = residentKiB(proc.pid())
	return f, forced, err
}

// readMetrics reads the figures without labels of a Prometheus page.
func readMetrics(url string) (map[string]float64, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	defer resp.Body.Close()
	figures := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); ok && err == nil {
			figures[name] = n
		}
	}
	return figures, lines.Err()
}
