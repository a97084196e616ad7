// Command rtpload sends two-way voice through a relay and tells what that costs and how late it
// arrives: N calls, each 50 packets of G.711 a second both ways.
//
// The relay is reached by SIP (-mode sip: a caller and an answering side of our own), by
// rtpengine's ng protocol (-mode ng), by nothing at all (-mode ports: each party has the port behind
// the one before it), or there is none (-mode direct): what the machine spends beyond that is the
// relay's true cost, since what the kernel does for a packet is booked on whoever sends it. With -srtp the callers encrypt, AES_CM_128_HMAC_SHA1_80, and the others do not.
//
// One thread sends and one receives, over plain sockets. It shares no code with the product. It is
// not its job to start a relay, nor to say what is good enough. The result is one line of JSON.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// load is what was asked for.
type load struct {
	mode, relay string
	answer      string // where the answering side of SIP is
	domain      string // that is called
	calls       int
	warm, run   time.Duration
	srtp        bool
	address     netip.Addr // of both parties
	pids        []int      // of the relay
}

// result is what came of it.
type result struct {
	Calls    int
	Sent     int
	Received int
	// In nanoseconds: on a CPU, of the relay, of this program, and of the kernel's threads.
	Relay, Own, Kernel int64
	// How late packets came, from just before they were sent until they were read, ns.
	Median, P99, Max int64
}

func main() {
	l, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	var r result
	if err == nil {
		r, err = l.do()
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rtpload:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (*load, error) {
	l := &load{}
	flags := flag.NewFlagSet("rtpload", flag.ContinueOnError)
	flags.StringVar(&l.mode, "mode", "direct", "direct, sip, ng or ports")
	flags.StringVar(&l.relay, "relay", "", "where the relay's signalling is, or its first port with -mode ports, ADDRESS:PORT")
	flags.StringVar(&l.answer, "answer", "", "where calls are answered, ADDRESS:PORT, with -mode sip")
	flags.StringVar(&l.domain, "domain", "", "the domain that is called, with -mode sip")
	flags.TextVar(&l.address, "address", netip.MustParseAddr("127.0.0.1"), "where both parties are, an IPv4 address")
	flags.IntVar(&l.calls, "calls", 400, "calls")
	flags.DurationVar(&l.warm, "warm", 3*time.Second, "how long media flows before it counts")
	flags.DurationVar(&l.run, "run", 6*time.Second, "how long it counts")
	flags.BoolVar(&l.srtp, "srtp", false, "the callers encrypt; with -mode sip over TLS")
	pids := flags.String("pids", "", "processes of the relay, whose CPU time counts; with commas")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	for text := range strings.SplitSeq(*pids, ",") {
		if text == "" {
			continue
		}
		pid, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("-pids %q: %w", *pids, err)
		}
		l.pids = append(l.pids, pid)
	}
	if !l.address.Is4() {
		return nil, fmt.Errorf("-address %s: IPv4 is wanted", l.address)
	}
	if l.calls < 1 || l.run < time.Second {
		return nil, errors.New("-calls: at least 1; -run: at least 1s")
	}
	return l, nil
}

// do sets calls up, lets media flow, and hangs up.
func (l *load) do() (r result, err error) {
	answer, m, err := l.open()
	if err != nil {
		return r, err
	}
	defer answer.Close()
	defer m.close()
	end, err := l.connect(answer, m)
	if err != nil {
		return r, err
	}
	defer end()
	if err := m.connect(); err != nil {
		return r, err
	}
	m.start()
	<-time.After(l.warm)
	before, err := l.times()
	if err != nil {
		return r, err
	}
	m.count(true)
	<-time.After(l.run)
	m.count(false)
	after, err := l.times()
	if err != nil {
		return r, err
	}
	<-time.After(200 * time.Millisecond) // what is still under way
	m.stop()
	r = m.result()
	r.Calls = l.calls
	r.Relay, r.Own, r.Kernel = after.relay-before.relay, after.own-before.own, after.kernel-before.kernel
	return r, nil
}

// open opens the parties' sockets. The one that answers SIP is first: its port was agreed on with the
// relay, and each other socket is given any port that is free. Without SIP nobody asks it anything.
func (l *load) open() (answer net.PacketConn, m *media, err error) {
	if answer, err = net.ListenPacket("udp4", l.answer); err != nil {
		return nil, nil, err
	}
	if m, err = newMedia(l.calls, l.address, l.srtp); err != nil {
		answer.Close()
		return nil, nil, err
	}
	return answer, m, nil
}

// connect tells both sides of each call where to send; end hangs up.
func (l *load) connect(answer net.PacketConn, m *media) (end func(), err error) {
	switch l.mode {
	case "direct":
		for i := range m.legs {
			m.legs[i].to = m.legs[i^1].at
		}
		return func() {}, nil
	case "ports":
		first, err := netip.ParseAddrPort(l.relay)
		if err != nil {
			return nil, fmt.Errorf("-relay: %w", err)
		}
		for i := range m.legs {
			m.legs[i].to = netip.AddrPortFrom(first.Addr(), first.Port()+uint16(i))
		}
		return func() {}, nil
	case "ng":
		return l.connectNG(m)
	case "sip":
		return l.connectSIP(answer, m)
	}
	return nil, fmt.Errorf("-mode %q: direct, sip, ng or ports", l.mode)
}
