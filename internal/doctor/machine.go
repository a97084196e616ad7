package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/internal/kernel"
	"tollgate/internal/transport"
)

// askFor is how long a destination may take to answer, lookFor a name to be looked up.
const (
	askFor  = 2 * time.Second
	lookFor = 5 * time.Second
)

// Machine is the machine that this runs on; the rest of a System is for the caller to fill
// in. The resolver is the one that the node uses.
func Machine(resolver *transport.Resolver) *System {
	return &System{
		Files: os.DirFS("/"), Now: time.Now(),
		Own: own, Source: Source, Synchronised: synchronised, Folder: folder, Ask: ask, Filter: kernel.Probe,
		Resolve: func(ctx context.Context, host string) ([]netip.Addr, error) { return resolve(ctx, resolver, host) },
	}
}

func own() ([]netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var out []netip.Addr
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				out = append(out, ip.Unmap())
			}
		}
	}
	return out, nil
}

// Source asks the kernel for the address from which it would send to another; nothing is sent.
func Source(to netip.Addr) (netip.Addr, bool) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 9)))
	if err != nil {
		return netip.Addr{}, false
	}
	defer c.Close()
	at, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	return at.AddrPort().Addr().Unmap(), true
}

func resolve(ctx context.Context, r *transport.Resolver, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	type answer struct {
		hops []transport.Hop
		err  error
	}
	got := make(chan answer, 1)
	r.Resolve(transport.Target{Host: host}, func(hops []transport.Hop, err error) { got <- answer{hops, err} })
	select {
	case a := <-got:
		var list []netip.Addr
		for _, h := range a.hops {
			list = append(list, h.Addr.Addr())
		}
		return list, a.err
	case <-ctx.Done():
		return nil, transport.ErrNoDNS
	}
}

// synchronised asks the kernel (adjtimex(2)).
func synchronised() (bool, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, err
}

func folder(path string) (f Folder, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return f, err
	}
	f.Exists = true
	for f.Path = path; ; f.Path = filepath.Dir(f.Path) {
		info, err := os.Stat(f.Path)
		if err == nil {
			f.Mode, f.IsDir = info.Mode(), info.IsDir()
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || f.Path == filepath.Dir(f.Path) {
			return f, err
		}
		f.Exists = false
	}
	f.Writable = unix.Faccessat(unix.AT_FDCWD, f.Path, unix.W_OK|unix.X_OK, unix.AT_EACCESS) == nil
	var st unix.Statfs_t
	if err := unix.Statfs(f.Path, &st); err != nil {
		return f, fmt.Errorf("statfs %s: %w", f.Path, err)
	}
	f.Free = st.Bavail * uint64(st.Bsize)
	return f, nil
}

// ask sends one OPTIONS over UDP and waits for any answer, or connects over TCP. From another
// port than the node's own, so that a PBX that knows only that one may stay silent.
func ask(ctx context.Context, proto string, to netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	var d net.Dialer
	network := "udp"
	if proto != "udp" {
		network = "tcp"
	}
	c, err := d.DialContext(ctx, network, to.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if network == "tcp" {
		return nil
	}
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := c.Write(options(c.LocalAddr().String(), to)); err != nil {
		return err
	}
	answer := make([]byte, 64<<10)
	n, err := c.Read(answer)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("no answer to OPTIONS")
	case err != nil:
		return err
	case n < 8 || string(answer[:8]) != "SIP/2.0 ":
		return errors.New("what answers does not speak SIP")
	}
	return nil
}

// options is a request that every SIP endpoint answers (RFC 3261 11).
func options(local string, to netip.AddrPort) []byte {
	id := rand.Text()
	return fmt.Appendf(nil, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:doctor@%s>;tag=%s\r\nTo: <sip:%s>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContact: <sip:doctor@%s>\r\nContent-Length: 0\r\n\r\n",
		to, local, id, local, id[:8], to, id, local)
}
