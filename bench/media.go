package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// relay is a contender for media, as it forwards by itself or has the kernel do it.
type relay struct {
	name  string
	label string
	srtp  bool   // the callers encrypt, the others do not
	cable bool   // the relay is in a network namespace, the parties in another
	mode  string // of rtpload
	start func(r *relay, b *bench, calls int) (*process, error)
	at    netip.AddrPort // of its signalling

	host, parties      string   // addresses
	relayIn, partiesIn []string // before the command lines
}

const (
	relayDirect      = "direct"
	relayFloor       = "floor"
	relayEngine      = "rtpengine"
	relayOwn         = "tollgate"
	relayKernel      = "tollgate-kernel"
	relayDirectVeth  = "direct-veth"
	relayFloorVeth   = "floor-veth"
	relayEngineVeth  = "rtpengine-veth"
	relayOwnVeth     = "tollgate-veth"
	relayKernelVeth  = "tollgate-kernel-veth"
	relayDirectSRTP  = "direct-srtp"
	relayEngineSRTP  = "rtpengine-srtp"
	relayOwnSRTP     = "tollgate-srtp"
	mediaFloorPort   = 20000
	mediaWarm        = 4 * time.Second // until streams are settled, in the kernel where that is
	mediaPatience    = time.Minute     // beyond the time that media flows
	rtpenginePackage = "rtpengine-daemon"
)

// mediaTurn is one relay's turn.
type mediaTurn struct {
	Relay string
	Calls int
	Round int
	Load  loadedMedia
	Void  string
}

// loadedMedia is what rtpload says; its own documentation says what the fields are.
type loadedMedia struct {
	Calls, Sent, Received int
	Relay, Own, Kernel    int64
	Median, P99, Max      int64
}

// each is nanoseconds for each packet that arrived.
func (l *loadedMedia) each(ns int64) float64 { return float64(ns) / float64(max(l.Received, 1)) }

func (l *loadedMedia) machine() float64 { return l.each(l.Relay + l.Own + l.Kernel) }

func relays() []*relay {
	return []*relay{
		{name: relayDirect, label: "no relay (load tool alone)", mode: "direct"},
		{name: relayFloor, label: "floor (bare relay)", mode: "ports", start: startMediaFloor},
		{name: relayEngine, label: "rtpengine, userspace", mode: "ng", start: startEngine},
		{name: relayOwn, label: "Tollgate, userspace", mode: "sip", start: startRelay("off")},
		{name: relayKernel, label: "Tollgate, kernel", mode: "sip", start: startRelay("auto")},
		{name: relayDirectVeth, label: "no relay, no cable", mode: "direct", cable: true},
		{name: relayFloorVeth, label: "floor over a cable", mode: "ports", cable: true, start: startMediaFloor},
		{name: relayEngineVeth, label: "rtpengine over a cable", mode: "ng", cable: true, start: startEngine},
		{name: relayOwnVeth, label: "Tollgate over a cable, userspace", mode: "sip", cable: true, start: startRelay("off")},
		{name: relayKernelVeth, label: "Tollgate over a cable, kernel", mode: "sip", cable: true, start: startRelay("auto")},
		{name: relayDirectSRTP, label: "no relay, half encrypted", mode: "direct", srtp: true},
		{name: relayEngineSRTP, label: "rtpengine, userspace, SRTP to RTP", mode: "ng", srtp: true, start: startEngine},
		{name: relayOwnSRTP, label: "Tollgate, SRTP to RTP", mode: "sip", srtp: true, start: startRelay("auto")},
	}
}

// measureMedia has relays carry calls' media in turn. Each is started anew for its turn, so that
// nobody idles beside.
func (b *bench) measureMedia(r *report, stop <-chan os.Signal) error {
	if _, err := exec.LookPath("rtpengine"); err != nil {
		return fmt.Errorf("rtpengine is missing: apt-get install %s", rtpenginePackage)
	}
	for _, tool := range []string{"rtpload", "mediafloor"} {
		if out, err := exec.Command("go", "build", "-o", b.path(tool), "./bench/"+tool).CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", tool, err, out)
		}
	}
	scene, err := newBanScene() // the same cable
	if err == nil {
		err = ipCommand("-n " + scene.outside + " link set lo up")
	}
	if err != nil {
		return err
	}
	defer func() {
		if err := scene.close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	all := relays()
	for _, x := range all {
		x.place(scene)
	}
	for round := range b.rounds {
		for _, calls := range b.mediaCalls {
			for i := range all {
				if interrupted(stop) {
					return errInterrupted
				}
				t := b.mediaTurn(all[(i+round)%len(all)], calls, round)
				r.media = append(r.media, t)
				fmt.Fprintln(os.Stderr, t)
			}
		}
	}
	return nil
}

// place says where a relay and its parties are.
func (x *relay) place(s *banScene) {
	x.host, x.parties = "127.0.0.1", "127.0.0.1"
	if x.cable {
		x.host, x.parties = sceneNode, sceneSource
		x.relayIn, x.partiesIn = []string{"ip", "netns", "exec", s.inside}, []string{"ip", "netns", "exec", s.outside}
	}
}

// atHost is a port of this machine that is free, at the relay's address.
func (x *relay) atHost() (netip.AddrPort, error) {
	at, err := freeUDP("127.0.0.1")
	return x.moved(x.host, at), err
}

// moved is an address with another host.
func (x *relay) moved(host string, at netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(host), at.Port())
}

func (b *bench) mediaTurn(x *relay, calls, round int) mediaTurn {
	t := mediaTurn{Relay: x.name, Calls: calls, Round: round}
	args := []string{"-mode", x.mode, "-address", x.parties, "-calls", strconv.Itoa(calls), "-warm", mediaWarm.String(), "-run", (time.Duration(b.seconds) * time.Second).String()}
	if x.srtp {
		args = append(args, "-srtp")
	}
	if x.start != nil {
		proc, err := x.start(x, b, calls)
		if err != nil {
			t.Void = err.Error()
			return t
		}
		defer proc.stop()
		args = append(args, "-relay", x.at.String(), "-answer", x.moved(x.parties, b.answer).String(), "-domain", customerDomain(0), "-pids", strconv.Itoa(proc.pid()))
	}
	if err := b.loadMedia(&t, slices.Concat(x.partiesIn, []string{b.path("rtpload")}, args)); err != nil {
		t.Void = err.Error()
	}
	return t
}

func (b *bench) loadMedia(t *mediaTurn, command []string) error {
	log := b.path("rtpload.log")
	load, err := startProcess("rtpload", log, command...)
	if err != nil {
		return err
	}
	if err := load.wait(mediaWarm + time.Duration(b.seconds)*time.Second + mediaPatience); err != nil {
		load.stop()
		return err
	}
	text, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &t.Load); err != nil {
		return fmt.Errorf("what rtpload says: %w", err)
	}
	if t.Load.Received == 0 {
		return errors.New("no packet came through")
	}
	return nil
}

// startMediaFloor starts the bare relay, at ports that nobody is given by chance.
func startMediaFloor(x *relay, b *bench, calls int) (*process, error) {
	x.at = netip.AddrPortFrom(netip.MustParseAddr(x.host), mediaFloorPort)
	proc, err := startProcess(x.name, b.path(x.name+".log"), slices.Concat(x.relayIn, []string{
		b.path("mediafloor"), "-listen", x.at.String(), "-calls", strconv.Itoa(calls),
	})...)
	if err != nil {
		return nil, err
	}
	return started(proc, netip.AddrPortFrom(x.at.Addr(), mediaFloorPort+uint16(2*calls)-1)) // the last one that it opens
}

// startEngine starts rtpengine without its kernel module.
func startEngine(x *relay, b *bench, _ int) (*process, error) {
	var err error
	if x.at, err = x.atHost(); err != nil {
		return nil, err
	}
	proc, err := startProcess(x.name, b.path(x.name+".log"), slices.Concat(x.relayIn, []string{
		"rtpengine", "--interface=" + x.host, "--listen-ng=" + x.at.String(),
		"--table=-1", "-f", "--log-stderr", "--log-level=4", "--num-threads=2", "--port-min=30000", "--port-max=39999",
	})...)
	if err != nil {
		return nil, err
	}
	return started(proc, x.at)
}

// startRelay starts a node that bridges, and has the kernel forward or not.
func startRelay(kernel string) func(*relay, *bench, int) (*process, error) {
	return func(x *relay, b *bench, _ int) (*process, error) {
		p := &peer{name: "media-" + x.name}
		var err error
		if p.addr, err = x.atHost(); err != nil {
			return nil, err
		}
		c, err := b.tollgateConfig(p, false)
		if err != nil {
			return nil, err
		}
		c.kernel, c.bridged, x.at = kernel, true, c.sip
		c.answer = x.moved(x.parties, b.answer)
		if c.tls, err = freeTCP(); err != nil {
			return nil, err
		}
		if x.srtp {
			x.at = c.tls
		}
		return c.start(x.relayIn)
	}
}

func started(proc *process, at netip.AddrPort) (*process, error) {
	if err := proc.bound(at); err != nil {
		proc.stop()
		return nil, err
	}
	return proc, nil
}

// String is a turn as one line of progress.
func (t mediaTurn) String() string {
	l := &t.Load
	return fmt.Sprintf("media  round %d  %4d calls  %-20s process %5.0f ns/packet, machine %5.0f  late p50 %4d us p99 %5d us  lost %d of %d  %s",
		t.Round+1, t.Calls, t.Relay, l.each(l.Relay), l.machine(), l.Median/1000, l.P99/1000, l.Sent-l.Received, l.Sent, t.Void)
}

// mediaTable is the part's report.
func (r *report) mediaTable(b *strings.Builder) {
	if len(r.media) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## Media: two-way G.711, 50 packets a second each way\n\n%d rounds of %d s, relays in turn. `process` is the relay's own CPU time; "+
		"`added` is what the whole machine spends beyond no relay at all. x = median of the ratios to rtpengine (userspace) within each round.\n", r.bench.rounds, r.bench.seconds)
	for _, calls := range r.bench.mediaCalls {
		fmt.Fprintf(b, "\n| %d calls | process ns/packet | x | added ns/packet | x | late p50 us | p99 us | p99 added us | lost |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n", calls)
		for _, x := range relays() {
			r.mediaRow(b, x, calls)
		}
	}
	for _, t := range r.media {
		if t.Void != "" {
			fmt.Fprintf(b, "\nVoid: round %d, %s, %d calls: %s\n", t.Round+1, t.Relay, t.Calls, t.Void)
		}
	}
}

func (r *report) mediaRow(b *strings.Builder, x *relay, calls int) {
	direct, engine := relayDirect, relayEngine
	switch {
	case x.srtp:
		direct, engine = relayDirectSRTP, relayEngineSRTP
	case x.cable:
		direct, engine = relayDirectVeth, relayEngineVeth
	}
	process := func(round int, name string) (float64, bool) {
		t, ok := r.mediaOf(name, calls, round)
		return t.Load.each(t.Load.Relay), ok
	}
	added := func(round int, name string) (float64, bool) {
		t, ok := r.mediaOf(name, calls, round)
		d, both := r.mediaOf(direct, calls, round)
		return t.Load.machine() - d.Load.machine(), ok && both
	}
	late := func(round int, name string) (float64, bool) {
		t, ok := r.mediaOf(name, calls, round)
		return float64(t.Load.P99) / 1000, ok
	}
	median50 := func(round int, name string) (float64, bool) {
		t, ok := r.mediaOf(name, calls, round)
		return float64(t.Load.Median) / 1000, ok
	}
	beyond := func(round int, name string) (float64, bool) {
		t, ok := late(round, name)
		d, both := late(round, direct)
		return t - d, ok && both
	}
	sent, lost := 0, 0
	for _, t := range r.media {
		if t.Relay == x.name && t.Calls == calls && t.Void == "" {
			sent, lost = sent+t.Load.Sent, lost+t.Load.Sent-t.Load.Received
		}
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %d of %d |\n", x.label,
		r.overRounds(x.name, "%.0f", process), r.overRounds(x.name, "%.2f", ratioTo(engine, process)),
		r.overRounds(x.name, "%.0f", added), r.overRounds(x.name, "%.2f", ratioTo(engine, added)),
		r.overRounds(x.name, "%.0f", median50), r.overRounds(x.name, "%.0f", late), r.overRounds(x.name, "%.0f", beyond), lost, sent)
}

// ratioTo is a figure beside another relay's in the same round.
func ratioTo(other string, figure func(int, string) (float64, bool)) func(int, string) (float64, bool) {
	return func(round int, name string) (float64, bool) {
		a, ok := figure(round, name)
		z, both := figure(round, other)
		return a / z, ok && both && z > 0
	}
}

// overRounds is the median of a figure over the rounds that have it.
func (r *report) overRounds(name, format string, figure func(int, string) (float64, bool)) string {
	var values []float64
	for round := range r.bench.rounds {
		if v, ok := figure(round, name); ok {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return "-"
	}
	return fmt.Sprintf(format, median(values))
}

func (r *report) mediaOf(name string, calls, round int) (mediaTurn, bool) {
	for _, t := range r.media {
		if t.Relay == name && t.Calls == calls && t.Round == round && t.Void == "" {
			return t, true
		}
	}
	return mediaTurn{}, false
}
