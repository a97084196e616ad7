package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tollgate/internal/doctor"
	"tollgate/internal/tenant"
)

// prompt puts a question and gives the answer, "" for none.
type prompt func(question, proposal string) (string, error)

func newPrompt(ctx context.Context, in io.Reader, out io.Writer) prompt {
	lines := bufio.NewScanner(in)
	return func(question, proposal string) (string, error) {
		if proposal != "" {
			question += " [" + plain(proposal) + "]"
		}
		fmt.Fprint(out, question+": ")
		// Reading a terminal cannot be called off: after Ctrl-C it ends with the process.
		said := make(chan bool, 1)
		go func() { said <- lines.Scan() }()
		answered := false
		select {
		case answered = <-said:
		case <-ctx.Done():
		}
		if !answered {
			fmt.Fprintln(out)
			return "", errors.New("the questions were not answered; nothing was written")
		}
		answer := strings.TrimSpace(lines.Text())
		if answer == "" {
			answer = proposal
		}
		return answer, nil
	}
}

// interview gathers the answers, from flags, a person or the machine.
type interview struct {
	p       *program
	ask     prompt // nil: nobody to ask
	own     []netip.Addr
	source  func(netip.Addr) (netip.Addr, bool)
	resolve func(host string) []netip.Addr
	judge   *judge
	answers answers
}

// question is one thing that init has to know.
type question struct {
	flag, given string
	text        string
	needed      func() bool
	guess       func() string // "" = must be said
	set         func(string) error
}

func (t *interview) questions(c *initCommand) []question {
	always := func() bool { return true }
	return []question{
		{"--address", c.Address, "Address of this machine that phones and PBXs reach", always, t.guessAddress, t.setAddress},
		{"--advertise", c.Advertise, "That is private. Public address or name that leads to it (none: phones are in this network only)", t.isPrivate, func() string { return "" }, t.setAdvertise},
		{"--domain", c.Domain, "SIP domain of the phones; without one, the address", always, t.answers.told, t.setDomain},
		{"--pbx", c.PBX, "PBX, as host or host:port", always, func() string { return "" }, t.setPBX},
		{"--pbx-transport", c.PBXTransport, "How the PBX is reached (udp, tcp or tls)", always, func() string { return "udp" }, t.setTransport},
	}
}

// run gets every answer. With nobody to ask, all that is missing or wrong is told at once.
func (t *interview) run(ctx context.Context, c *initCommand) error {
	var faults []string
	for _, q := range t.questions(c) {
		value := q.given
		if value == "" && !q.needed() {
			continue
		}
		if t.ask != nil {
			if err := t.insist(ctx, q); err != nil {
				return err
			}
			continue
		}
		if value == "" {
			value = q.guess()
		}
		switch {
		case value == "" && q.flag == "--domain": // the address would be the domain, and is told of already
		case value == "":
			faults = append(faults, fmt.Sprintf("%s is missing: %s", q.flag, missing(q.flag, &t.answers)))
		default:
			if err := t.take(ctx, q, value); err != nil {
				faults = append(faults, q.flag+": "+err.Error())
			}
		}
	}
	if len(faults) > 0 {
		t.p.lines(strings.Join(faults, "\n"))
		return silent{}
	}
	t.answers.settle(t.source, t.resolve)
	return t.judge.whole(ctx, &t.answers)
}

// missing says what a flag would have to say.
func missing(flag string, a *answers) string {
	switch flag {
	case "--advertise":
		return fmt.Sprintf("%s is private: give the public address that leads to it, or none if phones are in this network only", a.Address)
	case "--pbx":
		return "the address or name of the PBX behind, such as 10.0.0.5 or pbx.example.com:5080"
	}
	return "this machine has no way to the internet from which it could be found"
}

// insist asks until the answer is good; what a flag said is tried first.
func (t *interview) insist(ctx context.Context, q question) error {
	value := q.given
	for {
		for value == "" {
			var err error
			if value, err = t.ask(q.text, q.guess()); err != nil {
				return err
			}
			if value == "" {
				t.p.lines("  " + missing(q.flag, &t.answers))
			}
		}
		err := t.take(ctx, q, value)
		if err == nil {
			return nil
		}
		t.p.lines("  " + err.Error())
		value = ""
	}
}

// take sets an answer and lets the code that reads the files judge it.
func (t *interview) take(ctx context.Context, q question, value string) error {
	before := t.answers
	err := q.set(value)
	if err == nil {
		err = t.judge.one(ctx, &t.answers)
	}
	if err != nil {
		t.answers = before
	}
	return err
}

// guessAddress is the address of the way to the internet; no packet is sent.
func (t *interview) guessAddress() string {
	for _, to := range []string{"192.0.2.1", "2001:db8::1"} { // nobody's (RFC 5737, RFC 3849)
		if a, ok := t.source(netip.MustParseAddr(to)); ok && !a.IsLoopback() {
			return a.String()
		}
	}
	return ""
}

func (t *interview) setAddress(s string) error {
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	a = a.Unmap()
	switch {
	case err != nil:
		return fmt.Errorf("%q is not an address; such as 203.0.113.7", s)
	case a.IsUnspecified():
		return fmt.Errorf("%s is every address; one of this machine's is wanted (node.yaml can list more later)", s)
	case a.Zone() != "":
		return errors.New("an address with a zone is good on one machine only; a global one is wanted")
	case !slices.Contains(t.own, a) && !(a.Is4() && a.IsLoopback()): // all of 127.0.0.0/8 is lo's
		return fmt.Errorf("no interface of this machine has %s; it has %s. A public address that leads here is the next answer (--advertise)", a, joined(t.own))
	}
	t.answers.Address = a
	return nil
}

func joined(list []netip.Addr) string {
	var out []string
	for _, a := range list {
		if !a.IsLinkLocalUnicast() {
			out = append(out, a.String())
		}
	}
	return strings.Join(out, ", ")
}

func (t *interview) isPrivate() bool {
	return t.answers.Address.IsValid() && doctor.Private(t.answers.Address)
}

// noAdvertise is what is said where nobody comes from outside.
const noAdvertise = "none"

func (t *interview) setAdvertise(s string) error {
	if s == noAdvertise {
		t.answers.Advertise = ""
		return nil
	}
	if f := tenant.CheckHost(s); f != nil {
		return errors.New(f.Message + "; the public address or name, such as 203.0.113.7")
	}
	t.answers.Advertise = tenant.CanonicalHost(s)
	return nil
}

func (t *interview) setDomain(s string) error {
	if f := tenant.CheckHost(s); f != nil {
		return errors.New(f.Message + "; such as pbx.example.com")
	}
	t.answers.Domain = tenant.CanonicalHost(s)
	return nil
}

func (t *interview) setPBX(s string) error {
	const want = "host or host:port, such as 10.0.0.5 or pbx.example.com:5080"
	host, port := s, ""
	if tenant.CheckHost(s) != nil && strings.Contains(s, ":") {
		var err error
		if host, port, err = net.SplitHostPort(s); err != nil {
			return fmt.Errorf("%q is not a PBX; %s", s, want)
		}
	}
	if f := tenant.CheckHost(host); f != nil {
		return errors.New(f.Message + "; " + want)
	}
	n := uint64(0)
	if port != "" {
		var err error
		if n, err = strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%q is not a port; 1 to 65535", port)
		}
	}
	if a, err := netip.ParseAddr(host); err == nil && a == t.answers.Address && (n == 0 || n == 5060 || n == 5061) {
		return fmt.Errorf("ports 5060 and 5061 of %s will be Tollgate's own: give the PBX another one and name it, such as %s", host, hostPort(host, 5080))
	}
	t.answers.PBX = pbx{Host: tenant.CanonicalHost(host), Port: int(n), Transport: t.answers.PBX.Transport}
	return nil
}

func (t *interview) setTransport(s string) error {
	a := &t.answers
	switch s = strings.ToLower(s); s {
	case "udp", "tcp", "tls":
		a.PBX.Transport = s
	default:
		return fmt.Errorf("%q is no transport; udp, tcp or tls", s)
	}
	if a.PBX.Port == 0 {
		a.PBX.Port = sipPort(s)
	}
	return nil
}
