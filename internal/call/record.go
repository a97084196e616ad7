package call

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// recordVersion is the first byte of a call's record in the journal. Another layout
// gets another number, and what wrote this one stays readable.
//
//	version, method, flags, direction, tags
//	customer, destination, entry, switch it holds a place at, parties (switch and user
//	that it comes from, user that is called), CSeq, started, answered,
//	session's end (Unix, ns; 0 = none)
//	texts: length, bytes; every text below is an offset into them and a length
//	caller's leg; what was called; how the callee knows caller and call; what a switch was sent
//	whose re-INVITEs are answered here, by side
//	dialogs: number; each: callee's leg, caller's To-tag, both Seq, way, flags
//	bridged media: length, what package bridge keeps
//
// Version 1 had neither entry nor switch, version 2 no parties, version 3 no media.
const recordVersion = 4

const (
	flagHidden uint8 = 1 << iota
	flagReferred
	flagWatched
	flagUrgent // not set by releases that did not keep it: such a call counts as any other
)

const (
	flagConfirmed uint8 = 1 << iota
	flagAcked
)

var errRecord = errors.New("a call's record is damaged")

// saved is what a record holds beside the call itself.
type saved struct {
	customer, destination      int64
	started, answered, session int64
	media                      []byte // valid as long as the record
}

// appendRecord appends a call as the journal keeps it; at turns times of the layer
// into wall-clock ones, media appends what is kept of its media.
func appendRecord(dst []byte, call *Call, at func(time.Duration) int64, media func(dst []byte) []byte) []byte {
	w := binary.BigEndian
	flags := bit(call.hidden, flagHidden) | bit(call.referred, flagReferred) | bit(call.state == watched, flagWatched) | bit(call.urgent, flagUrgent)
	dst = append(dst, recordVersion, byte(call.method), flags, byte(call.direction), call.tags)
	dst = w.AppendUint64(dst, uint64(call.customer.Settings.ID))
	var dest uint64
	if call.dest != nil {
		dest = uint64(call.dest.ID)
	}
	dst = w.AppendUint64(dst, dest)
	dst = w.AppendUint64(dst, uint64(call.entry))
	dst = w.AppendUint64(dst, uint64(call.place))
	dst = w.AppendUint64(dst, uint64(call.parties.source))
	dst = w.AppendUint64(dst, uint64(call.parties.user))
	dst = w.AppendUint64(dst, uint64(call.parties.called))
	dst = w.AppendUint32(dst, call.cseq)
	for _, t := range [...]time.Duration{call.started, call.answered, call.session} {
		dst = w.AppendUint64(dst, uint64(at(t)))
	}
	dst = w.AppendUint32(dst, uint32(len(call.texts.Buf)))
	dst = append(dst, call.texts.Buf...)
	dst = appendLeg(dst, &call.caller)
	for _, t := range [...]dialog.Text{call.uri, call.out.callID, call.out.tag, call.out.from, call.out.to, call.said[0], call.said[1]} {
		dst = t.Append(dst)
	}
	dst = append(dst, call.forks)
	for i := range call.forks {
		dst = appendDialog(dst, call.dialog(i))
	}
	length := len(dst)
	dst = media(append(dst, 0, 0, 0, 0))
	w.PutUint32(dst[length:], uint32(len(dst)-length-4))
	return dst
}

func bit(is bool, flag uint8) uint8 {
	if is {
		return flag
	}
	return 0
}

func appendDialog(dst []byte, d *dialog.Dialog) []byte {
	dst = appendLeg(dst, &d.Callee)
	dst = d.CallerTag.Append(dst)
	for _, s := range d.Seq {
		for _, n := range [...]uint32{s.Last, s.Shift, s.InviteIn, s.InviteOut} {
			dst = binary.BigEndian.AppendUint32(dst, n)
		}
	}
	return append(dst, d.Way, bit(d.Confirmed, flagConfirmed)|bit(d.Acked, flagAcked))
}

func appendLeg(dst []byte, l *dialog.Leg) []byte {
	for _, t := range [...]dialog.Text{l.CallID, l.Tag, l.LocalTag, l.Remote, l.Local, l.Target, l.Routes} {
		dst = t.Append(dst)
	}
	dst = appendFlow(dst, l.Flow)
	dst = append(dst, bit(l.Outside, 1)|bit(l.Forced, 2))
	dst = append(dst, l.Binding[:]...)
	return binary.BigEndian.AppendUint32(dst, l.Seen)
}

func appendFlow(dst []byte, f transport.Flow) []byte {
	dst = append(dst, byte(f.Proto))
	dst = binary.BigEndian.AppendUint64(dst, f.Conn)
	for _, a := range [...]netip.AddrPort{f.Local, f.Remote} {
		ip := a.Addr().As16()
		dst = append(dst, ip[:]...)
		dst = binary.BigEndian.AppendUint16(dst, a.Port())
	}
	return dst
}

// decoder reads a record; after a fault all it gives is zero.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.bad = true
		d.b = nil
		return make([]byte, min(max(n, 0), 64))
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) byte() byte     { return d.take(1)[0] }
func (d *decoder) uint16() uint16 { return binary.BigEndian.Uint16(d.take(2)) }
func (d *decoder) uint32() uint32 { return binary.BigEndian.Uint32(d.take(4)) }
func (d *decoder) uint64() uint64 { return binary.BigEndian.Uint64(d.take(8)) }

// decodeRecord fills a call from a record. What it cannot know, such as the
// customer's settings, is in saved.
func decodeRecord(data []byte, call *Call) (s saved, err error) {
	d := &decoder{b: data}
	version := d.byte()
	if version == 0 || version > recordVersion {
		return s, errRecord
	}
	call.method = sip.Method(d.byte())
	flags := d.byte()
	call.hidden, call.referred, call.urgent = flags&flagHidden != 0, flags&flagReferred != 0, flags&flagUrgent != 0
	if call.state = up; flags&flagWatched != 0 {
		call.state = watched
	}
	call.direction, call.tags = policy.Direction(d.byte()), d.byte()
	s.customer, s.destination = int64(d.uint64()), int64(d.uint64())
	if version >= 2 {
		call.entry, call.place = tenant.SwitchID(d.uint64()), tenant.SwitchID(d.uint64())
	}
	if version >= 3 {
		p := &call.parties
		p.source, p.user, p.called = tenant.SwitchID(d.uint64()), tenant.SIPUserID(d.uint64()), tenant.SIPUserID(d.uint64())
	} else {
		call.parties.source = call.entry
	}
	call.cseq = d.uint32()
	s.started, s.answered, s.session = int64(d.uint64()), int64(d.uint64()), int64(d.uint64())
	n := d.uint32()
	if int64(n) > int64(len(d.b)) {
		return s, errRecord
	}
	call.texts.Buf = append(call.texts.Buf[:0], d.take(int(n))...)
	d.leg(call, &call.caller)
	for _, t := range [...]*dialog.Text{&call.uri, &call.out.callID, &call.out.tag, &call.out.from, &call.out.to} {
		d.text(call, t)
	}
	if version >= 4 {
		d.text(call, &call.said[0])
		d.text(call, &call.said[1])
	}
	forks := d.byte()
	d.dialogs(call, min(forks, 16))
	if version >= 4 {
		s.media = d.media()
	}
	if d.bad || len(d.b) > 0 || forks == 0 || forks > 16 || call.direction > policy.Outbound || !call.lasts(&s) {
		return s, errRecord
	}
	return s, nil
}

// lasts says that a record is of something whose end will come: a call, by its
// parties, or a subscription, by its time.
func (c *Call) lasts(s *saved) bool {
	if c.state == watched {
		return s.session != 0 && (c.method == sip.INVITE || c.method == sip.SUBSCRIBE || c.method == sip.REFER)
	}
	return c.method == sip.INVITE && c.confirmed > 0 && s.answered != 0
}

// dialogs reads the dialogs of a call, the first one in first.
func (d *decoder) dialogs(call *Call, n uint8) {
	for range n {
		one := d.dialog(call)
		if call.forks == 0 {
			call.first = one
		} else {
			call.more = append(call.more, one)
		}
		call.forks++
		if !one.Confirmed {
			continue
		}
		if call.confirmed++; call.confirmed == 1 {
			call.speaks = call.forks - 1
		}
	}
}

// media gives what package bridge has kept, nil where that is nothing.
func (d *decoder) media() []byte {
	n := int64(d.uint32())
	if n > int64(len(d.b)) {
		d.bad = true
	}
	if n == 0 || d.bad {
		return nil
	}
	return d.take(int(n))
}

func (d *decoder) dialog(call *Call) (one dialog.Dialog) {
	d.leg(call, &one.Callee)
	d.text(call, &one.CallerTag)
	for i := range one.Seq {
		s := &one.Seq[i]
		s.Last, s.Shift, s.InviteIn, s.InviteOut = d.uint32(), d.uint32(), d.uint32(), d.uint32()
	}
	one.Way = d.byte()
	flags := d.byte()
	one.Confirmed, one.Acked = flags&flagConfirmed != 0, flags&flagAcked != 0
	return one
}

func (d *decoder) leg(call *Call, l *dialog.Leg) {
	for _, t := range [...]*dialog.Text{&l.CallID, &l.Tag, &l.LocalTag, &l.Remote, &l.Local, &l.Target, &l.Routes} {
		d.text(call, t)
	}
	l.Flow = d.flow()
	flags := d.byte()
	l.Outside, l.Forced = flags&1 != 0, flags&2 != 0
	copy(l.Binding[:], d.take(len(l.Binding)))
	l.Seen = d.uint32()
}

func (d *decoder) text(call *Call, t *dialog.Text) {
	if !call.texts.Read(t, d.uint16(), d.uint16()) {
		d.bad = true
	}
}

func (d *decoder) flow() (f transport.Flow) {
	f.Proto = transport.Proto(d.byte())
	f.Conn = d.uint64()
	f.Local, f.Remote = d.addr(), d.addr()
	return f
}

func (d *decoder) addr() netip.AddrPort {
	a := netip.AddrFrom16([16]byte(d.take(16))).Unmap()
	return netip.AddrPortFrom(a, d.uint16())
}
