package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// loopback is the number of the loopback interface, in every network namespace.
const loopback = 1

// path is what a route is looked up for.
type path struct{ from, to netip.Addr }

// way is how packets leave. It goes to the kernel as it stands in memory.
type way struct {
	Interface uint32 // 0: there is no route
	Largest   uint32 // the biggest packet of IP, in bytes
}

// route is a path that flows take. The next hop's address and its MAC are the kernel's to find,
// for each packet.
type route struct {
	path
	place uint32 // in the kernel's table
	flows int
	way   way
}

// routes are those of all flows.
type routes struct {
	table *ebpf.Map
	ask   *netlink
	of    map[path]*route
	at    []*route // by place; nil: free
	free  []uint32
}

func newRoutes(table *ebpf.Map) (*routes, error) {
	ask, err := listenNetlink(0)
	if err != nil {
		return nil, fmt.Errorf("ask for routes: %w", err)
	}
	return &routes{table: table, ask: ask, of: make(map[path]*route)}, nil
}

// take gives the place of a path's route, for one flow more.
func (r *routes) take(p path) (place uint32, err error) {
	if known := r.of[p]; known != nil {
		known.flows++
		return known.place, nil
	}
	w, err := r.ask.route(p)
	if err != nil {
		return 0, fmt.Errorf("route from %s to %s: %w", p.from, p.to, err)
	}
	place = uint32(len(r.at))
	if n := len(r.free); n > 0 {
		place = r.free[n-1]
	}
	if err = r.table.Put(place, &w); err != nil {
		return 0, fmt.Errorf("route from %s to %s: %w", p.from, p.to, err)
	}
	fresh := &route{path: p, place: place, flows: 1, way: w}
	if n := len(r.free); n > 0 {
		r.free = r.free[:n-1]
		r.at[place] = fresh
	} else {
		r.at = append(r.at, fresh)
	}
	r.of[p] = fresh
	return place, nil
}

// giveBack is for a flow that is gone.
func (r *routes) giveBack(place uint32) {
	known := r.at[place]
	if known.flows--; known.flows > 0 {
		return
	}
	delete(r.of, known.path)
	r.at[place] = nil
	r.free = append(r.free, place)
}

// all are the routes in use.
func (r *routes) all() []*route {
	all := make([]*route, 0, len(r.of))
	for _, each := range r.of {
		all = append(all, each)
	}
	return all
}

// set gives a route its new way, if it is still in use.
func (r *routes) set(known *route, w way) error {
	if r.at[known.place] != known || known.way == w {
		return nil
	}
	if err := r.table.Put(known.place, &w); err != nil {
		return fmt.Errorf("route from %s to %s: %w", known.from, known.to, err)
	}
	known.way = w
	return nil
}

// changes are the groups of netlink that tell of whatever may change a route or an interface.
const changes = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR |
	unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE | unix.RTMGRP_IPV4_RULE | 1<<(unix.RTNLGRP_IPV6_RULE-1)

// netlink is a socket to the kernel's routing (rtnetlink(7)).
type netlink struct {
	fd  int
	seq uint32
	buf [16 << 10]byte
}

// listenNetlink opens one that hears of these groups.
func listenNetlink(groups uint32) (*netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	n := &netlink{fd: fd}
	if err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(fmt.Errorf("netlink: %w", err), n.close())
	}
	return n, nil
}

func (n *netlink) close() error { return unix.Close(n.fd) }

// pending takes all notices, and says whether there were any. That some were lost is one.
func (n *netlink) pending() bool {
	for any := false; ; any = true {
		_, _, err := unix.Recvfrom(n.fd, n.buf[:], unix.MSG_DONTWAIT)
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			return any
		}
	}
}

// route asks for the way of a path, as for a packet that this machine sends.
func (n *netlink) route(p path) (way, error) {
	family := byte(unix.AF_INET)
	if p.to.Is6() {
		family = unix.AF_INET6
	}
	bits := byte(p.to.BitLen())
	body := append([]byte{family, bits, bits}, make([]byte, unix.SizeofRtMsg-3)...)
	body = attribute(body, unix.RTA_DST, p.to.AsSlice())
	body = attribute(body, unix.RTA_SRC, p.from.AsSlice())
	answer, err := n.do(unix.RTM_GETROUTE, body)
	if err != nil {
		return way{}, err
	}
	w := way{}
	for _, a := range answer.attributes {
		switch {
		case a.Attr.Type == unix.RTA_OIF && len(a.Value) == 4:
			w.Interface = binary.NativeEndian.Uint32(a.Value)
		case a.Attr.Type == unix.RTA_METRICS:
			w.Largest = mtuOf(a.Value)
		}
	}
	switch kind := answer.body[7]; { // rtm_type
	case kind == unix.RTN_LOCAL:
		return way{Interface: loopback, Largest: 1 << 16}, nil
	case kind != unix.RTN_UNICAST || w.Interface == 0:
		return way{}, unix.ENETUNREACH
	}
	if w.Largest == 0 {
		w.Largest, err = n.mtu(w.Interface)
	}
	return w, err
}

// mtuOf finds the MTU among a route's metrics; 0: it has none of its own.
func mtuOf(metrics []byte) uint32 {
	for len(metrics) >= unix.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(metrics))
		if size < unix.SizeofRtAttr || size > len(metrics) {
			break
		}
		if binary.NativeEndian.Uint16(metrics[2:]) == unix.RTAX_MTU && size == unix.SizeofRtAttr+4 {
			return binary.NativeEndian.Uint32(metrics[unix.SizeofRtAttr:])
		}
		metrics = metrics[min((size+3)&^3, len(metrics)):]
	}
	return 0
}

// mtu is that of an interface.
func (n *netlink) mtu(index uint32) (uint32, error) {
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], index)
	answer, err := n.do(unix.RTM_GETLINK, body)
	if err != nil {
		return 0, err
	}
	for _, a := range answer.attributes {
		if a.Attr.Type == unix.IFLA_MTU && len(a.Value) == 4 {
			return binary.NativeEndian.Uint32(a.Value), nil
		}
	}
	return 0, errors.New("the interface has no MTU")
}

// attribute appends one to a request.
func attribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	return append(b, value...) // addresses need no padding
}

// answer is what the kernel says.
type answer struct {
	body       []byte
	attributes []syscall.NetlinkRouteAttr
}

// do asks, and reads the one answer, which the kernel has given by the time the question is sent.
func (n *netlink) do(kind uint16, body []byte) (answer, error) {
	n.seq++
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST)
	b = binary.NativeEndian.AppendUint32(b, n.seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	if err := unix.Sendto(n.fd, append(b, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return answer{}, fmt.Errorf("ask the kernel: %w", err)
	}
	for {
		size, _, err := unix.Recvfrom(n.fd, n.buf[:], unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return answer{}, fmt.Errorf("the kernel's answer: %w", err)
		}
		messages, err := syscall.ParseNetlinkMessage(n.buf[:size])
		if err != nil {
			return answer{}, fmt.Errorf("the kernel's answer: %w", err)
		}
		for i := range messages {
			if messages[i].Header.Seq == n.seq {
				return readAnswer(&messages[i])
			}
		}
	}
}

// readAnswer reads an answer to a question for one thing.
func readAnswer(m *syscall.NetlinkMessage) (answer, error) {
	if m.Header.Type == unix.NLMSG_ERROR && len(m.Data) >= 4 {
		return answer{}, syscall.Errno(-int32(binary.NativeEndian.Uint32(m.Data)))
	}
	attributes, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return answer{}, fmt.Errorf("the kernel's answer: %w", err)
	}
	return answer{m.Data, attributes}, nil
}
