package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tollgate/internal/config"
)

// mostTaken is how many ports of the range that others have are named.
const mostTaken = 3

// media looks whether the ports of media.ports are free, and stay so.
func (v *visit) media(context.Context) {
	first, last := v.Config.Media.First, v.Config.Media.Last
	if v.PID == 0 { // a node that runs passes over what others have
		v.mediaTaken(first, last)
	}
	v.ephemeral(first, last)
	if v.fine() {
		v.ok("the UDP ports %d-%d are for media alone", first, last)
	}
}

// mediaTaken tells of ports in the range that other programs have. A call gets another one then.
func (v *visit) mediaTaken(first, last int) {
	bound, err := sockets(v.Files)
	if err != nil {
		return // ports says so
	}
	places := mediaPlaces(&v.Config)
	var taken []socket
	for _, s := range bound {
		port := s.at.Port()
		ours := func(a netip.Addr) bool { return clash(s.at, netip.AddrPortFrom(a, port)) }
		if s.proto == "udp" && int(port) >= first && int(port) <= last && slices.ContainsFunc(places, ours) {
			taken = append(taken, s)
		}
	}
	if len(taken) == 0 {
		return
	}
	named := taken[:min(len(taken), mostTaken)]
	var inodes, others []string
	for _, s := range named {
		inodes = append(inodes, s.inode)
	}
	owners := ownersOf(v.Files, inodes)
	for _, s := range named {
		text := strconv.Itoa(int(s.at.Port()))
		if o, known := owners[s.inode]; known {
			text += " by " + o.String()
		}
		others = append(others, text)
	}
	more := ""
	if n := len(taken) - len(named); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	v.warn([]string{"in node.yaml:  media: {ports: ...}    # a range in which nothing else listens"},
		"media.ports %d-%d are not all free: in use are %s%s", first, last, strings.Join(others, ", "), more)
}

// mediaPlaces are the addresses on which media comes.
func mediaPlaces(n *config.Node) (list []netip.Addr) {
	for _, network := range n.Media.Networks {
		list = append(list, network.Address)
	}
	if len(list) == 0 {
		for _, l := range n.SIP.Listen {
			list = append(list, l.Addr.Addr())
		}
	}
	return list
}

// ephemeral tells that the kernel may give ports of the range to programs that ask for any.
func (v *visit) ephemeral(first, last int) {
	data, err := fs.ReadFile(v.Files, "proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return
	}
	low, high, ok := twoNumbers(strings.Fields(string(data)))
	if !ok || last < low || first > high {
		return
	}
	data, _ = fs.ReadFile(v.Files, "proc/sys/net/ipv4/ip_local_reserved_ports") // none: nothing is reserved
	reserved := strings.TrimSpace(string(data))
	if isReserved(reserved, max(first, low), min(last, high)) {
		return
	}
	list := strings.TrimPrefix(fmt.Sprintf("%s,%d-%d", reserved, first, last), ",")
	v.warn([]string{
		"sysctl -w net.ipv4.ip_local_reserved_ports=" + list,
		fmt.Sprintf("echo 'net.ipv4.ip_local_reserved_ports = %s' >> /etc/sysctl.d/60-tollgate.conf    # so that it holds after a restart", list),
	}, "media.ports %d-%d lie within %d-%d, of which the kernel gives ports to any program: some would be missing for media", first, last, low, high)
}

func twoNumbers(f []string) (low, high int, ok bool) {
	if len(f) != 2 {
		return 0, 0, false
	}
	low, err := strconv.Atoi(f[0])
	high, err2 := strconv.Atoi(f[1])
	return low, high, err == nil && err2 == nil
}

// isReserved says whether a list such as 8080,20000-29999 holds all ports of a range.
func isReserved(list string, first, last int) bool {
	var spans [][2]int
	for item := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(item, "-")
		if !isRange {
			to = from
		}
		if low, high, ok := twoNumbers([]string{from, to}); ok {
			spans = append(spans, [2]int{low, high})
		}
	}
	slices.SortFunc(spans, func(a, b [2]int) int { return a[0] - b[0] })
	for _, s := range spans {
		if s[0] <= first && s[1] >= first {
			first = s[1] + 1
		}
	}
	return first > last
}
