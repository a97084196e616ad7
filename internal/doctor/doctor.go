// Package doctor looks at the machine that a node runs on, or is to run on, and says
// what is wrong, what to type against it, and which ports to open: the work of
// `tollgate doctor`. It changes nothing.
//
// Each check is a function over a System, which is all that it may know of the
// machine: /proc and /sys as a file system, and a few questions as functions. So
// every branch is driven by a test. Machine gives the real one.
//
// It is not its job to read node.yaml (package config) or tenants.yaml, to find a
// running node, or to print.
package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"tollgate/internal/config"
	"tollgate/internal/kernel"
)

// Level says how bad a finding is.
type Level string

// The levels. A warning is something that works for some and not for others, or not
// for long; a problem keeps the node from working.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Problem Level = "problem"
)

// Finding is what one check saw.
type Finding struct {
	Check string   `json:"check"`
	Level Level    `json:"level"`
	Text  string   `json:"text"`         // one sentence
	Do    []string `json:"do,omitempty"` // lines to type, or to put into a file that they name
}

// Report is everything that was seen.
type Report struct {
	Findings []Finding `json:"findings"`
	Open     []Opening `json:"open"` // ports to open in every firewall before this machine
}

// Problems counts the findings that keep the node from working.
func (r *Report) Problems() int { return r.count(Problem) }

// Warnings counts the others that are not well.
func (r *Report) Warnings() int { return r.count(Warning) }

func (r *Report) count(l Level) (n int) {
	for i := range r.Findings {
		if r.Findings[i].Level == l {
			n++
		}
	}
	return n
}

// Destination is a PBX of some customer.
type Destination struct {
	Customer, Name string
	Host           string // address or name
	Port           int    // 0: 5060, 5061 or by SRV
	Protocol       string // udp, tcp, tls or tls+srtp
	Network        string // "" = any listener
	Status         string // what the running node says of it; "" = nobody knows
}

// System is the machine, as far as checks may know it.
type System struct {
	Files  fs.FS // the root folder, for proc, sys and certificates
	Now    time.Time
	Config config.Node
	File   string   // where Config stands; "" = there is none, and the defaults hold
	Faults []string // what is wrong with that file, one line each; then Config means nothing

	PID     int   // the process of the node that runs with this configuration; 0: none runs
	NodeErr error // why it cannot be asked although it may be running
	// Unconfirmed is the sentence about an apply that goes back unless it is confirmed; "": none waits.
	Unconfirmed string
	// NodeBans is what it says of bans and the kernel; nil: nobody knows.
	NodeBans *BansIn

	TenantFaults []string // what is wrong with tenants.yaml, one line each
	Tenants      string   // where Domains and Destinations come from; "" = nowhere
	Domains      []string
	Destinations []Destination

	// Own gives the addresses of this machine's interfaces.
	Own func() ([]netip.Addr, error)
	// Source is the address from which the kernel would send to another one.
	Source func(to netip.Addr) (netip.Addr, bool)
	// Resolve gives the addresses that SIP for a name is sent to (RFC 3263).
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Synchronised says whether something keeps the clock right.
	Synchronised func() (bool, error)
	// Folder looks at the data folder, or at the next folder above it that is there.
	Folder func(path string) (Folder, error)
	// Filter tries in which way the kernel lets this process drop packets.
	Filter func() (kernel.Way, error)
	// Ask sends OPTIONS over UDP, or connects over TCP; nil: it is reached.
	Ask func(ctx context.Context, proto string, to netip.AddrPort) error
}

// Folder is what a file system says of a folder.
type Folder struct {
	Path     string // of what was looked at
	Exists   bool   // the folder itself is there
	IsDir    bool
	Mode     fs.FileMode
	Writable bool
	Free     uint64 // bytes that this user may still write
}

// check is one thing to look at.
type check struct {
	name    string
	machine bool // needs no node.yaml
	look    func(*visit, context.Context)
}

// checks are in the order in which they are told: what the node needs first.
func checks() []check {
	return []check{
		{"config", true, (*visit).config},
		{"node", true, (*visit).node},
		{"tenants", true, (*visit).tenants},
		{"addresses", false, (*visit).addresses},
		{"advertise", false, (*visit).advertise},
		{"ports", false, (*visit).ports},
		{"media", false, (*visit).media},
		{"api", false, (*visit).api},
		{"dns", false, (*visit).dns},
		{"certificates", false, (*visit).certificates},
		{"data", false, (*visit).data},
		{"destinations", false, (*visit).destinations},
		{"buffers", true, (*visit).buffers},
		{"conntrack", true, (*visit).conntrack},
		{"sip-alg", true, (*visit).alg},
		{"files", true, (*visit).files},
		{"clock", true, (*visit).clock},
		{"kernel", true, (*visit).kernel},
		{"bans", true, (*visit).bans},
	}
}

// Look does every check. Where node.yaml is refused, only those of the machine.
func Look(ctx context.Context, s *System) Report {
	v := &visit{System: s}
	for _, c := range checks() {
		if len(s.Faults) > 0 && !c.machine {
			continue
		}
		v.check = c.name
		c.look(v, ctx)
	}
	r := Report{Findings: v.found, Open: []Opening{}}
	if len(s.Faults) == 0 {
		r.Open = openings(&s.Config)
	}
	return r
}

// visit is one look at a system.
type visit struct {
	*System
	check string
	found []Finding
}

func (v *visit) say(l Level, do []string, format string, args ...any) {
	v.found = append(v.found, Finding{Check: v.check, Level: l, Text: fmt.Sprintf(format, args...), Do: do})
}

func (v *visit) ok(format string, args ...any) { v.say(OK, nil, format, args...) }

func (v *visit) warn(do []string, format string, args ...any) { v.say(Warning, do, format, args...) }

func (v *visit) problem(do []string, format string, args ...any) { v.say(Problem, do, format, args...) }

// fine says whether the present check has found nothing yet.
func (v *visit) fine() bool {
	return !slices.ContainsFunc(v.found, func(f Finding) bool { return f.Check == v.check })
}

// config tells what is wrong with node.yaml.
func (v *visit) config(context.Context) {
	for _, f := range v.Faults {
		v.problem(nil, "%s", f)
	}
	for _, name := range v.Config.Unknown {
		v.warn([]string{"unset " + name}, "the variable %s is set, but is no setting", name)
	}
	switch {
	case !v.fine():
	case v.File == "":
		v.ok("there is no node.yaml: the defaults hold; `tollgate init` writes one")
	default:
		v.ok("%s is fine", v.File)
	}
}

// tenants tells what is wrong with tenants.yaml, which apply would refuse.
func (v *visit) tenants(context.Context) {
	for _, f := range v.TenantFaults {
		v.problem(nil, "%s", f)
	}
	if v.Tenants != "" {
		v.ok("%d domains and %d destinations, by %s", len(v.Domains), len(v.Destinations), v.Tenants)
	}
}

// node says whether one is running.
func (v *visit) node(context.Context) {
	switch {
	case v.NodeErr != nil:
		v.warn(nil, "the running node cannot be asked: %v", v.NodeErr)
	case v.Unconfirmed != "":
		v.warn([]string{"tollgate apply --confirm"}, "the node is running, as process %d; %s", v.PID, v.Unconfirmed)
	case v.PID != 0:
		v.ok("the node is running, as process %d", v.PID)
	default:
		v.ok("the node is not running")
	}
}
