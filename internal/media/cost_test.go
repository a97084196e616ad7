package media_test

import (
	"errors"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/internal/media"
	"tollgate/internal/media/srtp"
)

// files is how many descriptors the process has open.
func files(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestNothingLeaks: 100,000 calls, with two streams each, come and go.
func TestNothingLeaks(t *testing.T) {
	r := newRig(t, func(c *media.Config) { c.Quarantine = time.Nanosecond })
	p := media.Party{RTP: netip.MustParseAddrPort("127.0.0.1:9"), Sends: true, Receives: true, RTPStream: true}
	cycle := func() {
		id := r.open(1)
		r.stream(id, 0, media.Caller)
		r.stream(id, 0, media.Callee)
		r.Party(id, 0, media.Caller, p)
		r.Party(id, 0, media.Callee, p)
		r.clock.advance(time.Millisecond)
		r.Shut(id)
	}
	for range 1000 {
		cycle()
	}
	open, used := files(t), heap()
	for range 99_000 {
		cycle()
	}
	if n := files(t); n != open {
		t.Errorf("%d files open, %d before", n, open)
	}
	if now := heap(); now > used+64<<10 {
		t.Errorf("%d bytes in use, %d before", now, used)
	}
	if s := r.Stats(); s.Sessions != 0 || s.Streams != 0 || s.PortsUsed != 0 || s.PortsFree < 490 {
		t.Errorf("stats: %+v", s)
	}
}

// What a session with one stream may hold, in bytes: without SRTP, and with it on both sides. 0.4 KB
// come with the first packets, and the signalling of a bridged call takes 7.5 KB: both at most 16 KiB.
const (
	plainSession  = 4 << 10
	secureSession = 8 << 10
)

func TestMemory(t *testing.T) {
	t.Run("plain", func(t *testing.T) { holdsAtMost(t, srtp.None, plainSession) })
	for suite := srtp.AESCM128HMACSHA180; suite <= srtp.AEADAES256GCM; suite++ {
		t.Run(suite.String(), func(t *testing.T) { holdsAtMost(t, suite, secureSession) })
	}
}

func holdsAtMost(t *testing.T, suite srtp.Suite, most uint64) {
	const calls = 400
	r := newRig(t, func(c *media.Config) { c.First, c.Last = 32000, 34000 })
	r.open(1)
	before := heap()
	for range calls {
		id := r.open(1)
		for _, side := range []media.Side{media.Caller, media.Callee} {
			r.stream(id, 0, side)
			p := media.Party{RTP: netip.MustParseAddrPort("127.0.0.1:9"), Sends: true, Receives: true, RTPStream: true}
			if suite != srtp.None {
				p = newSecured(suite).party(p)
			}
			r.Party(id, 0, side, p)
		}
	}
	per := (heap() - before) / calls
	if t.Logf("%d bytes a session", per); per > most {
		t.Errorf("%d bytes a session, at most %d", per, most)
	}
}

func TestNoAllocationForAPacket(t *testing.T) {
	for name, suite := range map[string]srtp.Suite{"plain": srtp.None, "SRTP": srtp.AESCM128HMACSHA180} {
		t.Run(name, func(t *testing.T) {
			seal := func(b []byte) []byte { return b }
			c := newRig(t, nil).call(func(p *[2]media.Party) {
				if suite != srtp.None {
					end := newSecured(suite)
					p[0], p[1].Out = end.party(p[0]), end.out
					seal = func(b []byte) []byte { return end.seal(t, b, false) }
				}
			})
			const runs = 1000
			got, to := make([]byte, 256), c.ports[0]
			var packets [][]byte
			for range runs + 1 {
				packets = append(packets, seal(c.phones[0].rtp(0, "on")))
			}
			i := -1
			n := testing.AllocsPerRun(runs, func() {
				i++
				if _, err := c.phones[0].conn.WriteToUDPAddrPort(packets[i], to); err != nil {
					t.Error(err)
				}
				if _, _, err := c.phones[1].conn.ReadFromUDPAddrPort(got); err != nil {
					t.Error(err)
				}
			})
			if n != 0 {
				t.Errorf("%v allocations a packet", n)
			}
		})
	}
}

// spent is the CPU time of this process, or of this thread, in ns.
func spent(who int) int64 {
	var u unix.Rusage
	_ = unix.Getrusage(who, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

// TestFilesRunOut: no descriptors left is told apart from no ports, and leaves nothing open.
func TestFilesRunOut(t *testing.T) {
	r := newRig(t, nil)
	id := r.open(1)
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	open := files(t)
	few := before
	few.Cur = 0 // what is open stays so
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	_, err := r.Stream(id, 0, media.Caller, here)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, media.ErrFiles) || errors.Is(err, media.ErrNoPorts) {
		t.Errorf("without descriptors: %v", err)
	}
	if n := files(t); n != open || r.Stats().PortsUsed != 0 {
		t.Errorf("%d files open, %d before; %d ports in use", n, open, r.Stats().PortsUsed)
	}
	if _, err := r.Stream(id, 0, media.Caller, here); err != nil {
		t.Errorf("with descriptors again: %v", err)
	}
}

func TestClosed(t *testing.T) {
	r := newRig(t, nil)
	open := files(t)
	c := r.call(nil)
	r.Close()
	r.Close()
	r.Shut(c.id)
	if _, err := r.Open(1, false); !errors.Is(err, media.ErrClosed) {
		t.Errorf("opened: %v", err)
	}
	if _, err := r.Stream(c.id, 1, media.Caller, here); !errors.Is(err, media.ErrGone) {
		t.Errorf("a stream: %v", err)
	}
	if n := files(t); n >= open+2 { // the phones are left; the loop's two are gone
		t.Errorf("%d files open, %d before", n, open)
	}
}
