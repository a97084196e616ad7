package trace

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transport"
)

// Event is what Decided and Ended are told. They copy what they keep.
type Event struct {
	ID           ID
	Started      time.Time // zero = now
	Company      tenant.CompanyID
	Customer     tenant.CustomerID // 0 = a stranger
	CustomerName string
	Silent       bool // the customer keeps no messages, only decisions
	Method       []byte
	Source       transport.Flow
	Target       transport.Flow // zero: nobody was reached
	Outbound     bool
	By, Who      string
	Domain       string
	CallID       []byte
	FarCallID    []byte
	From, To     []byte
	URI          []byte
	UserAgent    []byte
	Verdict      policy.Verdict // of an ended call: its final status, and why it ended
	LimitOf      string         // the limit that was reached, as LimitText says it; "" = none was
	LimitID      int64
	LimitMax     int
	Counter      string
	Passed       []string
	Would        []policy.Spared
	Group        int
	Destination  string
	Answered     bool
	Setup        time.Duration
	Duration     time.Duration
	EndedBy      string
}

// An event as it is kept, in buffers and files. Numbers are big endian; a change of this
// is a new version of the segments.
//
//	0   i64 started, 8 i64 ended (nanoseconds; 0: it lasts)
//	16  u64 company, 24 u64 customer, 32 u64 rule, 40 u64 id of the limit, 48 u32 its size
//	52  i16 status, 54 flags, 55 group, 56 proto of source, 57 proto of target
//	58  source, 76 target: 16 bytes and u16 port each
//	94  i64 setup, 102 i64 duration (nanoseconds)
//	110 texts: u8 length and bytes, in the order of the constants below
//	    u8 how many spared refusals; of each u64 rule, texts reason and rule's name
const fixedBytes = 110

const (
	flagOutbound = 1 << iota
	flagRefused
	flagAnswered
	flagSilent
)

// The texts of an event.
const (
	textMethod = iota
	textCustomer
	textCallID
	textFarCallID
	textFrom
	textTo
	textURI
	textUserAgent
	textBy
	textWho
	textDomain
	textReason
	textRuleName
	textDetail
	textLimit
	textCounter
	textPassed // names with a space between
	textDestination
	textEndedBy
	textCount
)

const (
	maxText  = 255 // bytes of a text that are kept
	maxWould = 8
	// maxEvent is the most bytes that an event takes.
	maxEvent = fixedBytes + textCount*(maxText+1) + 1 + maxWould*(8+2*(maxText+1))
)

// appendEvent appends an event as it is kept. It allocates nothing where dst has room for
// maxEvent more bytes.
func appendEvent(dst []byte, e *Event, ended int64) []byte {
	w := binary.BigEndian
	dst = w.AppendUint64(dst, uint64(e.Started.UnixNano()))
	dst = w.AppendUint64(dst, uint64(ended))
	for _, n := range [...]int64{int64(e.Company), int64(e.Customer), int64(e.Verdict.Rule), e.LimitID} {
		dst = w.AppendUint64(dst, uint64(n))
	}
	dst = w.AppendUint32(dst, uint32(e.LimitMax))
	dst = w.AppendUint16(dst, uint16(int16(e.Verdict.Status)))
	dst = append(dst, e.flags(), byte(e.Group), byte(e.Source.Proto), byte(e.Target.Proto))
	dst = appendAddr(appendAddr(dst, e.Source.Remote), e.Target.Remote)
	dst = w.AppendUint64(w.AppendUint64(dst, uint64(e.Setup)), uint64(e.Duration))
	dst = appendText(appendText(dst, e.Method), e.CustomerName)
	for _, t := range [...][]byte{e.CallID, e.FarCallID, e.From, e.To, e.URI, e.UserAgent} {
		dst = appendText(dst, t)
	}
	for _, t := range [...]string{
		e.By, e.Who, e.Domain, e.Verdict.Reason.Code(), e.Verdict.Name, e.Verdict.Detail, e.LimitOf, e.Counter,
	} {
		dst = appendText(dst, t)
	}
	dst = appendNames(dst, e.Passed)
	dst = appendText(appendText(dst, e.Destination), e.EndedBy)
	would := e.Would[:min(len(e.Would), maxWould)]
	dst = append(dst, byte(len(would)))
	for i := range would {
		dst = w.AppendUint64(dst, uint64(would[i].Rule))
		dst = appendText(appendText(dst, would[i].Reason.Code()), would[i].Name)
	}
	return dst
}

func (e *Event) flags() (f byte) {
	for _, b := range [...]struct {
		is   bool
		flag byte
	}{{e.Outbound, flagOutbound}, {e.Verdict.Refused() && !e.Answered && e.EndedBy == "", flagRefused}, {e.Answered, flagAnswered}, {e.Silent, flagSilent}} {
		if b.is {
			f |= b.flag
		}
	}
	return f
}

func appendAddr(dst []byte, a netip.AddrPort) []byte {
	ip := a.Addr().As16()
	return binary.BigEndian.AppendUint16(append(dst, ip[:]...), a.Port())
}

func appendText[T string | []byte](dst []byte, t T) []byte {
	t = t[:min(len(t), maxText)]
	return append(append(dst, byte(len(t))), t...)
}

// appendNames appends names as one text, as many as it holds.
func appendNames(dst []byte, names []string) []byte {
	at := len(dst)
	dst = append(dst, 0)
	for i, n := range names {
		if len(dst)-at+len(n) > maxText {
			break
		}
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, n...)
	}
	dst[at] = byte(len(dst) - at - 1)
	return dst
}

// event is one that was kept, as it lies there; it aliases the bytes that it was read from.
type event struct {
	fixed []byte
	texts [textCount][]byte
	would []byte // count and spared refusals
}

// readEvent reads an event, and says where it ends. False: it is damaged.
func readEvent(b []byte, e *event) (rest []byte, ok bool) {
	if len(b) < fixedBytes {
		return nil, false
	}
	e.fixed, b = b[:fixedBytes], b[fixedBytes:]
	for i := range e.texts {
		if e.texts[i], b, ok = readText(b); !ok {
			return nil, false
		}
	}
	if len(b) == 0 || b[0] > maxWould {
		return nil, false
	}
	e.would, rest = b, b[1:]
	for range b[0] {
		if len(rest) < 8 {
			return nil, false
		}
		rest = rest[8:]
		for range 2 {
			if _, rest, ok = readText(rest); !ok {
				return nil, false
			}
		}
	}
	e.would = e.would[:len(b)-len(rest)]
	return rest, true
}

func readText(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	return b[1 : 1+int(b[0])], b[1+int(b[0]):], true
}

func (e *event) int(at int) int64            { return int64(binary.BigEndian.Uint64(e.fixed[at:])) }
func (e *event) started() int64              { return e.int(0) }
func (e *event) ended() int64                { return e.int(8) }
func (e *event) customer() tenant.CustomerID { return tenant.CustomerID(e.int(24)) }
func (e *event) status() int                 { return int(int16(binary.BigEndian.Uint16(e.fixed[52:]))) }
func (e *event) is(flag byte) bool           { return e.fixed[54]&flag != 0 }
func (e *event) source() netip.AddrPort      { return addrAt(e.fixed[58:]) }
func (e *event) target() netip.AddrPort      { return addrAt(e.fixed[76:]) }

// addrAt reads an address; the zero one where there is none.
func addrAt(b []byte) netip.AddrPort {
	port := binary.BigEndian.Uint16(b[16:])
	if port == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)).Unmap(), port)
}

func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}

// text is one that is a text: what is none is replaced, so that whoever shows it needs no care.
func text(b []byte) string {
	return strings.ReplaceAll(strings.ToValidUTF8(string(b), "\ufffd"), "\x00", "\ufffd")
}

// LimitText says whose limit it is and its size, for people: "switch carrier, 30 calls".
func LimitText(of string, most int, rate bool) string {
	text := of + ", " + strconv.Itoa(most) + " call"
	if most != 1 {
		text += "s"
	}
	if rate {
		text += " a second"
	}
	return text
}

// LimitIn gives what LimitText made in a language.
func LimitIn(l policy.Language, text string) string {
	at := strings.LastIndex(text, ", ")
	if l == policy.English || at < 0 {
		return text
	}
	kind, name, _ := strings.Cut(text[:at], " ")
	most, unit, _ := strings.Cut(text[at+2:], " ")
	calls := map[string]policy.Phrase{
		"call": "%s, %s call", "calls": "%s, %s calls", "call a second": "%s, %s call a second", "calls a second": "%s, %s calls a second",
	}[unit]
	if calls == "" {
		return text
	}
	return l.Say(calls, strings.TrimSpace(l.Retell(kind)+" "+name), most)
}

// Sentence explains the code of a reason to people; "" where it is none, or none any more.
func Sentence(code string) string {
	if r, ok := policy.ReasonOf(code); ok {
		return r.Sentence()
	}
	return ""
}

// decision gives what was kept of the decision in words.
func (e *event) decision(sentences map[string]string) Decision {
	t := func(i int) string { return text(e.texts[i]) }
	d := Decision{
		At: timeOf(e.started()), Ended: timeOf(e.ended()),
		Company: tenant.CompanyID(e.int(16)), Customer: e.customer(), CustomerName: t(textCustomer),
		Method: t(textMethod), Transport: transport.Proto(e.fixed[56]).String(), Source: e.source(),
		Target: e.target(), TargetTransport: transport.Proto(e.fixed[57]).String(),
		CallID: t(textCallID), FarCallID: t(textFarCallID), From: t(textFrom), To: t(textTo), URI: t(textURI),
		UserAgent: t(textUserAgent), Direction: "inbound", By: t(textBy), Who: t(textWho), Domain: t(textDomain),
		Refused: e.is(flagRefused), Status: e.status(), Reason: t(textReason), Detail: t(textDetail),
		Rule: tenant.RuleID(e.int(32)), RuleName: t(textRuleName), Counter: t(textCounter),
		Passed: strings.Fields(t(textPassed)), Group: int(e.fixed[55]), Destination: t(textDestination),
		Answered: e.is(flagAnswered), EndedBy: t(textEndedBy),
		Setup: time.Duration(e.int(94)).Seconds(), Duration: time.Duration(e.int(102)).Seconds(),
	}
	if e.is(flagOutbound) {
		d.Direction = "outbound"
	}
	if of := t(textLimit); of != "" {
		d.Limit, d.LimitMax = of, int(binary.BigEndian.Uint32(e.fixed[48:]))
		if !strings.Contains(of, ", ") { // an earlier version kept the noun's kind alone
			if id := e.int(40); id != 0 {
				of += " " + strconv.FormatInt(id, 10)
			}
			d.Limit = LimitText(of, d.LimitMax, d.Reason == policy.RateLimit.Code())
		}
	}
	d.Sentence, d.Would = sentences[d.Reason], e.spared(sentences)
	return d
}

func (e *event) spared(sentences map[string]string) []Would {
	var list []Would
	b := e.would[1:]
	for len(b) > 8 {
		w := Would{Rule: tenant.RuleID(binary.BigEndian.Uint64(b))}
		reason, rest, _ := readText(b[8:])
		name, rest, _ := readText(rest)
		w.Reason, w.RuleName = text(reason), text(name)
		w.Sentence = sentences[w.Reason]
		list, b = append(list, w), rest
	}
	return list
}

// overlay lays how a call ended over how it was decided.
func (d *Decision) overlay(end *Decision) {
	d.Ended, d.Status, d.Reason, d.Sentence = end.Ended, end.Status, end.Reason, end.Sentence
	d.Target, d.TargetTransport, d.FarCallID = end.Target, end.TargetTransport, end.FarCallID
	d.Answered, d.Setup, d.Duration, d.EndedBy = end.Answered, end.Setup, end.Duration, end.EndedBy
	if end.Destination != "" {
		d.Destination = end.Destination
	}
	d.At = end.At
}
