// Command bench measures Tollgate against its peers in one run, in turn, on
// the machine at hand: the CPU time that each spends on a call, the delay it
// adds, its top rate on one core, and its memory with many live calls; the CPU of a
// relayed REGISTER; what many registered phones take; what a flood from a banned
// source costs; and what becomes of calls where far too many come.
//
// Only ratios of one run count: machines are noisy and the cost of a call
// falls with the rate. So peers take turns in interleaved rounds at equal
// rates, ratios are taken within a round, and a round with a failed call is
// void. docs/measuring.md tells how to read the table.
//
// It knows Tollgate from outside only: its binary, files and metrics.
package main

import (
	_ "embed" // the scenarios and the peer's configuration
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

//go:embed kamailio.cfg
var kamailioConfig string

//go:embed uac.xml
var uacScenario string

//go:embed uas.xml
var uasScenario string

// bench is one run: what was asked for, and the places that all peers share.
type bench struct {
	peers    []string
	rates    []int
	rounds   int
	seconds  int
	parts    []string
	live     int
	tollgate string
	out      string

	phones          int
	registerSeconds int
	bindings        int
	mediaCalls      []int
	short           bool

	answer      netip.AddrPort // the answering SIPp
	probeAnswer netip.AddrPort // the prober's answering side
	probeCaller netip.AddrPort
	callerPort  uint16 // the calling SIPp's, on each of its 500 addresses
	running     []*process
}

const (
	partCPU    = "cpu"
	partTop    = "top"
	partMemory = "memory"
	partMicro  = "micro"

	partRegister = "register"
	partOwn      = "registerlocal"
	partBindings = "bindings"
	partBans     = "bans"
	partAuth     = "auth"
	partMedia    = "media"
	partOverload = "overload"
	partRefusal  = "refusal"
)

// usualRegisters is for how many seconds REGISTERs are sent in each turn unless -seconds is given.
const usualRegisters = 2

// allParts is in the order in which they are measured.
func allParts() []string {
	return []string{partCPU, partTop, partMemory, partMicro, partRegister, partOwn, partBindings, partBans, partAuth, partMedia, partOverload, partRefusal}
}

func main() {
	b, err := parseFlags(os.Args[1:])
	if err == nil {
		err = b.run()
	}
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (*bench, error) {
	b := &bench{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	peers := flags.String("peers", strings.Join([]string{peerDirect, peerFloor, peerKamailio, peerKamailioTH, peerTollgate, peerTollgateTH, peerAll, peerAllTH}, ","),
		"who takes part; also "+strings.Join([]string{peerFloorNet, peerFloorBare, peerUntraced, peerFirewall, peerBlocklist, peerAntifraud}, ", "))
	rates := flags.String("rates", "500,1000,1500", "calls/s, and REGISTERs/s")
	parts := flags.String("parts", strings.Join(allParts(), ","), "what is measured: "+partCPU+", the CPU of a call; "+partTop+", the top rate; "+
		partMemory+" of live calls; "+partMicro+", parts alone; "+partRegister+", the CPU of a relayed REGISTER; "+partOwn+", of one that gives a password and is answered; "+
		partBindings+", many phones: memory, pings, look-ups, restart; "+partBans+", a flood from a banned source; "+partAuth+", the CPU of a call that gives a password; "+partMedia+", of a packet of voice, beside rtpengine; "+
		partOverload+", three and ten times the calls that a fifth of a core carries; "+partRefusal+", the CPU of a call that the firewall refuses")
	mediaCalls := flags.String("media-calls", "400,800", "calls at once in the part "+partMedia)
	flags.IntVar(&b.rounds, "rounds", 5, "interleaved rounds")
	flags.IntVar(&b.seconds, "seconds", 6, "how long calls are placed in each turn; REGISTERs are sent as long if this is given, or else for "+strconv.Itoa(usualRegisters))
	flags.IntVar(&b.live, "live", 20000, "live calls for the memory figure")
	flags.IntVar(&b.phones, "phones", 2000, "phones that refresh in the part "+partRegister)
	flags.IntVar(&b.bindings, "bindings", 100000, "phones that are registered at once in the part "+partBindings)
	flags.BoolVar(&b.short, "short", false, "ping phones every "+shortPing.String()+" and count for "+
		(2*shortPing).String()+", not every "+usualPing.String()+" for "+(2*usualPing).String())
	flags.StringVar(&b.tollgate, "tollgate", "bin/tollgate", "the binary under test")
	flags.StringVar(&b.out, "out", "bench/out", "folder for the report, samples and logs")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	b.registerSeconds = usualRegisters
	flags.Visit(func(f *flag.Flag) {
		if f.Name == "seconds" {
			b.registerSeconds = b.seconds
		}
	})
	b.peers, b.parts = strings.Split(*peers, ","), strings.Split(*parts, ",")
	var err error
	if b.rates, err = numbers(*rates); err != nil {
		return nil, fmt.Errorf("-rates %q: whole numbers of calls/s, such as 500,1000", *rates)
	}
	if b.mediaCalls, err = numbers(*mediaCalls); err != nil {
		return nil, fmt.Errorf("-media-calls %q: whole numbers, such as 400,800", *mediaCalls)
	}
	if b.rounds < 1 || b.seconds < 1 {
		return nil, errors.New("-rounds and -seconds: at least 1")
	}
	for flag, n := range map[string]int{"-phones": b.phones, "-bindings": b.bindings} {
		if n < 1 || n > maxPhones {
			return nil, fmt.Errorf("%s %d: from 1 to %d", flag, n, maxPhones)
		}
	}
	for _, part := range b.parts {
		if !slices.Contains(allParts(), part) {
			return nil, fmt.Errorf("-parts %q: %s", part, strings.Join(allParts(), ", "))
		}
	}
	return b, nil
}

// numbers reads a list of whole ones above 0.
func numbers(text string) (list []int, err error) {
	for one := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(one)
		if err != nil || n < 1 {
			return nil, errors.New("not a list of numbers")
		}
		list = append(list, n)
	}
	return list, nil
}

// run measures what was asked for and writes the report, also after an
// interrupt: then with what there is so far.
func (b *bench) run() error {
	peers, err := b.prepare()
	if err != nil {
		return err
	}
	defer b.stopAll()
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)

	r := &report{bench: b, peers: peers, machine: describeMachine()}
	for _, step := range []struct {
		part string
		do   func(*report, <-chan os.Signal) error
	}{
		{partCPU, b.measureCPU},
		{partTop, b.measureTop},
		{partMemory, b.measureMemory},
		{partMicro, b.measureMicro},
		{partRegister, b.measureRegister},
		{partOwn, b.measureRegisterLocal},
		{partBindings, b.measureBindings},
		{partBans, b.measureBans},
		{partAuth, b.measureAuth},
		{partMedia, b.measureMedia},
		{partOverload, b.measureOverload},
		{partRefusal, b.measureRefusal},
	} {
		if !slices.Contains(b.parts, step.part) {
			continue
		}
		err = step.do(r, interrupt)
		b.stopAll()
		if err != nil {
			err = fmt.Errorf("%s: %w", step.part, err)
			break
		}
	}
	return errors.Join(err, r.write())
}

// errInterrupted ends a run early; the report keeps what was measured.
var errInterrupted = errors.New("interrupted")

func interrupted(c <-chan os.Signal) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// prepare checks for the tools, writes SIPp's files and picks free ports.
func (b *bench) prepare() ([]*peer, error) {
	if err := os.MkdirAll(b.path(""), 0o755); err != nil {
		return nil, fmt.Errorf("folder for the output: %w", err)
	}
	for name, text := range map[string]string{"uac.xml": uacScenario, "uac-auth.xml": uacAuthScenario, "uas.xml": uasScenario, "callers.csv": callers()} {
		if err := os.WriteFile(b.path(name), []byte(text), 0o644); err != nil {
			return nil, fmt.Errorf("files of SIPp: %w", err)
		}
	}
	var err error
	for _, want := range []struct {
		host string
		into *netip.AddrPort
	}{{"127.0.0.1", &b.answer}, {"127.0.0.1", &b.probeAnswer}, {"127.0.3.1", &b.probeCaller}} {
		if *want.into, err = freeUDP(want.host); err != nil {
			return nil, err
		}
	}
	everywhere, err := freeUDP("0.0.0.0")
	if err != nil {
		return nil, err
	}
	b.callerPort = everywhere.Port()
	known, err := b.contenders()
	if err != nil {
		return nil, err
	}
	return b.choose(known)
}

// choose keeps the peers that were asked for, in the order of the table.
func (b *bench) choose(known []*peer) ([]*peer, error) {
	var chosen []*peer
	var names []string
	for _, p := range known {
		names = append(names, p.name)
		if slices.Contains(b.peers, p.name) {
			chosen = append(chosen, p)
		}
	}
	for _, name := range b.peers {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("-peers %q: %s", name, strings.Join(names, ", "))
		}
	}
	return chosen, b.checkTools(chosen)
}

// checkTools fails at once rather than in the peer's first turn.
func (b *bench) checkTools(chosen []*peer) error {
	takesPart := func(prefix string) bool {
		return slices.ContainsFunc(chosen, func(p *peer) bool { return strings.HasPrefix(p.name, prefix) })
	}
	tools := []string{"sipp", "taskset"}
	if takesPart(peerKamailio) {
		tools = append(tools, "kamailio")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is missing: scripts/test-deps installs it", tool)
		}
	}
	if takesPart(peerTollgate) {
		if _, err := os.Stat(b.tollgate); err != nil {
			return fmt.Errorf("tollgate is not built (make build): %w", err)
		}
	}
	return nil
}

// path is a file in the run's working folder.
func (b *bench) path(name string) string { return filepath.Join(b.out, "work", name) }

// ensure starts a peer unless it runs.
func (b *bench) ensure(p *peer, prefix ...string) error {
	if p.start == nil || (p.proc != nil && p.proc.running()) {
		return nil
	}
	proc, err := p.start(p, prefix)
	if err != nil {
		return err
	}
	p.proc = proc
	b.running = append(b.running, proc)
	return nil
}

func (b *bench) stopAll() {
	for _, p := range b.running {
		p.stop()
	}
	b.running = nil
}

// freeUDP asks the kernel for a UDP port nobody uses; it is free, not kept.
func freeUDP(host string) (netip.AddrPort, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("free port: %w", err)
	}
	defer conn.Close()
	return netip.ParseAddrPort(conn.LocalAddr().String())
}

// freeTCP is freeUDP for TCP on 127.0.0.1.
func freeTCP() (netip.AddrPort, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("free port: %w", err)
	}
	defer listener.Close()
	return netip.ParseAddrPort(listener.Addr().String())
}
