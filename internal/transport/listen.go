package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// listener is a bound Listener with its sockets: udp or tcp is set.
type listener struct {
	Listener
	dual       bool       // bound to [::], takes IPv4 too
	host       string     // what Advertised says; "" for a wildcard without advertise
	advertises netip.Addr // AdvertiseHost where it is an address; else invalid
	udp        *udpGroup
	tcp        net.Listener
}

func (l *listener) wildcard() bool { return l.Addr.Addr().IsUnspecified() }

// takes says whether the listener's sockets can reach an address of that family.
func (l *listener) takes(a netip.Addr) bool {
	return l.Addr.Addr().Is4() == a.Is4() || l.dual && a.Is4()
}

// stop makes the listener's goroutines return.
func (l *listener) stop() {
	if l.udp != nil {
		l.udp.stop()
	}
	if l.tcp != nil {
		l.tcp.Close() // nothing can be done about it
	}
}

// close frees the sockets once those goroutines are gone.
func (l *listener) close() {
	if l.udp != nil {
		l.udp.close()
	}
	if l.tcp != nil {
		l.tcp.Close() // a second time does nothing
	}
}

// listen binds everything that is configured.
func (t *Transport) listen() error {
	for i, c := range t.cfg.Listen {
		if i > 0xffff {
			return errors.New("more than 65536 listeners")
		}
		l, err := t.listenOne(uint16(i), c)
		if err != nil {
			return bindError(c, err)
		}
		t.listeners = append(t.listeners, l)
	}
	for _, l := range t.listeners {
		if l.Proto == TLS {
			var err error
			t.certs, err = newCertificates(t.cfg.Certificates, t.listeners, t.log)
			return err
		}
	}
	return nil
}

func (t *Transport) listenOne(index uint16, c ListenerConfig) (*listener, error) {
	l := &listener{Listener: Listener{Index: index, Proto: c.Proto, Network: c.Network}}
	c.Addr = unmapped(c.Addr)
	if id := zoneID(c.Addr.Addr()); id != 0 { // by number, as addresses from the kernel have it
		c.Addr = netip.AddrPortFrom(withZone(c.Addr.Addr(), id), c.Addr.Port())
	}
	if !c.Addr.IsValid() || !c.Proto.known() {
		return nil, errors.New("a listener needs a protocol, an address and a port")
	}
	l.dual = c.Addr.Addr() == netip.IPv6Unspecified() && !t.alsoOnIPv4(c)
	var err error
	if c.Proto == UDP {
		if l.udp, l.Addr, err = openUDP(index, c.Addr, l.dual, t.cfg.Readers); err != nil {
			return nil, err
		}
	} else if l.tcp, err = openTCP(t.ctx, c.Addr, l.dual); err != nil {
		return nil, err
	} else {
		l.Addr = unmapped(l.tcp.Addr().(*net.TCPAddr).AddrPort())
		l.Addr = netip.AddrPortFrom(c.Addr.Addr(), l.Addr.Port())
	}
	l.AdvertiseHost, l.AdvertisePort, err = advertised(c.Advertise, l.Addr.Port())
	if err != nil {
		l.close()
		return nil, err
	}
	switch {
	case l.AdvertiseHost != "":
		l.host = l.AdvertiseHost
		if a, err := netip.ParseAddr(strings.Trim(l.host, "[]")); err == nil {
			l.advertises = a
		}
	case !l.wildcard():
		l.host = hostText(l.Addr.Addr())
	}
	return l, nil
}

// alsoOnIPv4 says whether an IPv4 wildcard of the same protocol and port stands
// beside an IPv6 one, which then must not take IPv4 as well. TLS and TCP share
// their ports.
func (t *Transport) alsoOnIPv4(v6 ListenerConfig) bool {
	for _, c := range t.cfg.Listen {
		if (c.Proto == UDP) == (v6.Proto == UDP) && c.Addr.Port() == v6.Addr.Port() && c.Addr.Addr().Unmap() == netip.IPv4Unspecified() {
			return true
		}
	}
	return false
}

func openTCP(ctx context.Context, a netip.AddrPort, dual bool) (net.Listener, error) {
	network := "tcp4"
	if a.Addr().Is6() {
		network = "tcp6"
	}
	lc := net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, c syscall.RawConn) error {
		if !dual {
			return nil
		}
		var err error
		if e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0) }); e != nil {
			return e
		}
		return err
	}}
	return lc.Listen(ctx, network, a.String())
}

// advertised splits "host", "host:port", "[v6]:port" and bare IPv6.
func advertised(s string, bound uint16) (host string, port uint16, err error) {
	if s == "" {
		return "", bound, nil
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return hostText(a.Unmap()), bound, nil
	}
	host, p, found := strings.Cut(s, ":")
	if strings.HasPrefix(s, "[") {
		host, p, found = strings.Cut(s, "]:")
		host += "]"
	}
	if !found {
		return host, bound, nil
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil || n == 0 || host == "" {
		return "", 0, fmt.Errorf("advertise %q: want a host or an address, with :port where it is another", s)
	}
	return host, uint16(n), nil
}

// hostText is an address as a header has it.
func hostText(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.WithZone("").String() + "]"
	}
	return a.String()
}

// bindError says in one sentence what is wrong and what to do.
func bindError(c ListenerConfig, err error) error {
	at := fmt.Sprintf("listen on %s://%s", c.Proto, c.Addr)
	flag := "-tlnp"
	if c.Proto == UDP {
		flag = "-ulnp"
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: the port is taken by another program (`ss %s 'sport = :%d'` shows which): stop it or choose another port: %w", at, flag, c.Addr.Port(), syscall.EADDRINUSE)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: no interface of this machine has the address (`ip addr` shows those that it has): %w", at, syscall.EADDRNOTAVAIL)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%s: ports below 1024 need root or the capability CAP_NET_BIND_SERVICE: %w", at, err)
	}
	return fmt.Errorf("%s: %w", at, err)
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
