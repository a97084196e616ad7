// Command floor is the bare forwarder that every other figure of the benchmark
// is held against: it reads a datagram and writes it to the other side.
//
// It knows of SIP only where the other side is: a request goes to the one
// answering side, a response to the sent-by of its top Via, since 500 callers
// share the socket. It checks nothing, keeps nothing and changes no byte. The
// answering side needs to send its answers to where the request came from, as
// SIPp does.
//
// It is meant to be at its best, so it has several ways to read: blocking calls
// on a thread of its own (-io raw, the floor), package net's (-io net), which a
// Go program gets without any effort and which costs about the same, and
// blocking calls that the Go scheduler does not know of (-io kernel). The last
// is the kernel's share alone: no program that collects garbage can read so.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:5060", "where callers send to")
	answer := flag.String("answer", "127.0.0.1:5070", "where calls go")
	probe := flag.String("probe", "", "where calls to sip:probe@ go; empty: to -answer as well")
	io := flag.String("io", "raw", "raw: blocking calls on one thread; net: package net; kernel: raw, unseen by the scheduler")
	flag.Parse()

	if *probe == "" {
		*probe = *answer
	}
	f := forwarder{}
	var addr netip.AddrPort
	for _, a := range []struct {
		text string
		into *netip.AddrPort
	}{{*listen, &addr}, {*answer, &f.answer}, {*probe, &f.probe}} {
		var err error
		if *a.into, err = netip.ParseAddrPort(a.text); err != nil {
			return fmt.Errorf("address %q: %w", a.text, err)
		}
	}
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	// Four megabytes, as every peer asks for: a pause of the machine is not a lost call.
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		return fmt.Errorf("read buffer: %w", err)
	}
	switch *io {
	case "raw":
		return f.serveRaw(conn, receive)
	case "kernel":
		debug.SetGCPercent(-1) // also switches the collection every two minutes off
		return f.serveRaw(conn, receiveUnseen)
	case "net":
		return f.serveNet(conn)
	}
	return fmt.Errorf("-io %q: raw, net or kernel", *io)
}

// forwarder knows the two answering sides; callers are found in the Vias.
type forwarder struct {
	answer, probe netip.AddrPort
}

// serveNet forwards through package net until the socket breaks.
func (f *forwarder) serveNet(conn *net.UDPConn) error {
	buf := make([]byte, 65536)
	for {
		n, _, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			continue // an ICMP answer to an earlier datagram
		}
		to, ok := f.otherSide(buf[:n])
		if !ok {
			continue
		}
		// A full socket buffer loses a datagram, as a wire would.
		_, _ = conn.WriteToUDPAddrPort(buf[:n], to)
	}
}

var (
	statusLine = []byte("SIP/2.0 ")
	viaUDP     = []byte("SIP/2.0/UDP ")
	probeURI   = []byte(" sip:probe@")
)

// otherSide tells where a datagram goes; ok is false for what is not SIP.
func (f *forwarder) otherSide(b []byte) (to netip.AddrPort, ok bool) {
	if bytes.HasPrefix(b, statusLine) {
		return topVia(b)
	}
	if sp := bytes.IndexByte(b, ' '); sp >= 0 && bytes.HasPrefix(b[sp:], probeURI) {
		return f.probe, true
	}
	return f.answer, true
}

// topVia reads the IPv4 address and port of the first Via's sent-by.
func topVia(b []byte) (netip.AddrPort, bool) {
	at := bytes.Index(b, viaUDP)
	if at < 0 {
		return netip.AddrPort{}, false
	}
	b = b[at+len(viaUDP):]
	var field [5]uint32 // four octets and the port
	i := 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			field[i] = field[i]*10 + uint32(c-'0')
		case (c == '.' && i < 3) || (c == ':' && i == 3):
			i++
		default:
			ip := netip.AddrFrom4([4]byte{byte(field[0]), byte(field[1]), byte(field[2]), byte(field[3])})
			return netip.AddrPortFrom(ip, uint16(field[4])), i == 4
		}
	}
	return netip.AddrPort{}, false
}
