// Package trace keeps what was decided and what was said: a decision for each call and
// each refused request, and the SIP of both legs, in a bounded store that is searched by
// Call-ID, number, address, user, code and reference. A case is a call, a refused request,
// or another request that went on, with its messages.
//
// # The way in
//
// Heard, Sent, Decided and Ended are called on the hot path, under a shard's lock. They copy
// into the one of two buffers that is being filled, and never wait: what finds no room is
// counted and lost. One goroutine drains the other buffer, finds the case of each message,
// masks digest responses and media keys, and writes segments (segment.go draws them).
// What belongs to no case (pings, strangers' noise) is dropped there.
//
// # What survives what
//
// Everything goes to the files within about a second, so kill -9 loses that second. The
// disk's own cache is not waited for: traces are for people who look for a fault, records
// for billing are package cdr's. A full disk costs traces and no call.
//
// Not its job: to decide, to count (package record), to bill (package cdr), or to know who
// may see a case: whoever asks says whose cases he sees (Query.Keep).
//
// SIP as of RFC 3261 is only skimmed here (Call-ID, Via, CSeq); digest responses are RFC 7616,
// media keys RFC 4568.
package trace

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"time"

	"tollgate/internal/tenant"
)

// ErrNotFound says that no such case is kept, or not any more.
var ErrNotFound = errors.New("no such case is kept")

// ID names a case: a call by its stable id, which its record and the list of calls have
// too, a refused request by one that follows from it.
type ID [12]byte

// String is the id as the API writes it: hex.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText is String, for JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(text []byte) error {
	v, ok := ParseID(string(text))
	if !ok {
		return errors.New("not the id of a case: 24 hexadecimal digits")
	}
	*id = v
	return nil
}

// ParseID reads what String wrote.
func ParseID(s string) (id ID, ok bool) {
	if len(s) != 2*len(id) {
		return ID{}, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil
}

// crockford is Douglas Crockford's base 32: no I, L, O, U, so that it can be read out.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Ref is a short name of the case that people can read out: five characters such as
// "7KQ2M". Two cases may have the same one: one in 33 million does.
func (id ID) Ref() string {
	ref := id.ref()
	return string(ref[:])
}

// called says that a reference is the case's.
func (id ID) called(ref string) bool {
	own := id.ref()
	return string(own[:]) == ref
}

func (id ID) ref() (ref [5]byte) {
	n := uint32(id[6])<<24 | uint32(id[7])<<16 | uint32(id[8])<<8 | uint32(id[9])
	for i := range ref {
		ref[i] = crockford[n>>27]
		n <<= 5
	}
	return ref
}

// CanonicalRef gives a reference as Ref writes it, from what a person typed or heard; false
// if it is none.
func CanonicalRef(s string) (string, bool) {
	if len(s) != 5 {
		return "", false
	}
	var ref [5]byte
	for i := range ref {
		c := s[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		switch c {
		case 'I', 'L':
			c = '1'
		case 'O':
			c = '0'
		case 'U':
			return "", false
		}
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return "", false
		}
		ref[i] = c
	}
	return string(ref[:]), true
}

// Decision is what became of a call or request, and why. Its texts are valid UTF-8, of at
// most 255 bytes each, and otherwise as they came from the wire: they may hold anything.
type Decision struct {
	ID              ID                `json:"id"`
	Ref             string            `json:"ref" doc:"Five characters that people can read out."`
	At              time.Time         `json:"at" doc:"When the request came."`
	Ended           time.Time         `json:"ended,omitzero" doc:"Absent: it lasts."`
	Company         tenant.CompanyID  `json:"company_id,omitempty"`
	Customer        tenant.CustomerID `json:"customer_id,omitempty" doc:"Absent: a stranger's."`
	CustomerName    string            `json:"customer,omitempty"`
	Method          string            `json:"method"`
	Transport       string            `json:"transport"`
	Source          netip.AddrPort    `json:"source"`
	Target          netip.AddrPort    `json:"target,omitzero" doc:"Address and port of the callee, or who was tried last."`
	TargetTransport string            `json:"target_transport,omitempty"`
	CallID          string            `json:"call_id"`
	FarCallID       string            `json:"far_call_id,omitempty" doc:"The callee's: another one where hidden."`
	From            string            `json:"from"`
	To              string            `json:"to"`
	URI             string            `json:"uri" doc:"What was called."`
	UserAgent       string            `json:"user_agent,omitempty"`
	Direction       string            `json:"direction" enum:"inbound,outbound"`
	By              string            `json:"by" doc:"By what the customer was identified: domain, destination, binding, entry, user or nothing."`
	Who             string            `json:"who,omitempty" doc:"The switch, user or destination that called."`
	Domain          string            `json:"domain,omitempty" doc:"The customer's domain that the request named."`
	Refused         bool              `json:"refused" doc:"Tollgate ended it before it went anywhere."`
	Status          int               `json:"status" doc:"The final one; -1: silence; 0: it goes on."`
	Reason          string            `json:"reason"`
	Sentence        string            `json:"sentence" doc:"The reason for people."`
	Detail          string            `json:"detail,omitempty"`
	Rule            tenant.RuleID     `json:"rule_id,omitempty"`
	RuleName        string            `json:"rule_name,omitempty"`
	Limit           string            `json:"limit,omitempty" doc:"The limit that was reached, by its noun's name, such as \"switch carrier, 30 calls\"."`
	LimitMax        int               `json:"limit_max,omitempty"`
	Counter         string            `json:"counter,omitempty" doc:"The counter that was reached, such as \"invite 10 of 10\"."`
	Passed          []string          `json:"passed" doc:"The steps that it passed, in order."`
	Would           []Would           `json:"would,omitempty" doc:"What monitor or transparent mode let through."`
	Later           []Later           `json:"later,omitempty" doc:"What was refused after the decision: requests within the call, or this request itself where nobody answered it. The first eight."`
	Group           int               `json:"group,omitempty" doc:"The destination group that was chosen."`
	Destination     string            `json:"destination,omitempty" doc:"Taken, or tried last."`
	Answered        bool              `json:"answered"`
	Setup           float64           `json:"setup_seconds" doc:"Until it was answered or over."`
	Duration        float64           `json:"duration_seconds" doc:"From the answer to the end."`
	EndedBy         string            `json:"ended_by,omitempty"`
	Messages        int               `json:"messages" doc:"How many messages came and went; not all of them need be kept."`
}

// Would is a refusal that did not happen.
type Would struct {
	Reason   string        `json:"reason"`
	Sentence string        `json:"sentence"`
	Rule     tenant.RuleID `json:"rule_id,omitempty"`
	RuleName string        `json:"rule_name,omitempty"`
}

// Message is one that came or went.
type Message struct {
	At        time.Time
	In        bool // it was received
	Transport string
	Local     netip.AddrPort
	Remote    netip.AddrPort
	Data      []byte // as it was on the wire, but for digest responses and media keys, which are x's
}

// Query says which cases are asked for. Zero fields ask for nothing in particular.
type Query struct {
	// Text is a Call-ID, a number (in E.164 or as dialled), an address with or without port,
	// a user, a domain, a User-Agent or a part of these.
	Text        string
	Ref         string // in any spelling that CanonicalRef takes
	Status      int
	Reason      string // a code
	Customer    tenant.CustomerID
	Since       time.Time // the case was there then or later
	Until       time.Time // it began before
	RefusedOnly bool
	Keep        func(tenant.CustomerID) bool // whose cases may be seen; customer 0 = a stranger's; nil = all
	Before      Place
	Limit       int // at most so many; 0 = 50
}

// Place is a cursor: where the case stands that was given last. The zero Place is before
// the newest one. Cases are ordered by when they changed last, the newest first.
type Place struct {
	Segment uint32
	Offset  uint32
}

// IsZero says that there is no more.
func (p Place) IsZero() bool { return p == Place{} }

// Stats counts, since the start.
type Stats struct {
	Cases        uint64 // decisions that were kept
	Messages     uint64 // that were kept
	Unclaimed    uint64 // messages that belong to no case: pings, noise
	Surplus      uint64 // messages of a case that has as many as it may
	LostMessages uint64 // for lack of room or of a disk
	LostCases    uint64 // likewise
	Unkept       uint64 // refusals that came too often to be kept
	Unwatched    uint64 // that a slow watcher missed
	Live         int    // cases that go on
	Disk         int64  // bytes of the files
}
