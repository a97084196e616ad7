package registrar

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/tenant"
	"tollgate/internal/transport"
)

// A binding in the journal. Numbers are varints, texts and addresses have their length
// before them; an expiry is wall-clock time in milliseconds, since a process's own clock
// ends with it. A PBX's binding is of version 1, one that was made here of version 2,
// which begins with what only such have.
//
//	version
//	SIP user, hash of Call-ID, CSeq (version 2 only)
//	key, flags (bit 0: NAT), protocol
//	customer, destination, expiry, since, q, connection
//	local address, port, remote address, port
//	address of record, URI, instance, path, User-Agent
const (
	recordOfPBX  = 1
	recordOfUser = 2
)

// Errors of Restore.
var (
	errRecord  = errors.New("bad record of a binding")
	errVersion = errors.New("record of a binding of a newer version")
)

// keep journals what a 2xx is about to promise, unless the journal has it already: what a phone
// refreshes is kept for as long again as was granted, which the next refresh or two then need not
// write. The caller holds the stripe's lock.
func (r *Registrar) keep(s *stripe, was *binding, c *wanted, f *facts, flow transport.Flow) error {
	if f.kept = f.expires; was != nil {
		life := f.expires - f.bound
		f.kept = was.kept
		if ahead := f.kept - f.expires; ahead >= 0 && ahead <= life && f.saysWhat(&was.facts) && flow == was.flow {
			return nil
		}
		f.kept = f.expires + life
	}
	return r.put(s, c.id, f, flow)
}

// saysWhat says that facts differ from others, kept as long, in nothing that a restart needs: in
// times and the CSeq alone.
func (f *facts) saysWhat(was *facts) bool {
	now := *f
	now.expires, now.bound, now.cseq, now.missed = was.expires, was.bound, was.cseq, was.missed
	return now == *was
}

// put journals a binding. The caller holds the stripe's lock.
func (r *Registrar) put(s *stripe, id dialog.Stable, f *facts, flow transport.Flow) error {
	if r.cfg.Journal == nil {
		return nil
	}
	s.room = appendRecord(s.room[:0], f, &flow, r.wall(f.kept))
	return r.cfg.Journal.Put(id, s.room)
}

func appendRecord(dst []byte, f *facts, flow *transport.Flow, expiry time.Time) []byte {
	flags := byte(0)
	if f.nat {
		flags = 1
	}
	if f.user == 0 {
		dst = append(dst, recordOfPBX)
	} else {
		dst = binary.AppendUvarint(append(dst, recordOfUser), uint64(f.user))
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, f.call), uint64(f.cseq))
	}
	dst = append(dst, f.key, flags, byte(flow.Proto))
	for _, n := range [...]uint64{
		uint64(f.customer), uint64(f.dest), uint64(expiry.UnixMilli()), uint64(f.since), uint64(f.q), flow.Conn,
	} {
		dst = binary.AppendUvarint(dst, n)
	}
	for _, a := range [...]netip.AddrPort{flow.Local, flow.Remote} {
		raw := a.Addr().As16()
		size := 16
		if a.Addr().Is4() {
			size = 4
		}
		dst = append(dst, byte(size))
		dst = append(dst, raw[16-size:]...)
		dst = binary.BigEndian.AppendUint16(dst, a.Port())
	}
	for i := range textCount {
		s := f.text(i)
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	return dst
}

// decoder reads a record; once bad it gives zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) addrPort() netip.AddrPort {
	addr, ok := netip.AddrFromSlice(d.take(uint64(d.byte())))
	port := d.take(2)
	if !ok || port == nil {
		d.bad = true
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(port))
}

// texts takes what is left.
func (d *decoder) texts() texts {
	limits := [textCount]int{textAOR: maxURI, textURI: maxURI, textInstance: maxInstance, textPath: maxPath, textAgent: maxAgent}
	var parts [textCount][]byte
	for i, most := range limits {
		parts[i] = d.take(d.number())
		d.bad = d.bad || len(parts[i]) > most
	}
	if d.bad = d.bad || len(d.b) > 0; d.bad {
		return texts{}
	}
	var room [maxTexts]byte
	return textsOf(&parts, room[:0])
}

// decode reads what appendRecord wrote.
func decode(data []byte, f *facts, flow *transport.Flow) (expiry time.Time, err error) {
	d := decoder{b: data}
	switch version := d.byte(); {
	case len(data) == 0, version == 0:
		return expiry, errRecord
	case version == recordOfUser:
		f.user, f.call, f.cseq = tenant.SIPUserID(d.number()), d.number(), uint32(d.number())
		d.bad = d.bad || f.user == 0
	case version != recordOfPBX:
		return expiry, errVersion
	}
	f.key, f.nat = d.byte(), d.byte()&1 != 0
	flow.Proto = transport.Proto(d.byte())
	f.customer, f.dest = tenant.CustomerID(d.number()), tenant.DestinationID(d.number())
	expiry = time.UnixMilli(int64(d.number()))
	f.since, f.q, flow.Conn = int64(d.number()), uint16(d.number()), d.number()
	flow.Local, flow.Remote = d.addrPort(), d.addrPort()
	f.texts = d.texts()
	if d.bad || flow.Proto.Via() == "" || f.q > 1000 || f.customer == 0 {
		return expiry, errRecord
	}
	return expiry, nil
}

// Restore takes a binding that the journal kept, before Run. What can no longer be
// used (expired; its key or listener is gone) is left out: the journal's next
// checkpoint forgets it. A connection is gone with its process, but its phone is known,
// and back when it registers again.
func (r *Registrar) Restore(id dialog.Stable, data []byte) error {
	var f facts
	var flow transport.Flow
	expiry, err := decode(data, &f, &flow)
	if err != nil {
		return err
	}
	var room [customerLen + maxURI]byte
	at := r.addressOf(f.appendAddress(room[:0]))
	if id[0] != at.first {
		return errRecord
	}
	left := min(time.Until(expiry), maxLife) // the wall clock may have been set meanwhile
	flow, ok := r.cfg.Transport.Adopt(flow)
	if left <= 0 || !ok || f.user == 0 && !r.cfg.Minter.Knows(f.key) {
		return nil
	}
	f.expires = r.now() + left
	f.kept = f.expires
	s := r.stripe(id[0])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of(id) == nil {
		r.add(s, id, at, &f, flow)
	}
	return nil
}

// appendAddress appends what the table hashes to find a binding.
func (f *facts) appendAddress(dst []byte) []byte {
	if f.user != 0 {
		return appendUser(dst, f.customer, f.user)
	}
	return append(binary.BigEndian.AppendUint64(dst, uint64(f.customer)), f.aor()...)
}

// Checkpoint puts every live binding into the journal again, a stripe at a time.
func (r *Registrar) Checkpoint() error {
	for i := range r.stripes {
		if err := r.checkpoint(&r.stripes[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Registrar) checkpoint(s *stripe) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b := range s.shelf.all() {
		if err := r.put(s, b.id, &b.facts, b.flow); err != nil {
			return err
		}
	}
	return nil
}
