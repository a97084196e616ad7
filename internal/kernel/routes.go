package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

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
	answer, err := n.do(unix.RTM_GETROUTE, 0, body)
	if err != nil {
		return way{}, err
	}
	if len(answer) < unix.SizeofRtMsg {
		return way{}, errShort
	}
	w := way{}
	for kind, value := range attributes(answer[unix.SizeofRtMsg:]) {
		switch {
		case kind == unix.RTA_OIF && len(value) == 4:
			w.Interface = binary.NativeEndian.Uint32(value)
		case kind == unix.RTA_METRICS:
			w.Largest = number(value, unix.RTAX_MTU)
		}
	}
	switch kind := answer[7]; { // rtm_type
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

// mtu is that of an interface.
func (n *netlink) mtu(index uint32) (uint32, error) {
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], index)
	answer, err := n.do(unix.RTM_GETLINK, 0, body)
	if err != nil {
		return 0, err
	}
	if len(answer) < unix.SizeofIfInfomsg {
		return 0, errShort
	}
	if mtu := number(answer[unix.SizeofIfInfomsg:], unix.IFLA_MTU); mtu > 0 {
		return mtu, nil
	}
	return 0, errors.New("the interface has no MTU")
}
