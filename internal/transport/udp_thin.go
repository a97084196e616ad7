package transport

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/internal/overload"
)

// thinning keeps most of a flood away from a late reader: reading a datagram only to drop
// it costs about a hundredth of a call, and ten times as many calls as can be carried are, with
// what their callers send again, forty times as many INVITEs. Where one share of the queue
// gets far more than it can have, the kernel is told to let only some of its INVITEs
// through, by chance. It tells them by the host of the Request-URI (behind a user), and
// where that is not what makes the share, by their source too.
//
// A call to an emergency number of that customer must not be thinned: who floods these has most of it read, sorted and
// dropped. A re-INVITE must not be either. Its Request-URI is a Contact, so it looks otherwise;
// where a peer writes a domain there all the same, that host is left alone for a while.
type thinning struct {
	fd int
	// emergency is Config.Emergency.
	emergency func(f Flow, l *overload.Look) []string
	since     time.Time // the window's start
	tally     [64]tally // by share
	hogs      []hog
	spared    []spared
}

// tally is what came of one share's INVITEs in a window, and how the last one that was
// dropped looked.
type tally struct {
	came, dropped int
	last          hog
}

// hog is a share whose INVITEs are thinned.
type hog struct {
	share  uint64
	host   [maxThinHost]byte
	length uint8 // of host
	cut    bool  // the host is longer
	source netip.AddrPort
	spare  []string // users of the Request-URI that are let through
	keep   float64  // the part of the others that is
}

func (h *hog) name() []byte { return h.host[:h.length] }

type spared struct {
	host  [maxThinHost]byte
	until time.Time
}

const (
	maxThinHost = 64
	maxHogs     = 4
	// maxSpare is how many users of one hog are let through, and maxThinNumber the bytes that each may have:
	// a jump of the program reaches over 255 instructions.
	maxSpare      = 8
	maxThinNumber = 19
	// maxThinUser is how far into the Request-URI its '@' is looked for.
	maxThinUser = 48
	window      = 200 * time.Millisecond
	// slack is a window in which the flood would have shown, were it not over: its end is not stretched by what
	// keeps a reader waiting.
	slack = 800 * time.Millisecond
	// spareFor is for how long a host is not thinned after a re-INVITE to it.
	spareFor = time.Minute
	// hogDrops is how many a share must lose in a window before it is thinned.
	hogDrops = 100
)

// note counts a request.
func (t *thinning) note(r *overload.Rank, l *overload.Look, f *Flow, kept bool) {
	if l.Method != overload.INVITE {
		return
	}
	if l.InDialog {
		if r.Class == overload.Urgent { // it is one, and does not only say so
			t.spare(l.Host)
		}
		return
	}
	if r.Class != overload.Invite && r.Class != overload.Unknown {
		return
	}
	c := &t.tally[r.Share%uint64(len(t.tally))]
	c.came++
	if kept {
		return
	}
	c.dropped++
	c.last = hog{share: r.Share, cut: len(l.Host) > maxThinHost}
	c.last.length = uint8(copy(c.last.host[:], l.Host))
	if !r.ByHost {
		c.last.source = f.Remote
	}
}

// spare leaves a host alone to which requests within dialogs are sent.
func (t *thinning) spare(host []byte) {
	var s spared
	copy(s.host[:], host)
	s.until = time.Now().Add(spareFor)
	for i := range t.spared {
		if t.spared[i].host == s.host {
			t.spared[i] = s
			return
		}
	}
	if len(t.hogs) > 0 && len(t.spared) < 64 {
		t.spared = append(t.spared, s)
	}
}

func (t *thinning) isSpared(h *hog, now time.Time) bool {
	return slices.ContainsFunc(t.spared, func(s spared) bool { return s.host == h.host && s.until.After(now) })
}

// turn ends a window if it is over, and says whether anything is thinned.
func (t *thinning) turn(now time.Time) bool {
	if now.Sub(t.since) < window {
		return len(t.hogs) > 0
	}
	changed := t.settle(now.Sub(t.since) >= slack)
	t.since = now
	for i := range t.tally {
		c := &t.tally[i]
		if c.dropped > hogDrops && len(t.hogs) < maxHogs && !slices.ContainsFunc(t.hogs, func(h hog) bool { return h.share == c.last.share }) && c.last.thinnable() {
			c.last.keep = c.keep(1)
			c.last.spare = t.spareOf(&c.last)
			t.hogs = append(t.hogs, c.last)
			changed = true
		}
		*c = tally{}
	}
	before := len(t.hogs)
	t.hogs = slices.DeleteFunc(t.hogs, func(h hog) bool { return h.keep >= 1 || t.isSpared(&h, now) })
	if changed || len(t.hogs) != before {
		t.attach()
	}
	if len(t.hogs) == 0 {
		t.spared = t.spared[:0]
	}
	return len(t.hogs) > 0
}

// spareOf is who is called by those INVITEs of a hog that must not be thinned.
func (t *thinning) spareOf(h *hog) (users []string) {
	if t.emergency == nil || h.cut {
		return nil
	}
	look := overload.Look{Method: overload.INVITE, URI: append([]byte("sip:x@"), h.name()...), Host: h.name()}
	for _, user := range t.emergency(Flow{Proto: UDP, Remote: h.source}, &look) {
		if len(user) <= maxThinNumber && len(users) < maxSpare {
			users = append(users, user)
		}
	}
	return users
}

// thinnable says that a program can tell a hog: by IPv4 where it takes the source.
func (h *hog) thinnable() bool {
	return h.length > 0 && (!h.source.IsValid() || h.source.Addr().Is4())
}

// keep is which part of a share's INVITEs is to be let through, where this one was: half as
// many again as were served, so that there is always one to serve. It changes by steps,
// and most where nothing had to be dropped.
func (c *tally) keep(was float64) float64 {
	if c.dropped == 0 {
		return min(4*was, 1)
	}
	want := float64(3*(c.came-c.dropped)/2 + hogDrops)
	return min(max(was*want/float64(c.came), was/4, 1.0/1024), 1)
}

// settle follows the hogs that there are; all of them are over where nothing had to be dropped for long, as windows
// end only when something comes or is due. Small changes are not worth a new program, but for the one to letting all
// through: while anything is thinned, the readers stay split.
func (t *thinning) settle(long bool) (changed bool) {
	for i := range t.hogs {
		h := &t.hogs[i]
		c := &t.tally[h.share%uint64(len(t.tally))]
		keep := c.keep(h.keep)
		if long && c.dropped == 0 {
			keep = 1
		}
		if over := keep >= 1 && h.keep < 1; over || keep > 1.4*h.keep || keep < 0.7*h.keep {
			h.keep, changed = keep, true
		}
		if spare := t.spareOf(h); !slices.Equal(spare, h.spare) { // his numbers were changed
			h.spare, changed = spare, true
		}
	}
	return changed
}

// attach gives the kernel the program, or takes the last one away. If it takes none,
// everything is read here.
func (t *thinning) attach() {
	if len(t.hogs) == 0 {
		_ = unix.SetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0) // as above
		return
	}
	p := thinProgram(t.hogs)
	_ = unix.SetsockoptSockFprog(t.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, // as above
		&unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]})
}

// Where the payload begins behind the UDP header, and the user of an INVITE's Request-URI, in bytes.
const (
	thinPayload = 8
	thinUser    = thinPayload + len("INVITE sip:")
)

// thinProgram is what the kernel runs for each datagram of the socket, with the UDP
// header at offset 0: it finds the host of an INVITE, and compares it with each hog's.
func thinProgram(hogs []hog) []unix.SockFilter {
	var compare []unix.SockFilter
	for i := range hogs {
		compare = append(compare, hogs[i].program()...)
	}
	pass := stmt(unix.BPF_RET|unix.BPF_K, ^uint32(0))
	p := []unix.SockFilter{
		stmt(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, thinPayload),
		jump(unix.BPF_JEQ, binary.BigEndian.Uint32([]byte("INVI")), 1, 0),
		pass,
	}
	for i := range maxThinUser {
		at := uint32(thinUser + i)
		rest := uint32(4*(maxThinUser-i-1) + 1) // from behind this jump to the comparison
		p = append(p,
			stmt(unix.BPF_LD|unix.BPF_B|unix.BPF_ABS, at),
			jump(unix.BPF_JEQ, '@', 0, 2),
			stmt(unix.BPF_LDX|unix.BPF_W|unix.BPF_IMM, at+1),
			stmt(unix.BPF_JMP|unix.BPF_JA, rest),
		)
	}
	p = append(p, pass)
	p = append(p, compare...)
	return append(p, pass)
}

// program goes on behind itself for what is not the hog's. X is where the host begins.
func (h *hog) program() []unix.SockFilter {
	var tests thinTests
	if h.source.IsValid() {
		tests.add(unix.BPF_LD|unix.BPF_H|unix.BPF_ABS, 0, uint32(h.source.Port()))
		a := h.source.Addr().As4()
		tests.add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, netOffset+12, binary.BigEndian.Uint32(a[:]))
	}
	tests.text(unix.BPF_IND, 0, h.name())
	then := h.lottery()
	if !h.cut { // a host that only begins so is another
		then = append([]unix.SockFilter{
			stmt(unix.BPF_LD|unix.BPF_B|unix.BPF_IND, uint32(h.length)),
			jump(unix.BPF_JEQ, ' ', 1, 0),
			jump(unix.BPF_JEQ, ';', 0, uint8(len(then))),
		}, then...)
	}
	return tests.or(then...)
}

// lottery lets those through that are spared, and of the others a part by chance.
func (h *hog) lottery() (p []unix.SockFilter) {
	pass := stmt(unix.BPF_RET|unix.BPF_K, ^uint32(0))
	for _, user := range h.spare {
		var is thinTests
		is.text(unix.BPF_ABS, thinUser, []byte(user+"@"))
		p = append(p, is.or(pass)...)
	}
	return append(p,
		stmt(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, skfRandom),
		jump(unix.BPF_JGT, uint32(h.keep*float64(^uint32(0))), 1, 0),
		pass,
		stmt(unix.BPF_RET|unix.BPF_K, 0),
	)
}

// thinTests are pairs of a load and a comparison.
type thinTests []unix.SockFilter

func (t *thinTests) add(load uint16, at, want uint32) {
	*t = append(*t, stmt(load, at), jump(unix.BPF_JEQ, want, 0, 0))
}

// text compares bytes from at on, counted from where mode says.
func (t *thinTests) text(mode uint16, at int, want []byte) {
	for ; len(want) >= 4; at, want = at+4, want[4:] {
		t.add(unix.BPF_LD|unix.BPF_W|mode, uint32(at), binary.BigEndian.Uint32(want))
	}
	for ; len(want) > 0; at, want = at+1, want[1:] {
		t.add(unix.BPF_LD|unix.BPF_B|mode, uint32(at), uint32(want[0]))
	}
}

// or does what stands behind the tests where all of them hold, and else goes on behind that.
func (t thinTests) or(then ...unix.SockFilter) []unix.SockFilter {
	for i := 1; i < len(t); i += 2 {
		t[i].Jf = uint8(len(t) - 1 - i + len(then))
	}
	return append(t, then...)
}

// skfRandom loads a random number (SKF_AD_OFF + SKF_AD_RANDOM).
const skfRandom = ^uint32(0x1000-1) + 56
