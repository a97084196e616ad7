package trace

import (
	"encoding/binary"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// Within is a request within a call that was refused, or one outside of calls that passed and ended here, as
// Refused is told.
type Within struct {
	Method  []byte
	Verdict policy.Verdict
}

// Later is such a refusal, as a Decision has it.
type Later struct {
	At       time.Time     `json:"at"`
	Method   string        `json:"method"`
	Status   int           `json:"status"`
	Reason   string        `json:"reason"`
	Sentence string        `json:"sentence"`
	Rule     tenant.RuleID `json:"rule_id,omitempty"`
	RuleName string        `json:"rule_name,omitempty"`
}

// maxLater is how many refusals within one call are kept, so that a phone which asks again and again
// fills nothing. The first ones tell.
const maxLater = 8

// A refusal within a call, as it is kept: i64 time (nanoseconds), i16 status, u64 rule, texts method, reason
// and rule's name. A case has several, one after the other.
const laterFixed = 8 + 2 + 8

func appendLater(dst []byte, at int64, w *Within) []byte {
	b := binary.BigEndian
	dst = b.AppendUint64(dst, uint64(at))
	dst = b.AppendUint16(dst, uint16(int16(w.Verdict.Status)))
	dst = b.AppendUint64(dst, uint64(w.Verdict.Rule))
	return appendText(appendText(appendText(dst, w.Method), w.Verdict.Reason.Code()), w.Verdict.Name)
}

// later is one that was kept; it aliases the bytes that it was read from.
type later struct {
	fixed                []byte
	method, reason, rule []byte
}

func (l *later) status() int {
	return int(int16(binary.BigEndian.Uint16(l.fixed[8:])))
}

// eachLater visits what appendLater wrote, until visit has enough. What is damaged ends it.
func eachLater(b []byte, visit func(*later) bool) {
	for len(b) >= laterFixed {
		l := later{fixed: b[:laterFixed]}
		b = b[laterFixed:]
		for _, t := range [...]*[]byte{&l.method, &l.reason, &l.rule} {
			var ok bool
			if *t, b, ok = readText(b); !ok {
				return
			}
		}
		if !visit(&l) {
			return
		}
	}
}

// laterIn gives the refusals within a call in words.
func laterIn(b []byte, sentences map[string]string) (list []Later) {
	eachLater(b, func(l *later) bool {
		reason := text(l.reason)
		list = append(list, Later{
			At: timeOf(int64(binary.BigEndian.Uint64(l.fixed))), Method: text(l.method), Status: l.status(),
			Reason: reason, Sentence: sentences[reason],
			Rule: tenant.RuleID(binary.BigEndian.Uint64(l.fixed[10:])), RuleName: text(l.rule),
		})
		return true
	})
	return list
}

// laterIs says that one of them was refused so; 0 and "": in whatever way.
func laterIs(b []byte, status int, reason string) (is bool) {
	eachLater(b, func(l *later) bool {
		is = (status == 0 || l.status() == status) && (reason == "" || string(l.reason) == reason)
		return !is
	})
	return is
}

// Refused keeps that a request within a call was refused. It copies, as Decided does.
func (r *Recorder) Refused(id ID, w *Within) {
	at := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.filling)+recordHeader+len(id)+laterFixed+3*(maxText+1) > cap(r.filling) || r.closed {
		r.lostEvents.Add(1)
		return
	}
	b := append(append(r.filling, 0, 0, 0, 0, recRefused), id[:]...)
	r.framed(appendLater(b, at, w))
}

// refused joins a refusal with its call; of one that is not known any more, nothing is kept.
func (d *drain) refused(rec []byte) {
	e := d.cases[ID(rec)]
	if e == nil || e.laterN >= maxLater {
		d.stats.Unkept++
		return
	}
	e.later = append(e.later, rec[len(e.id):]...)
	e.laterN++
	d.memory += len(rec) - len(e.id)
	d.mark(e)
}
