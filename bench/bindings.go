package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"syscall"
	"time"
)

// bindingsResult is what a node with many registered phones needs.
type bindingsResult struct {
	Label      string
	Count      int
	Idle, Full footprint // before the first REGISTER, and with all phones
	Journal    float64   // bytes on disk with all phones
	Rate       float64   // REGISTERs/s that were granted
	Repeated   int       // REGISTERs that the phones sent again
	Pings      pingResult
	Lookups    []microResult
	Restart    restartResult
}

// pingResult is how evenly phones are asked whether they are there.
type pingResult struct {
	Interval    time.Duration
	Seconds     int // for which they were counted
	All         int
	Least, Most int // in one of the seconds
	Alive       int // bindings afterwards
}

func (p pingResult) average() float64 { return float64(p.All) / float64(p.Seconds) }

// restartResult is how a node comes back that was killed.
type restartResult struct {
	Ready     time.Duration // from its start until /readyz says so
	Forwarded time.Duration // from its start until a call rings at its phone
	Alive     int           // bindings afterwards
	Full      footprint     // likewise: without anything that the REGISTERs have left
	Tried     int           // more calls to phones taken at random
	Rung      int           // those that came to the right phone
}

const (
	bindRate  = 4000 // REGISTERs/s
	usualPing = 30 * time.Second
	shortPing = 7500 * time.Millisecond
	// randomCalls is how many phones are called after the restart.
	randomCalls = 200
)

// measureBindings fills a fresh Tollgate with phones, over UDP, counts its pings,
// kills it, and starts it again.
func (b *bench) measureBindings(r *report, stop <-chan os.Signal) error {
	for _, p := range r.peers {
		if p.name != peerTollgate && p.name != peerTollgateTH {
			continue
		}
		if interrupted(stop) {
			return errInterrupted
		}
		result, err := b.bindingsOf(p, stop)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		r.bindings = append(r.bindings, result)
		return nil // the hidden ones keep the same
	}
	return nil
}

func (b *bench) bindingsOf(p *peer, stop <-chan os.Signal) (bindingsResult, error) {
	result := bindingsResult{Label: p.label, Count: b.bindings}
	c, err := b.tollgateConfig(p, p.name == peerTollgateTH)
	if err != nil {
		return result, err
	}
	c.pings = true
	phones, registrar, err := b.startPhones()
	if err != nil {
		return result, err
	}
	defer phones.close()
	defer registrar.close()
	f := field{tollgateConfig: c, phones: phones, registrar: registrar, prefix: []string{"env"}, stop: stop}
	result.Pings.Interval = usualPing
	if b.short {
		result.Pings.Interval = shortPing
		f.prefix = append(f.prefix, "TOLLGATE_TEST_KEEPALIVE="+shortPing.String())
	}
	if f.proc, err = c.start(f.prefix); err != nil {
		return result, err
	}
	defer func() { f.proc.stop() }()
	for _, step := range []func(*bindingsResult) error{f.bind, f.countPings, f.weigh, f.restart} {
		if interrupted(stop) {
			return result, errInterrupted
		}
		if err := step(&result); err != nil {
			return result, err
		}
	}
	result.Lookups, err = benchmarks("./internal/registrar", "^BenchmarkBindings")
	return result, err
}

// field is a Tollgate between its phones and their registrar.
type field struct {
	tollgateConfig
	phones    *phones
	registrar *registrar
	prefix    []string
	proc      *process
	stop      <-chan os.Signal
}

// bind registers all phones.
func (f *field) bind(r *bindingsResult) (err error) {
	if r.Idle, _, err = f.footprint(f.proc); err != nil {
		return err
	}
	f.registrar.expect(f.phones.cseq+1, r.Count)
	start := time.Now()
	if r.Repeated, err = f.phones.enrol(f.sip, r.Count, bindRate); err != nil {
		return err
	}
	granted, _ := f.phones.settle(time.Second)
	r.Rate = float64(granted) / time.Since(start).Seconds()
	if granted < r.Count {
		return fmt.Errorf("%d of %d phones are registered; one was answered %d", granted, r.Count, f.phones.refusal())
	}
	fmt.Fprintf(os.Stderr, "bindings  %d phones registered, %.0f/s\n", r.Count, r.Rate)
	return nil
}

// countPings counts for two intervals what comes to the phones, which answer all of it.
func (f *field) countPings(r *bindingsResult) error {
	p := &r.Pings
	f.phones.pinged()
	start := time.Now()
	p.Seconds = int(2 * p.Interval / time.Second)
	select {
	case <-time.After(time.Duration(p.Seconds) * time.Second):
	case <-f.stop:
		return errInterrupted
	}
	counts := make([]int, p.Seconds)
	for _, at := range f.phones.pinged() {
		if s := int(at.Sub(start) / time.Second); s < len(counts) {
			counts[s]++
			p.All++
		}
	}
	p.Least, p.Most = slices.Min(counts), slices.Max(counts)
	figures, err := f.figures()
	if err != nil {
		return err
	}
	p.Alive = int(figures["tollgate_bindings"])
	fmt.Fprintf(os.Stderr, "bindings  %d pings in %d s, %d to %d in one\n", p.All, p.Seconds, p.Least, p.Most)
	return nil
}

// weigh looks at the node's memory once the transactions of the REGISTERs are over,
// which is 32 s after the last of them (RFC 3261 17.2.2).
func (f *field) weigh(r *bindingsResult) error {
	var figures map[string]float64
	for deadline := time.Now().Add(45 * time.Second); ; {
		var err error
		if figures, err = f.figures(); err != nil {
			return err
		}
		if figures["tollgate_transactions"] == 0 {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%.0f transactions never ended", figures["tollgate_transactions"])
		}
		<-time.After(200 * time.Millisecond)
	}
	r.Journal = figures["tollgate_journal_bytes"]
	var err error
	r.Full, _, err = f.footprint(f.proc)
	return err
}

func (f *field) figures() (map[string]float64, error) {
	return readMetrics("http://" + f.metrics.String() + "/metrics")
}

// restart kills the node and starts it again. It is back when /readyz says so and a
// call by one phone's token rings at that phone.
func (f *field) restart(r *bindingsResult) error {
	if err := f.proc.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill tollgate: %w", err)
	}
	<-f.proc.done
	start := time.Now()
	again, err := f.serve(f.prefix)
	if err != nil {
		return err
	}
	f.proc = again
	if r.Restart.Ready, r.Restart.Forwarded, err = f.back(start, rand.IntN(r.Count)); err != nil {
		return err
	}
	for r.Restart.Tried < randomCalls {
		r.Restart.Tried++
		rung, err := f.ring(rand.IntN(r.Count), time.Second)
		if err != nil {
			return err
		}
		if rung {
			r.Restart.Rung++
		}
	}
	figures, err := f.figures()
	if err != nil {
		return err
	}
	r.Restart.Alive = int(figures["tollgate_bindings"])
	if r.Restart.Full, _, err = f.footprint(f.proc); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "bindings  restart: ready after %s, a call forwarded after %s, %d phones\n",
		r.Restart.Ready.Round(time.Millisecond), r.Restart.Forwarded.Round(time.Millisecond), r.Restart.Alive)
	return nil
}

// back calls a phone, as a PBX would that repeats its INVITE, and asks /readyz, until
// both have answered; it tells how long after start each did.
func (f *field) back(start time.Time, phone int) (ready, forwarded time.Duration, err error) {
	client := http.Client{Timeout: time.Second}
	invite := f.registrar.invite(phone)
	f.phones.called(phone)
	for turn := 0; ready == 0 || forwarded == 0; turn++ {
		if time.Since(start) > time.Minute || !f.proc.running() {
			return 0, 0, fmt.Errorf("tollgate is not back after %s%s", time.Since(start).Round(time.Millisecond), f.proc.lastWords())
		}
		if forwarded == 0 && turn%10 == 0 {
			if err := f.registrar.send(invite, f.sip); err != nil {
				return 0, 0, err
			}
		}
		<-time.After(2 * time.Millisecond)
		if forwarded == 0 && f.phones.called(phone) {
			forwarded = time.Since(start)
		}
		if ready == 0 && f.ready(&client) {
			ready = time.Since(start)
		}
	}
	return ready, forwarded, nil
}

func (f *field) ready(client *http.Client) bool {
	resp, err := client.Get("http://" + f.metrics.String() + "/readyz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// ring calls a phone once, and says whether it rang within limit.
func (f *field) ring(phone int, limit time.Duration) (bool, error) {
	f.phones.called(phone)
	if err := f.registrar.send(f.registrar.invite(phone), f.sip); err != nil {
		return false, err
	}
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		<-time.After(time.Millisecond)
		if f.phones.called(phone) {
			return true, nil
		}
	}
	return false, nil
}
