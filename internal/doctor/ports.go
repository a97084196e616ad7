package doctor

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"tollgate/internal/config"
)

// socket is a line of the kernel's tables of sockets that are bound.
type socket struct {
	proto string // udp or tcp
	at    netip.AddrPort
	inode string
}

// owner is a process that has a socket open.
type owner struct {
	pid     int
	program string
	unit    string // systemd's, "" = none
}

func (o owner) String() string { return fmt.Sprintf("%s (process %d)", o.program, o.pid) }

// want is an address that the node binds.
type want struct {
	what  string // udp://0.0.0.0:5060, or http.listen
	proto string
	at    netip.AddrPort
}

// ports looks whether each port is free, or the node's own.
func (v *visit) ports(context.Context) {
	bound, err := sockets(v.Files)
	if err != nil {
		v.warn(nil, "the ports in use cannot be read: %v", err)
		return
	}
	clashes := map[string][]want{} // by inode
	var inodes []string
	for _, w := range wants(&v.Config) {
		for _, s := range bound {
			if s.proto != w.proto || !clash(s.at, w.at) {
				continue
			}
			if !slices.Contains(inodes, s.inode) {
				inodes = append(inodes, s.inode)
			}
			clashes[s.inode] = append(clashes[s.inode], w)
		}
	}
	owners := ownersOf(v.Files, inodes)
	told := map[string]bool{}
	for _, inode := range inodes {
		o, known := owners[inode]
		if known && o.pid == v.PID {
			continue
		}
		for _, w := range clashes[inode] {
			if text := o.String() + w.what; !told[text] {
				told[text] = true
				v.taken(w, o, known)
			}
		}
	}
	switch {
	case !v.fine():
	case v.PID != 0:
		v.ok("the ports are the running node's, or free")
	default:
		v.ok("all %d addresses of node.yaml are free", len(wants(&v.Config)))
	}
}

// taken tells of a port that another program has.
func (v *visit) taken(w want, o owner, known bool) {
	port := strconv.Itoa(int(w.at.Port()))
	if !known {
		v.problem([]string{"sudo ss -lnp '( sport = :" + port + " )'    # shows whose it is"},
			"%s: %s port %s is in use by a program that this user may not see", w.what, w.proto, port)
		return
	}
	stop := "kill " + strconv.Itoa(o.pid)
	if o.unit != "" {
		stop = "systemctl disable --now " + o.unit
	}
	v.problem([]string{stop + "    # or give it, or Tollgate in node.yaml, another port"},
		"%s: %s port %s is in use by %s", w.what, w.proto, port, o)
}

// wants lists what a node binds.
func wants(n *config.Node) []want {
	var list []want
	for _, l := range n.SIP.Listen {
		proto := "tcp"
		if l.Proto == "udp" {
			proto = "udp"
		}
		if l.Addr.Port() != 0 {
			list = append(list, want{l.URL(), proto, l.Addr})
		}
	}
	for _, door := range []struct{ key, at string }{{"http.listen", n.HTTP.Listen}, {"http.metrics", n.HTTP.Metrics}} {
		if at, ok := httpAddr(door.at); ok && at.Port() != 0 {
			list = append(list, want{door.key + " " + door.at, "tcp", at})
		}
	}
	return list
}

// httpAddr reads host:port; no host is all addresses, and a name other than localhost is not judged.
func httpAddr(s string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(s, ":")
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, port = strings.Trim(s[:i], "[]"), s[i+1:]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil {
		return netip.AddrPort{}, false
	}
	switch host {
	case "":
		host = "::"
	case "localhost":
		host = "127.0.0.1"
	}
	a, err := netip.ParseAddr(host)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), err == nil
}

// clash says whether the kernel would refuse to bind b while a is bound. A socket on
// [::] is taken to hold IPv4 too, as it does unless its program said otherwise.
func clash(a, b netip.AddrPort) bool {
	if a.Port() != b.Port() {
		return false
	}
	x, y := a.Addr(), b.Addr()
	if x == y || x == netip.IPv6Unspecified() || y == netip.IPv6Unspecified() {
		return true
	}
	return x.Is4() == y.Is4() && (x.IsUnspecified() || y.IsUnspecified())
}

// sockets reads the kernel's tables: all bound UDP sockets, and TCP ones that listen.
func sockets(files fs.FS) ([]socket, error) {
	var list []socket
	for _, name := range []string{"udp", "udp6", "tcp", "tcp6"} {
		data, err := fs.ReadFile(files, "proc/net/"+name)
		if err != nil {
			if strings.HasSuffix(name, "6") {
				continue // a kernel without IPv6
			}
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			if s, ok := parseSocket(strings.TrimSuffix(name, "6"), line); ok {
				list = append(list, s)
			}
		}
	}
	return list, nil
}

// listening is TCP_LISTEN in the table (include/net/tcp_states.h).
const listening = "0A"

func parseSocket(proto, line string) (s socket, ok bool) {
	f := strings.Fields(line)
	if len(f) < 10 || proto == "tcp" && f[3] != listening {
		return s, false
	}
	addr, port, found := strings.Cut(f[1], ":")
	n, err := strconv.ParseUint(port, 16, 16)
	a, good := parseHexAddr(addr)
	if !found || err != nil || !good {
		return s, false
	}
	return socket{proto, netip.AddrPortFrom(a, uint16(n)), f[9]}, true
}

// parseHexAddr reads an address as words of 32 bits in the machine's own byte order.
func parseHexAddr(s string) (netip.Addr, bool) {
	if len(s) != 8 && len(s) != 32 {
		return netip.Addr{}, false
	}
	var raw []byte
	for i := 0; i < len(s); i += 8 {
		word, err := strconv.ParseUint(s[i:i+8], 16, 32)
		if err != nil {
			return netip.Addr{}, false
		}
		raw = binary.NativeEndian.AppendUint32(raw, uint32(word))
	}
	a, ok := netip.AddrFromSlice(raw)
	return a.Unmap(), ok
}

// ownersOf finds the processes that hold sockets, by their inodes. What this user may
// not look into is left out.
func ownersOf(files fs.FS, inodes []string) map[string]owner {
	found := map[string]owner{}
	if len(inodes) == 0 {
		return found
	}
	links, _ := fs.Glob(files, "proc/[0-9]*/fd/*") // the pattern is sound
	for _, link := range links {
		target, err := fs.ReadLink(files, link)
		inode := strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")
		if err != nil || inode == target || !slices.Contains(inodes, inode) {
			continue
		}
		process := path.Dir(path.Dir(link))
		pid, err := strconv.Atoi(path.Base(process))
		// A socket that several hold is its oldest holder's.
		if old, ok := found[inode]; err == nil && (!ok || pid < old.pid) {
			found[inode] = owner{pid: pid, program: programOf(files, process), unit: unitOf(files, process)}
		}
	}
	return found
}

func programOf(files fs.FS, process string) string {
	data, err := fs.ReadFile(files, process+"/comm")
	return cmp.Or(strings.TrimSpace(string(data)), fmt.Sprintf("unknown (%v)", err))
}

// unitOf is the systemd service that a process belongs to.
func unitOf(files fs.FS, process string) string {
	data, err := fs.ReadFile(files, process+"/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if unit := path.Base(strings.TrimSpace(line)); strings.HasSuffix(unit, ".service") && !strings.HasPrefix(unit, "user@") {
			return unit
		}
	}
	return ""
}

// api looks whether the API or the metrics stand open to others.
func (v *visit) api(context.Context) {
	open := func(s string) bool {
		at, ok := httpAddr(s)
		return ok && !at.Addr().IsLoopback()
	}
	h := &v.Config.HTTP
	if open(h.Listen) && len(h.Certificates) == 0 {
		v.warn([]string{"in node.yaml:  http: {listen: 127.0.0.1:8080}    # and ssh -L, or a proxy with TLS before it"},
			"the API on %s is open to other machines without TLS: keys and passwords would cross the network in the clear", h.Listen)
	}
	if open(h.Metrics) {
		v.warn([]string{"in node.yaml:  http: {metrics: 127.0.0.1:9090}    # or let only your monitoring through the firewall"},
			"the metrics on %s are open to other machines, and have no password", h.Metrics)
	}
	if v.fine() {
		v.ok("API and metrics are for this machine only")
	}
}
