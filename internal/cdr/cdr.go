// Package cdr keeps a record of each call attempt that is over, without dropping one:
// a record is in the crash journal before the call's cell is free, and a writer of its
// own brings it into the store within half a second, in batches.
//
// It is not its job to know what a call is (package call tells how it was), to serve the
// records (package api), nor to keep them over the machine's death: that is the store's,
// which each is brought to once, however often a crash comes between.
package cdr

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// ID names an attempt: what comes twice under one ID is stored once.
type ID [12]byte

// Party is who ended a call.
type Party uint8

// The parties.
const (
	Caller Party = iota
	Callee
	Tollgate
)

// String is the word of lists.
func (p Party) String() string {
	switch p {
	case Caller:
		return "caller"
	case Callee:
		return "callee"
	}
	return "tollgate"
}

// Record is how a call attempt was. What it is given is copied while it is told.
type Record struct {
	ID              ID
	Company         tenant.CompanyID
	Customer        tenant.CustomerID
	CustomerName    string
	Outbound        bool
	Hidden          bool
	Answered        bool
	Started         time.Time
	Setup           time.Duration // until answered or over
	Duration        time.Duration // from the answer to the end
	Status          int           // the final one; 0 = no answer was given
	Reason          string        // its code
	EndedBy         Party
	Rule            tenant.RuleID
	DestinationID   tenant.DestinationID
	Destination     string // its name
	CallID          []byte // the caller's
	FarCallID       []byte // the callee's
	From, To, URI   []byte // as the caller wrote them
	Source, Target  netip.AddrPort
	SourceTransport string
	TargetTransport string
}

// version is the first byte of a record in the journal. Another layout gets another
// number, and what wrote this one stays readable. Numbers are big endian.
//
//	version, flags, ended by, u16 status
//	u64 company, customer, destination, rule; i64 started, setup, duration (microseconds)
//	source and target: 16 bytes and u16 port
//	texts: u16 length and bytes
const version = 1

const (
	flagOutbound = 1 << iota
	flagHidden
	flagAnswered
)

// maxText is how many bytes of a text are kept; a mark shows where more was.
const (
	maxText = 1024
	cut     = "…"
)

var errRecord = errors.New("a call record is damaged")

// texts are all of a record's, in order.
const texts = 10

// append appends the record as the journal keeps it.
func (r *Record) append(dst []byte) []byte {
	w := binary.BigEndian
	flags := bit(r.Outbound, flagOutbound) | bit(r.Hidden, flagHidden) | bit(r.Answered, flagAnswered)
	dst = append(dst, version, flags, byte(r.EndedBy))
	dst = w.AppendUint16(dst, uint16(max(r.Status, 0)))
	for _, n := range [...]int64{
		int64(r.Company), int64(r.Customer), int64(r.DestinationID), int64(r.Rule),
		r.Started.UnixMicro(), r.Setup.Microseconds(), r.Duration.Microseconds(),
	} {
		dst = w.AppendUint64(dst, uint64(n))
	}
	for _, a := range [...]netip.AddrPort{r.Source, r.Target} {
		ip := a.Addr().As16()
		dst = w.AppendUint16(append(dst, ip[:]...), a.Port())
	}
	for _, t := range [...]string{r.CustomerName, r.Destination, r.Reason, r.SourceTransport, r.TargetTransport} {
		dst = appendText(dst, t)
	}
	for _, t := range [...][]byte{r.CallID, r.FarCallID, r.From, r.To, r.URI} {
		dst = appendText(dst, t)
	}
	return dst
}

func bit(is bool, flag byte) byte {
	if is {
		return flag
	}
	return 0
}

func appendText[T string | []byte](dst []byte, t T) []byte {
	if len(t) <= maxText {
		return append(binary.BigEndian.AppendUint16(dst, uint16(len(t))), t...)
	}
	dst = append(binary.BigEndian.AppendUint16(dst, maxText), t[:maxText-len(cut)]...)
	return append(dst, cut...)
}

// decoder reads a record; after a fault all it gives is zero.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.bad, d.b = true, nil
		return make([]byte, n)
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) int() int64  { return int64(binary.BigEndian.Uint64(d.take(8))) }
func (d *decoder) uint16() int { return int(binary.BigEndian.Uint16(d.take(2))) }
func (d *decoder) micros() time.Duration {
	const longest = 1 << 50 // 35 years: what is more is damage
	n := d.int()
	d.bad = d.bad || n < -longest || n > longest
	return time.Duration(n) * time.Microsecond
}

// address is a peer's as text, "" for none.
func (d *decoder) address() string {
	ip := netip.AddrFrom16([16]byte(d.take(16))).Unmap()
	port := d.uint16()
	if port == 0 {
		return ""
	}
	return netip.AddrPortFrom(ip, uint16(port)).String()
}

// text is one that is a text: what is none is replaced, so that whoever lists it needs no care.
func (d *decoder) text() string {
	n := d.uint16()
	if n > maxText {
		d.bad = true
		return ""
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(d.take(n)), "\ufffd"), "\x00", "\ufffd")
}

// decode turns what append wrote into what the store keeps.
func decode(id ID, data []byte) (c store.CDR, err error) {
	d := &decoder{b: data}
	head := d.take(3)
	if head[0] != version {
		return c, errRecord
	}
	flags := head[1]
	c = store.CDR{ID: hex.EncodeToString(id[:]), Hidden: flags&flagHidden != 0, EndedBy: Party(head[2]).String(), Status: d.uint16(), Direction: "inbound"}
	if flags&flagOutbound != 0 {
		c.Direction = "outbound"
	}
	c.Company, c.Customer = tenant.CompanyID(d.int()), tenant.CustomerID(d.int())
	c.DestinationID, c.Rule = tenant.DestinationID(d.int()), tenant.RuleID(d.int())
	c.Started = time.UnixMicro(d.int()).UTC()
	setup, duration := d.micros(), d.micros()
	c.Setup, c.Duration = setup.Seconds(), duration.Seconds()
	if flags&flagAnswered != 0 {
		c.Answered = c.Started.Add(setup)
	}
	c.Ended = c.Started.Add(setup + duration)
	c.Source, c.Target = d.address(), d.address()
	for _, to := range [texts]*string{
		&c.CustomerName, &c.Destination, &c.Reason, &c.SourceTransport, &c.TargetTransport,
		&c.CallID, &c.FarCallID, &c.From, &c.To, &c.URI,
	} {
		*to = d.text()
	}
	if d.bad || len(d.b) > 0 {
		return store.CDR{}, errRecord
	}
	return c, nil
}
