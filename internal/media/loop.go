package media

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tollgate/internal/media/srtp"
)

const (
	batch = 128
	// maxDatagram is the longest that is relayed; media fits into what a link carries.
	maxDatagram = 4096
	// sliceEvery is how often a loop looks after a part of its sessions; after slices of them all
	// of its sessions had their turn, once a second.
	sliceEvery = 50 * time.Millisecond
	slices     = 20
	idleWait   = 500 // milliseconds
)

// loop is one thread that serves sockets. All but the counters is its own.
type loop struct {
	engine   *Engine
	epoll    int
	wake     int // an eventfd that ends the loop
	sessions atomic.Int32
	packets  atomic.Uint64 // passed on
	octets   atomic.Uint64
	dropped  [causes]atomic.Uint64

	events [batch]unix.EpollEvent
	buf    [maxDatagram]byte
	plain  [maxDatagram + 64]byte // what was opened
	sealed [maxDatagram + 64]byte // what is closed again
	room   srtp.Room
	slice  int
	next   int64 // when the next slice is due
	seen   int   // events since the last slice
	budget int64 // ns from one pause's end to the next one's; 0: too little comes for pauses
	woke   int64 // when the last wait ended
	pause  unix.Timespec
}

func newLoop(e *Engine) (*loop, error) {
	l := &loop{engine: e}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fileError(err)
	}
	if l.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(l.epoll)
		return nil, fileError(err)
	}
	if err = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, l.wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1, Pad: 0}); err != nil {
		l.close()
	}
	return l, err
}

func (l *loop) close() {
	_ = unix.Close(l.wake)
	_ = unix.Close(l.epoll)
}

// stop has run return.
func (l *loop) stop() {
	one := [8]byte{1}
	_, _ = unix.Write(l.wake, one[:])
}

// watch has the loop serve a socket from now on; closing it ends that.
func (l *loop) watch(s socket, w where, gen uint32) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(w), Pad: int32(gen)}
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, s.num(), &ev)
}

// unwatch ends what watch began; the socket stays open.
func (l *loop) unwatch(s socket) error {
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, s.num(), nil)
}

// run serves until stop. Each round looks without waiting first: what came meanwhile is served
// without a wake-up for each packet.
func (l *loop) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		n := l.look()
		if n == 0 {
			n = l.wait()
		}
		now := l.engine.now()
		for i := range l.events[:n] {
			ev := &l.events[i]
			if ev.Fd == -1 && ev.Pad == 0 {
				return
			}
			l.serve(where(uint32(ev.Fd)), uint32(ev.Pad), now)
		}
		l.seen += n
		if now >= l.next {
			l.lookAfter(now)
		}
	}
}

// look takes what is there.
func (l *loop) look() int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events)), batch, 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// wait sleeps until something comes or the next slice is due. Where much comes it pauses first, so
// that several packets share one wake-up. The time that was worked since the last pause is taken
// off it: so no packet waits longer where each is more work.
func (l *loop) wait() int {
	if l.budget != 0 {
		if l.pause.Nsec = l.budget - (l.engine.now() - l.woke); l.pause.Nsec >= int64(leastPause) {
			_ = unix.Nanosleep(&l.pause, nil)
		}
		l.woke = l.engine.now()
		if n := l.look(); n > 0 {
			return n
		}
	}
	timeout := idleWait
	if l.sessions.Load() > 0 {
		timeout = int(sliceEvery / time.Millisecond)
	}
	n, err := unix.EpollWait(l.epoll, l.events[:], timeout)
	if l.budget != 0 {
		l.woke = l.engine.now()
	}
	if err != nil {
		return 0
	}
	return n
}

const (
	// coalesce is the pause with the work before it, and coalesceFrom how many packets a second make
	// it worth while: two in a pause. A sleep shorter than leastPause is not worth its wake-up.
	coalesce     = 700 * time.Microsecond
	coalesceFrom = 5000
	leastPause   = 50 * time.Microsecond
)

// lookAfter does what is due by time for a part of the sessions; for all of them where it has
// not been called for a second.
func (l *loop) lookAfter(now int64) {
	l.budget = 0
	if int64(l.seen)*int64(time.Second) >= coalesceFrom*(now-l.next+int64(sliceEvery)) {
		l.budget = int64(coalesce)
	}
	l.seen = 0
	for n := 0; n < slices && l.next <= now; n++ {
		l.next += int64(sliceEvery)
		end := l.engine.table.next.Load()
		for slot := uint32(l.slice); slot < end; slot += slices {
			l.sweep(l.engine.table.at(slot), now)
		}
		l.slice = (l.slice + 1) % slices
	}
	l.next = max(l.next, now)
}

func (l *loop) drop(c Cause) { l.dropped[c].Add(1) }
