package transport

import (
	"encoding/binary"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/internal/overload"
)

const (
	// lateBuffer is what a socket for late requests asks the kernel for, in bytes: what
	// comes while a process with a share of a core has to pause, at the rate that can be sorted. What
	// does not fit is lost to everybody alike, which no fair share makes good.
	lateBuffer = 4 << 20
	// drainBatches is how many batches are sorted before requests are served again: a flood must not
	// make us do nothing but sort, yet what is not sorted in time is lost before anybody knows whose it is.
	drainBatches = 32
	// serveAtOnce is how many requests are served between two looks at the sockets. Their
	// answers come as one batch then.
	serveAtOnce = 8
	// pause is for how long a reader leaves the CPU to others that are behind.
	pause = time.Millisecond
	// patience is how long calls that are up may hold up new ones altogether: they could
	// be a flood themselves.
	patience = 50 * time.Millisecond
	// lookUp is how often a reader to which nothing comes looks whether its group is split.
	lookUp = time.Second
	// leftovers is for how long datagrams can still come to a late socket after the split.
	leftovers = 20 * time.Millisecond
)

// udpLate is what a reader does while its group is split. Requests that may wait come to
// a socket of their own. The reader sorts them, and those of the first socket, into queues, and serves one after the other
// while no answers wait in the first sockets: what belongs to calls that are up comes first,
// and carrying a call on never needs more than setting it up took. Thus what is begun is
// finished, whatever the load.
type udpLate struct {
	r       *udpReader
	socket  int
	batch   *udpBatch // nil until it is needed
	queue   *overload.Queue[Flow]
	poll    [2]unix.PollFd // the first socket, the late one
	empty   [2]bool        // of them, those that the last wait found empty
	waiting time.Time      // since when new requests are held up; zero: they are not
	look    overload.Look  // at the datagram at hand
	thin    thinning
}

func newUDPLate(r *udpReader, socket int) *udpLate {
	return &udpLate{
		r: r, socket: socket, thin: thinning{fd: socket, emergency: r.t.cfg.Emergency},
		poll: [2]unix.PollFd{{Fd: int32(r.first.socket), Events: unix.POLLIN}, {Fd: int32(socket), Events: unix.POLLIN}},
	}
}

// open takes the memory that only a split needs.
func (d *udpLate) open() {
	if d.batch == nil {
		d.batch = newUDPBatch(d.socket, d.r.group.wildcard)
		d.queue = overload.NewQueue[Flow]()
	}
}

// run reads both sockets until the group is split no longer, and the late one is empty.
func (d *udpLate) run() {
	d.open()
	g, yielded := d.r.group, time.Now()
	split := yielded // when the group was last seen to be
	for !g.stopping.Load() {
		now := time.Now()
		if now.Sub(yielded) > yieldEvery {
			yielded = now
			runtime.Gosched()
		}
		d.round(now)
		if d.queue.Len() > 0 {
			d.empty = [2]bool{}
			continue
		}
		g.relax(d.r.t, now)
		most := leftovers
		if g.steering.split.Load() {
			split, most = now, lookUp
		} else if now.Sub(split) > leftovers {
			d.r.behind.Store(false)
			return
		}
		d.wait(most)
	}
}

// round serves what comes first, sorts what is late, and serves some of that.
func (d *udpLate) round(now time.Time) {
	full := d.urgent(now)
	d.r.behind.Store(full)
	if full && !d.impatient(now) {
		return
	}
	late := d.take()
	for i := 1; late == batchSize && i < drainBatches; i++ {
		late = d.take()
	}
	if d.thin.turn(now) || late == batchSize {
		d.r.group.alarm.behind(now)
	}
	if d.othersBehind() && !d.impatient(now) {
		d.serve(true)
		d.pause()
		return
	}
	d.waiting = time.Time{}
	d.serve(false)
}

// urgent takes a batch of the first socket, and more while they are full of requests; it says that there
// are more answers than a batch has room for.
func (d *udpLate) urgent(now time.Time) (full bool) {
	for range drainBatches {
		if d.empty[0] {
			return false
		}
		n, errno := d.r.first.receive(unix.MSG_DONTWAIT)
		if errno != 0 {
			d.r.failed(errno)
			return false
		}
		served := d.deliver(n, now)
		if full = n == batchSize && served > batchSize/2; full || n < batchSize {
			return full
		}
	}
	return false
}

// deliver hands up the answers and ACKs of a batch of the first socket, and gives their number. Requests are sorted: who
// says that he ends a call may have none, and where he has one he is to leave room for others.
func (d *udpLate) deliver(n int, now time.Time) (served int) {
	d.open()
	first := d.r.first
	for i := range n {
		if f, data, ok := first.datagram(d.r.l, i); ok && d.sort(f, data, first.arrived(i, now), now, false) {
			served++
		}
	}
	first.arm(n)
	return served
}

// othersBehind says that some other reader of any listener has its hands full.
func (d *udpLate) othersBehind() bool {
	for _, l := range d.r.t.listeners {
		if l.udp == nil {
			continue
		}
		for i := range l.udp.behind {
			if b := &l.udp.behind[i]; b != d.r.behind && b.Load() {
				return true
			}
		}
	}
	return false
}

// impatient says that new requests were held up for long enough.
func (d *udpLate) impatient(now time.Time) bool {
	if d.waiting.IsZero() {
		d.waiting = now
	}
	return now.Sub(d.waiting) > patience
}

// wait waits until one of the sockets has something.
func (d *udpLate) wait(most time.Duration) {
	d.poll[0].Revents, d.poll[1].Revents = 0, 0
	n, err := unix.Poll(d.poll[:], int(most/time.Millisecond))
	for i := range d.poll {
		d.empty[i] = err == nil && n > 0 && d.poll[i].Revents == 0
	}
}

// pause waits a little, or until there is something in the first socket.
func (d *udpLate) pause() {
	_, _ = unix.Poll(d.poll[:1], int(pause/time.Millisecond)) // the next round sees what there is
}

// take sorts a batch of the late socket, and gives its size.
func (d *udpLate) take() int {
	if d.empty[1] {
		return 0
	}
	n, errno := d.batch.receive(unix.MSG_DONTWAIT)
	if errno != 0 {
		d.r.failed(errno)
		return 0
	}
	now := time.Now()
	for i := range n {
		if f, data, ok := d.batch.datagram(d.r.l, i); ok {
			d.sort(f, data, d.batch.arrived(i, now), now, true)
		}
	}
	d.batch.arm(n)
	return n
}

// sort gives one datagram, which arrived then, its place; true: it needs none, and is served. Only those of the late
// socket tell how many come now.
func (d *udpLate) sort(f Flow, data []byte, at, now time.Time, late bool) (served bool) {
	t, look := d.r.t, &d.look
	var ok bool
	if *look, ok = overload.Read(data); !ok || look.Method == overload.ACK {
		t.handler.Receive(f, data) // what comes of nothing, or is none at all, costs no more than its place would
		return true
	}
	rank := t.cfg.Rank(f, look)
	if rank.Drop {
		return false
	}
	if look.InDialog {
		at = now // a call is to end, however late
	}
	if rank.Class != overload.Urgent && now.Sub(at) > overload.MaxAge {
		t.shed.count(overload.Classes)
		return false
	}
	kept := d.queue.Push(rank, data, at, f)
	if late {
		d.thin.note(&rank, look, &f, kept)
	}
	if !kept {
		t.shed.count(rank.Class)
		d.r.group.alarm.shedding(t, now)
	}
	return false
}

// serve hands up a few of those whose turn it is.
func (d *udpLate) serve(urgent bool) {
	for range serveAtOnce {
		item, ok := d.queue.Pop(urgent)
		if !ok {
			return
		}
		if item.Class != overload.Urgent && time.Since(item.At) > overload.MaxAge {
			d.r.t.shed.count(overload.Classes)
			continue
		}
		d.r.t.handler.Receive(item.With, item.Data)
	}
}

// bySource is the rank of requests where nobody says another: a fair share for each source.
func bySource(f Flow, l *overload.Look) overload.Rank {
	a := f.Remote.Addr().As16()
	share := binary.LittleEndian.Uint64(a[8:]) ^ uint64(f.Remote.Port())
	rank := overload.Rank{Class: overload.Rest, Share: share * 0x9e3779b97f4a7c15 >> 32}
	switch {
	case l.InDialog:
		rank.Class = overload.Urgent
	case l.Method == overload.INVITE, l.Method == overload.CANCEL:
		rank.Class = overload.Invite
	}
	return rank
}
