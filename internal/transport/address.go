package transport

import (
	"bytes"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/sip"
)

// lookAgain is how long what was learnt about interfaces and routes is believed.
const lookAgain = 10 * time.Second

// ownAddresses are those of this machine's interfaces.
type ownAddresses struct {
	set   atomic.Pointer[map[netip.Addr]bool]
	texts atomic.Pointer[map[netip.Addr]string] // what Advertised said for each
	mu    sync.Mutex                            // guards next and the writing of texts
	next  time.Time
}

// refresh looks at the interfaces.
func (o *ownAddresses) refresh() {
	set := make(map[netip.Addr]bool)
	list, _ := net.InterfaceAddrs() // then nothing is known to be ours
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				set[ip.Unmap()] = true
			}
		}
	}
	o.set.Store(&set)
}

// has says whether an interface has the address. Once in lookAgain one caller
// pays for a look at them.
func (o *ownAddresses) has(a netip.Addr) bool {
	if o.mu.TryLock() {
		if now := time.Now(); now.After(o.next) {
			o.next = now.Add(lookAgain)
			o.refresh()
		}
		o.mu.Unlock()
	}
	set := o.set.Load()
	return set != nil && (*set)[a]
}

// maxTexts bounds the texts kept: 127.0.0.0/8 alone has 16 million addresses.
const maxTexts = 256

// text is hostText without its allocation.
func (o *ownAddresses) text(a netip.Addr) string {
	old := o.texts.Load()
	if old != nil {
		if s, ok := (*old)[a]; ok {
			return s
		}
	}
	s := hostText(a)
	o.mu.Lock()
	defer o.mu.Unlock()
	texts := map[netip.Addr]string{a: s}
	if old = o.texts.Load(); old != nil && len(*old) < maxTexts {
		for k, v := range *old {
			texts[k] = v
		}
	}
	o.texts.Store(&texts)
	return s
}

// Advertised gives host and port that the peer of f is told in Via, Contact and
// Record-Route, IPv6 in brackets: what the listener advertises, else the address
// that was asked. It allocates nothing.
func (t *Transport) Advertised(f Flow) (host string, port uint16) {
	if int(f.Listener) >= len(t.listeners) {
		return t.own.text(f.Local.Addr()), f.Local.Port()
	}
	l := t.listeners[f.Listener]
	if l.host != "" {
		return l.host, l.AdvertisePort
	}
	return t.own.text(f.Local.Addr()), l.Addr.Port()
}

// NetworkOf gives the network that a flow's listener is in.
func (t *Transport) NetworkOf(f Flow) string {
	if int(f.Listener) >= len(t.listeners) {
		return ""
	}
	return t.listeners[f.Listener].Network
}

// IsOwn says whether a is an address and port of one of the listeners, or one
// that they advertise.
func (t *Transport) IsOwn(a netip.AddrPort) bool {
	addr := a.Addr().Unmap()
	for _, l := range t.listeners {
		if l.Addr.Port() == a.Port() && t.binds(l, addr) {
			return true
		}
		if l.advertises == addr && l.AdvertisePort == a.Port() {
			return true
		}
	}
	return false
}

// OwnHost is IsOwn for a host as a header has it; port 0 means that none was
// given, which is right for a listener on its protocol's default. It allocates
// nothing.
func (t *Transport) OwnHost(host []byte, port uint16) bool {
	bare := bytes.TrimSuffix(bytes.TrimPrefix(host, []byte("[")), []byte("]"))
	uri := sip.URI{Host: bare}
	addr, isAddr := uri.Addr()
	for _, l := range t.listeners {
		want := port
		if want == 0 {
			want = l.Proto.DefaultPort()
		}
		if isAddr && l.Addr.Port() == want && t.binds(l, addr) {
			return true
		}
		if l.AdvertiseHost == "" || l.AdvertisePort != want {
			continue
		}
		if isAddr && l.advertises == addr || !isAddr && sip.EqualFoldString(host, l.AdvertiseHost) {
			return true
		}
	}
	return false
}

// binds says whether what is sent to that address, at the right port, comes to l.
// The unspecified address leads to this machine.
func (t *Transport) binds(l *listener, a netip.Addr) bool {
	if !l.wildcard() {
		return l.Addr.Addr() == a
	}
	return l.takes(a) && (a.IsUnspecified() || t.own.has(a))
}

// route is the listener from which an address is reached, and the local address.
type route struct {
	listener *listener
	local    netip.Addr
	until    time.Time
}

type routeKey struct {
	proto   Proto
	to      netip.Addr
	network string
}

// routes remembers them; a call asks for one with each request.
type routes struct {
	mu    sync.RWMutex // guards known
	known map[routeKey]route
}

// maxRoutes bounds the table; it starts anew when it is full.
const maxRoutes = 8192

// route chooses the listener of a protocol from which to reach an address; false
// where none can.
func (t *Transport) route(p Proto, to netip.Addr, network string) (route, bool) {
	key, now := routeKey{p, to, network}, time.Now()
	t.routes.mu.RLock()
	r, ok := t.routes.known[key]
	t.routes.mu.RUnlock()
	if ok && now.Before(r.until) {
		return r, r.listener != nil
	}
	r = t.chooseRoute(p, to, network)
	r.until = now.Add(lookAgain)
	t.routes.mu.Lock()
	if t.routes.known == nil || len(t.routes.known) >= maxRoutes {
		t.routes.known = make(map[routeKey]route)
	}
	t.routes.known[key] = r
	t.routes.mu.Unlock()
	return r, r.listener != nil
}

// chooseRoute prefers the listener that is bound to the address from which the
// kernel would send, then a wildcard, then any other that can.
func (t *Transport) chooseRoute(p Proto, to netip.Addr, network string) (best route) {
	source, ok := sourceFor(to)
	if !ok {
		return best
	}
	rank := 0
	for _, l := range t.listeners {
		if l.Proto != p || network != "" && l.Network != network || !l.takes(to) {
			continue
		}
		bound, n := l.Addr.Addr(), 0
		switch {
		case bound == source:
			n = 4
		case l.wildcard():
			n, bound = 3, source
		case bound.IsLoopback() == to.IsLoopback():
			n = 2
		case to.IsLoopback() || t.own.has(to): // the kernel takes any address of its own to itself
			n = 1
		}
		if n > rank {
			rank, best = n, route{listener: l, local: bound}
		}
	}
	return best
}

// sourceFor asks the kernel for the address from which it would send to another;
// nothing is sent.
func sourceFor(to netip.Addr) (netip.Addr, bool) {
	family := unix.AF_INET6
	if to.Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return netip.Addr{}, false
	}
	defer unix.Close(fd) // nothing was sent
	if err := unix.Connect(fd, sockaddr(netip.AddrPortFrom(to, 9))); err != nil {
		return netip.Addr{}, false
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.Addr{}, false
	}
	return fromSockaddr(sa).Addr(), true
}

// Scope says how far an address is known: nowhere, on its host or link, in its site,
// everywhere.
func Scope(a netip.Addr) int {
	a = a.Unmap()
	switch {
	case a.IsUnspecified() || a.IsMulticast():
		return 0
	case a.IsLoopback() || a.IsLinkLocalUnicast():
		return 1
	case a.IsPrivate() || a.Is4() && a.As4()[0] == 100 && a.As4()[1]&0xc0 == 64: // RFC 6598
		return 2
	}
	return 3
}
