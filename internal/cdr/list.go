package cdr

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"tollgate/internal/media"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

// CDR is a record as people and programs read it. Names are those of then.
type CDR struct {
	Seq             int64                `json:"seq" doc:"Rises in the order of storing: what a reader resumes by."`
	ID              string               `json:"id"`
	Ref             string               `json:"ref" doc:"A short name that people can read out, as decisions and traces have it."`
	Company         tenant.CompanyID     `json:"company_id"`
	Customer        tenant.CustomerID    `json:"customer_id"`
	CustomerName    string               `json:"customer"`
	Direction       string               `json:"direction" enum:"inbound,outbound"`
	Hidden          bool                 `json:"hidden"`
	CallID          string               `json:"call_id" doc:"The caller's."`
	FarCallID       string               `json:"far_call_id,omitempty" doc:"The callee's: another one where hidden."`
	From            string               `json:"from"`
	To              string               `json:"to"`
	URI             string               `json:"uri" doc:"What was called."`
	Source          string               `json:"source" doc:"Address and port of the caller."`
	SourceTransport string               `json:"source_transport"`
	SwitchID        tenant.SwitchID      `json:"switch_id,omitempty"`
	Switch          string               `json:"switch,omitempty" doc:"That the call came from."`
	UserID          tenant.SIPUserID     `json:"user_id,omitempty"`
	User            string               `json:"user,omitempty" doc:"The SIP user that called."`
	CalledUserID    tenant.SIPUserID     `json:"called_user_id,omitempty"`
	CalledUser      string               `json:"called_user,omitempty" doc:"The SIP user whose phones rang."`
	DestinationID   tenant.DestinationID `json:"destination_id,omitempty"`
	Destination     string               `json:"destination,omitempty" doc:"Taken, tried last, or where a refused call would have gone; absent for phones and foreign hosts."`
	Target          string               `json:"target,omitempty" doc:"Address and port of the callee, or of who was tried last; absent where nobody was."`
	TargetTransport string               `json:"target_transport,omitempty"`
	Started         time.Time            `json:"started"`
	Answered        time.Time            `json:"answered,omitzero" doc:"Absent: never."`
	Ended           time.Time            `json:"ended"`
	Setup           float64              `json:"setup_seconds" doc:"Until it was answered or over, by a clock that nobody sets; to the microsecond."`
	Duration        float64              `json:"duration_seconds" doc:"From the answer to the end, likewise."`
	Status          int                  `json:"status" doc:"The final one; 0: no answer was given."`
	Reason          string               `json:"reason"`
	Sentence        string               `json:"sentence" doc:"The reason for people."`
	EndedBy         string               `json:"ended_by" enum:"caller,callee,tollgate"`
	Rule            tenant.RuleID        `json:"rule_id,omitempty" doc:"Of the firewall or block list: that decided."`
	RuleName        string               `json:"rule,omitempty" doc:"Its name."`
	Limit           string               `json:"limit,omitempty" doc:"That was full, such as \"switch carrier, 30 calls\"."`
	Counter         string               `json:"counter,omitempty" doc:"What was counted, and up to what, where a number decided."`
	OneWay          bool                 `json:"one_way,omitempty" doc:"One-way audio: one side was heard, and the other never; media says which."`
	Media           []media.Figures      `json:"media,omitempty" nullable:"false" doc:"How each stream of each side was; absent where media was not bridged, or nothing came of a call that nobody answered."`
	Repeated        int                  `json:"repeated,omitempty" doc:"How many refused attempts more this record stands for: in a flood only the first ones of a second have a record each."`
}

// Query narrows a list. The zero value is the first hundred in the scope.
type Query struct {
	After        int64     // only with a higher Seq
	Q            string    // text in numbers, addresses and Call-IDs, any case
	Since, Until time.Time // ended then or later, ended before; zero: any time
	Reason       string    // "" = any
	Status       int       // 0 = any
	Verdict      string    // VerdictAnswered and so on; "" = any
	Limit        int       // 0 is 100
	Newest       bool      // against the order of Seq, the latest first
	Before       int64     // of the latest first: only with a lower Seq; 0 = all
}

// Shelf is where records are read.
type Shelf interface {
	// CDRs tells those of a scope in the order of Seq, until told to stop; each is valid while it is told.
	CDRs(ctx context.Context, scope tenant.Scope, q store.CDRQuery, tell func(*store.CDR) (more bool)) error
	// CDRsBack tells them against that order, from below before on, 0 = all.
	CDRsBack(ctx context.Context, scope tenant.Scope, before int64, q store.CDRQuery, tell func(*store.CDR) (more bool)) error
}

// List gives the records of the scope in the order of Seq, or against it.
func List(ctx context.Context, from Shelf, scope tenant.Scope, q Query) ([]CDR, error) {
	if q.Limit == 0 {
		q.Limit = 100
	}
	var out []CDR
	text := strings.ToLower(strings.TrimSpace(q.Q))
	digits := trace.Digits(text)
	tell := func(s *store.CDR) bool {
		c := Read(s)
		if (q.Reason == "" || c.Reason == q.Reason) && (q.Status == 0 || c.Status == q.Status) && (q.Verdict == "" || c.verdict() == q.Verdict) && (c.holds(text) || c.dials(digits)) {
			out = append(out, c)
		}
		return len(out) < q.Limit
	}
	span := store.CDRQuery{After: q.After, Since: q.Since, Until: q.Until}
	var err error
	if q.Newest {
		err = from.CDRsBack(ctx, scope, q.Before, span, tell)
	} else {
		err = from.CDRs(ctx, scope, span, tell)
	}
	return out, err
}

// What became of a call attempt.
const (
	VerdictAnswered = "answered"
	VerdictFailed   = "failed"  // it went on, and nobody answered
	VerdictRefused  = "refused" // Tollgate ended it before it was answered
)

func (c *CDR) verdict() string {
	switch {
	case !c.Answered.IsZero():
		return VerdictAnswered
	case c.EndedBy == "tollgate":
		return VerdictRefused
	}
	return VerdictFailed
}

// Damaged is the reason of a record that cannot be read: one must not hide those behind it.
const Damaged = "damaged"

// Read gives a record as people read it.
func Read(s *store.CDR) CDR {
	c, err := decode(s)
	if err != nil {
		c = CDR{Seq: s.Seq, ID: hex.EncodeToString(s.ID[:]), Ref: trace.ID(s.ID).Ref(), Company: s.Company(), Customer: s.Customer(), Ended: s.Ended(), Reason: Damaged}
	}
	c.Sentence = trace.Sentence(c.Reason)
	return c
}

// holds says whether a text, in lower case, stands in what a caller, an address or an identifier is read from.
func (c *CDR) holds(text string) bool {
	if text == "" {
		return true
	}
	for _, in := range [...]string{c.From, c.To, c.URI, c.CallID, c.FarCallID, c.Source, c.Target, c.Destination, c.Switch, c.User, c.CalledUser, c.ID, c.Ref} {
		if strings.Contains(strings.ToLower(in), text) {
			return true
		}
	}
	return false
}

// dials says that a number, of which trace.Digits gave the digits, called or was called.
func (c *CDR) dials(digits string) bool {
	return trace.HasNumber(c.From, digits) || trace.HasNumber(c.To, digits) || trace.HasNumber(c.URI, digits)
}
