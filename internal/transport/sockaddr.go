package transport

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawAddr has room for a sockaddr_in and a sockaddr_in6, in the kernel's layout.
type rawAddr = unix.RawSockaddrInet6

// putAddr writes a into sa for a socket of that family, IPv4 mapped where the
// socket is IPv6, and gives its length; 0 where the families do not fit. It
// allocates nothing.
func putAddr(sa *rawAddr, a netip.AddrPort, ipv6 bool) uint32 {
	addr := a.Addr()
	port := (*[2]byte)(unsafe.Pointer(&sa.Port))
	binary.BigEndian.PutUint16(port[:], a.Port())
	if !ipv6 {
		if !addr.Is4() {
			return 0
		}
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		in.Family, in.Addr = unix.AF_INET, addr.As4()
		return unix.SizeofSockaddrInet4
	}
	if !addr.IsValid() {
		return 0
	}
	sa.Family, sa.Addr, sa.Scope_id = unix.AF_INET6, addr.As16(), zoneID(addr)
	return unix.SizeofSockaddrInet6
}

// getAddr reads what the kernel wrote. It allocates for link-local peers only.
func getAddr(sa *rawAddr) netip.AddrPort {
	port := (*[2]byte)(unsafe.Pointer(&sa.Port))
	p := binary.BigEndian.Uint16(port[:])
	switch sa.Family {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(sa)).Addr), p)
	case unix.AF_INET6:
		return netip.AddrPortFrom(withZone(netip.AddrFrom16(sa.Addr).Unmap(), sa.Scope_id), p)
	}
	return netip.AddrPort{}
}

// zoneID and withZone keep a link-local address's interface by its number, so
// that no name has to be looked up.
func zoneID(a netip.Addr) uint32 {
	if a.Zone() == "" {
		return 0
	}
	if n, err := strconv.ParseUint(a.Zone(), 10, 32); err == nil {
		return uint32(n)
	}
	return interfaceIndex(a.Zone())
}

func withZone(a netip.Addr, id uint32) netip.Addr {
	if id == 0 || !a.IsLinkLocalUnicast() || !a.Is6() {
		return a
	}
	return a.WithZone(strconv.FormatUint(uint64(id), 10))
}

// sockaddr is for calls off the hot path.
func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: zoneID(a.Addr())}
}

func fromSockaddr(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(withZone(netip.AddrFrom16(sa.Addr).Unmap(), sa.ZoneId), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// pktinfo is a control message with the local address of a datagram: IP_PKTINFO
// on IPv4 sockets, IPV6_PKTINFO on IPv6 ones, where IPv4 is mapped (ip(7), RFC
// 3542 6.2).
//
//	| cmsghdr 16 | in_pktinfo  {ifindex 4, spec_dst 4, addr 4} 12 | pad 4 |
//	| cmsghdr 16 | in6_pktinfo {addr 16, ifindex 4}            20 | pad 4 |
type pktinfo struct {
	hdr  unix.Cmsghdr
	data [24]byte
}

const (
	pktinfo4Len = unix.SizeofCmsghdr + unix.SizeofInet4Pktinfo
	pktinfo6Len = unix.SizeofCmsghdr + unix.SizeofInet6Pktinfo
)

// put makes p say that a datagram leaves from a, and gives the length of the
// control data; 0 where the kernel is to choose.
func (p *pktinfo) put(a netip.Addr, ipv6 bool) uint64 {
	if !a.IsValid() || a.IsUnspecified() {
		return 0
	}
	if !ipv6 {
		if !a.Is4() {
			return 0
		}
		p.hdr = unix.Cmsghdr{Len: pktinfo4Len, Level: unix.IPPROTO_IP, Type: unix.IP_PKTINFO}
		v4 := a.As4()
		copy(p.data[4:8], v4[:])
		return unix.SizeofCmsghdr + 16
	}
	p.hdr = unix.Cmsghdr{Len: pktinfo6Len, Level: unix.IPPROTO_IPV6, Type: unix.IPV6_PKTINFO}
	v6 := a.As16()
	copy(p.data[:16], v6[:])
	if a.IsLinkLocalUnicast() {
		binary.NativeEndian.PutUint32(p.data[16:20], zoneID(a))
	}
	return unix.SizeofCmsghdr + 24
}

// get reads the address that a datagram was sent to, as one that it can be
// answered from; not valid where there is none, as for multicast.
func (p *pktinfo) get(n uint64) netip.Addr {
	var a netip.Addr
	switch {
	case n >= pktinfo4Len && p.hdr.Level == unix.IPPROTO_IP && p.hdr.Type == unix.IP_PKTINFO:
		a = netip.AddrFrom4([4]byte(p.data[4:8]))
	case n >= pktinfo6Len && p.hdr.Level == unix.IPPROTO_IPV6 && p.hdr.Type == unix.IPV6_PKTINFO:
		a = withZone(netip.AddrFrom16([16]byte(p.data[:16])).Unmap(), binary.NativeEndian.Uint32(p.data[16:20]))
	}
	if a.IsMulticast() {
		return netip.Addr{}
	}
	return a
}

// control is the control data of a received datagram: the time of arrival, then on
// wildcard sockets the local address.
//
//	| cmsghdr 16 | timespec 16 | pktinfo 40 |
type control [(stampBytes + unix.SizeofCmsghdr + 24) / 8]uint64

// stampBytes is what the time of arrival takes.
const stampBytes = unix.SizeofCmsghdr + 16

// local is the address that a datagram was sent to, by its first n bytes of control data.
func (c *control) local(n uint64) netip.Addr {
	if n < stampBytes {
		return netip.Addr{}
	}
	return (*pktinfo)(unsafe.Pointer(&c[stampBytes/8])).get(n - stampBytes)
}

// stamp is when a datagram came to this machine, by its first n bytes of control data;
// now where they do not say.
func (c *control) stamp(n uint64, now time.Time) time.Time {
	h := (*unix.Cmsghdr)(unsafe.Pointer(c))
	if n < stampBytes || h.Level != unix.SOL_SOCKET || h.Type != unix.SCM_TIMESTAMPNS {
		return now
	}
	age := time.Duration(now.UnixNano() - int64(c[2])*int64(time.Second) - int64(c[3]))
	if age < 0 || age > time.Minute { // somebody has set the clock
		return now
	}
	return now.Add(-age)
}
