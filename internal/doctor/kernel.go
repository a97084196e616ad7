package doctor

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"tollgate/internal/transport"
)

// number reads a file of /proc that holds one; false where there is none.
func (v *visit) number(name string) (int, bool) {
	data, err := fs.ReadFile(v.Files, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	return n, err == nil
}

// sysctl is a line to type, and how it holds over a restart.
func sysctl(key string, value int) []string {
	return []string{
		fmt.Sprintf("sysctl -w %s=%d", key, value),
		fmt.Sprintf("echo '%s = %d' >> /etc/sysctl.d/60-tollgate.conf    # so that it holds after a restart", key, value),
	}
}

// buffers looks whether the kernel grants what the UDP sockets ask for.
func (v *visit) buffers(context.Context) {
	for _, b := range []struct {
		key, what string
		want      int
	}{
		{"rmem_max", "a burst of requests would be lost before Tollgate reads it", transport.ReceiveBuffer},
		{"wmem_max", "a burst of answers would be lost before the network takes it", transport.SendBuffer},
	} {
		has, ok := v.number("proc/sys/net/core/" + b.key)
		if ok && has < b.want {
			v.warn(sysctl("net.core."+b.key, b.want), "net.core.%s is %d bytes, and %d are asked for: %s", b.key, has, b.want, b.what)
		}
	}
	if v.fine() {
		v.ok("UDP sockets get the buffers that they ask for")
	}
}

// What conntrack needs. Below fewEntries a flood fills the table, and then every packet of a new
// peer is dropped; a stream's timeout must outlast two pings of phones, which come every 30 s.
const (
	fewEntries    = 262144
	shortestUDP   = 60
	crowdedFrom   = 60 // per cent
	fullFrom      = 90
	conntrackRoot = "proc/sys/net/netfilter/nf_conntrack_"
)

// conntrack looks at the kernel's table of flows, which every phone has an entry in.
func (v *visit) conntrack(context.Context) {
	most, loaded := v.number(conntrackRoot + "max")
	if !loaded {
		v.ok("connection tracking is not loaded")
		return
	}
	used, _ := v.number(conntrackRoot + "count")
	stream, hasStream := v.number(conntrackRoot + "udp_timeout_stream")
	larger := append(sysctl("net.netfilter.nf_conntrack_max", max(fewEntries, 2*most)), v.notrack()...)
	switch share := used * 100 / max(most, 1); {
	case share >= fullFrom:
		v.problem(larger, "connection tracking is full: %d of %d entries; the kernel drops what is new", used, most)
	case share >= crowdedFrom:
		v.warn(larger, "connection tracking is crowded: %d of %d entries", used, most)
	case most < fewEntries:
		v.warn(larger, "connection tracking has room for %d flows: a flood fills it, and then the kernel drops what is new", most)
	}
	if hasStream && stream < shortestUDP {
		v.warn(sysctl("net.netfilter.nf_conntrack_udp_timeout_stream", 120), "connection tracking forgets UDP after %d s: phones are pinged every 30 s, and one lost ping would cut them off", stream)
	}
	if v.fine() {
		v.ok("connection tracking uses %d of %d entries", used, most)
	}
}

// notrack keeps SIP out of the table: the ports are open anyway, so nothing is gained by tracking.
func (v *visit) notrack() []string {
	var ports []string
	for _, l := range v.Config.SIP.Listen {
		if p := strconv.Itoa(int(l.Addr.Port())); l.Proto == "udp" && p != "0" && !slices.Contains(ports, p) {
			ports = append(ports, p)
		}
	}
	if len(ports) == 0 {
		return nil
	}
	list := strings.Join(ports, ", ")
	return []string{
		"# or keep SIP out of the table (not on a machine that does NAT for others):",
		"nft add table inet tollgate",
		"nft add chain inet tollgate early '{ type filter hook prerouting priority raw; }'",
		"nft add chain inet tollgate late '{ type filter hook output priority raw; }'",
		"nft add rule inet tollgate early udp dport { " + list + " } notrack",
		"nft add rule inet tollgate late udp sport { " + list + " } notrack",
	}
}

// alg looks for the kernel's SIP helper, which rewrites messages and breaks them.
func (v *visit) alg(context.Context) {
	data, err := fs.ReadFile(v.Files, "proc/modules")
	if err != nil {
		v.ok("the kernel's modules cannot be seen from here")
		return
	}
	var loaded []string
	for _, module := range []string{"nf_nat_sip", "nf_conntrack_sip"} { // in the order in which they can be removed
		for line := range strings.Lines(string(data)) {
			if strings.HasPrefix(line, module+" ") {
				loaded = append(loaded, module)
			}
		}
	}
	if len(loaded) == 0 {
		v.ok("no SIP helper of the kernel is loaded; home routers call theirs \"SIP ALG\": switch it off there")
		return
	}
	v.warn([]string{
		"modprobe -r " + strings.Join(loaded, " "),
		`printf 'blacklist nf_nat_sip\nblacklist nf_conntrack_sip\n' > /etc/modprobe.d/no-sip-alg.conf`,
	}, "the kernel's SIP helper is loaded (%s): it rewrites messages and breaks calls", strings.Join(loaded, ", "))
}

// Each TCP or TLS phone is one open file, and each bridged call with one stream four.
const (
	fewFiles  = 65536
	callFiles = 4
)

// files looks at the limit of open files: the running node's, else this process's own.
func (v *visit) files(context.Context) {
	process, whose := "self", "a node started from here"
	if v.PID != 0 {
		process, whose = strconv.Itoa(v.PID), "the running node"
	}
	data, err := fs.ReadFile(v.Files, "proc/"+process+"/limits")
	if err != nil {
		v.ok("the limit of open files cannot be seen: %v", err)
		return
	}
	most, ok := maxOpenFiles(string(data))
	switch {
	case !ok:
		v.ok("%s may open any number of files", whose)
	case most < fewFiles:
		v.warn([]string{"in the service's unit:  LimitNOFILE=262144    # packaging/tollgate.service has it; in a shell:  ulimit -n 262144"},
			"%s may open %d files: each phone over TCP or TLS needs one, and each call with bridged media four: %d calls at most", whose, most, most/callFiles)
	case most < fewFiles+callFiles*v.Config.Limits.Calls:
		v.warn([]string{fmt.Sprintf("in the service's unit:  LimitNOFILE=%d", fewFiles+callFiles*v.Config.Limits.Calls)},
			"%s may open %d files: limits.calls is %d, and each call with bridged media needs four", whose, most, v.Config.Limits.Calls)
	default:
		v.ok("%s may open %d files", whose, most)
	}
}

// maxOpenFiles reads the hard limit, to which a Go program raises its own; false: unlimited.
func maxOpenFiles(limits string) (int, bool) {
	for line := range strings.Lines(limits) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			if f := strings.Fields(rest); len(f) >= 2 {
				n, err := strconv.Atoi(f[1])
				return n, err == nil
			}
		}
	}
	return 0, false
}

// clock looks whether something keeps it right: certificates, digests and records depend on it.
func (v *visit) clock(context.Context) {
	good, err := v.Synchronised()
	switch {
	case err != nil:
		v.ok("whether the clock is synchronised cannot be seen: %v", err)
	case !good:
		v.warn([]string{"timedatectl set-ntp true    # or: apt-get install chrony"},
			"the clock is not synchronised: certificates, registrations and records need the right time")
	default:
		v.ok("the clock is synchronised")
	}
}

// kernel says whether it could forward media.
func (v *visit) kernel(context.Context) {
	data, _ := fs.ReadFile(v.Files, "proc/sys/kernel/osrelease")
	release := cmp.Or(strings.TrimSpace(string(data)), "unknown")
	_, err := fs.Stat(v.Files, "sys/kernel/btf/vmlinux")
	way := "can forward media itself (eBPF)"
	if err != nil {
		way = "has no BTF, so media is forwarded by the program"
	}
	v.ok("Linux %s %s", release, way)
}
