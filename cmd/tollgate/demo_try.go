package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"tollgate/internal/ua"
)

// try prints what to do next in another terminal, as it has to be typed.
func (d *demo) try(w io.Writer, key string) {
	sip := d.node.SIP.Listen[0].Addr
	program, port := typed(), ""
	if sip.Port() != 5060 {
		port = fmt.Sprintf(":%d", sip.Port())
	}
	where := ""
	if d.node.DataDir != demoFolder(d.p.environ) {
		where = fmt.Sprintf("TOLLGATE_DATA_DIR=%s ", d.node.DataDir)
	}
	fmt.Fprintf(w, "Try, in another terminal:\n\n")
	fmt.Fprintf(w, "  sipp -sn uac 127.0.0.1%s -m 10        # Debian: apt-get install sip-tester\n", port)
	for _, line := range []string{
		"probe sip:100@127.0.0.1     # a call, and its ladder with times",
		"calls                       # what is up now",
		"destinations                # and how they do",
		"explain --from sip:me@there.example --to sip:100@demo.example --source 192.0.2.1:5060",
	} {
		fmt.Fprintf(w, "  %s%s %s\n", where, program, line)
	}
	fmt.Fprintf(w, "  curl -H 'Authorization: Bearer %s' http://%s/api/v1/calls\n\n", key, d.node.HTTP.Listen)
	fmt.Fprintf(w, "Numbers of the PBX, also for a softphone without registration:\n\n")
	for _, e := range ua.Extensions() {
		user := e.User
		if user == "" {
			user = "any other"
		}
		fmt.Fprintf(w, "  %-10s %s\n", user, e.What)
	}
}

// pbxAddress has an address of its own, so that callers at 127.0.0.1 are not taken for the PBX.
func pbxAddress() netip.AddrPort {
	a := netip.MustParseAddr("127.0.0.2")
	if at := netip.AddrPortFrom(a, 5060); udpFree(at) && tcpFree(at) {
		return at
	}
	return netip.AddrPortFrom(a, 0)
}

// freePort gives the usual port if it is free, else one that is.
func freePort(usual uint16, free func(uint16) bool) (uint16, error) {
	if free(usual) {
		return usual, nil
	}
	for range 100 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, fmt.Errorf("a free port: %w", err)
		}
		port := uint16(ln.Addr().(*net.TCPAddr).Port)
		if ln.Close() == nil && free(port) {
			return port, nil
		}
	}
	return 0, errors.New("no port is free on 127.0.0.1")
}

func sipFree(hosts []netip.Addr, port uint16) bool {
	for _, h := range hosts {
		if at := netip.AddrPortFrom(h, port); !udpFree(at) || !tcpFree(at) {
			return false
		}
	}
	return true
}

func udpFree(at netip.AddrPort) bool {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	return err == nil && c.Close() == nil
}

func tcpFree(at netip.AddrPort) bool {
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	return err == nil && ln.Close() == nil
}
