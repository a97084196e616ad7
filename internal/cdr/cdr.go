// Package cdr keeps a record of each call attempt that is over, without dropping one:
// a record is in the crash journal before the call's cell is free, and a writer of its
// own brings it into the store within half a second, in blocks. Here is what a record says, how
// it is laid out, searched, and brought to a webhook.
//
// It is not its job to know what a call is (package call tells how it was), to serve the
// records (package api), nor to keep them over the machine's death: that is the store's,
// which each is brought to once, however often a crash comes between.
package cdr

import (
	"net/netip"
	"time"

	"tollgate/internal/media"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// ID names an attempt: what comes twice under one ID is stored once.
type ID = store.CDRID

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

// Named is a noun of the customer's; the zero value is none.
type Named[ID ~int64] struct {
	ID   ID
	Name string
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
	RuleName        string
	Limit           string                  // that was full: "customer acme, 30 calls", ""
	Counter         string                  // what decided where numbers did: "invite 10 of 10", ""
	Switch          Named[tenant.SwitchID]  // that the call came from: an entry, or a destination that is one
	User            Named[tenant.SIPUserID] // that called, and had proven his password
	Called          Named[tenant.SIPUserID] // whose phones rang
	DestinationID   tenant.DestinationID
	Destination     string // its name
	CallID          []byte // the caller's
	FarCallID       []byte // the callee's
	From, To, URI   []byte // as the caller wrote them
	Source, Target  netip.AddrPort
	SourceTransport string
	TargetTransport string
	Media           []media.Figures // of each stream and side, where bridged
	OneWay          bool            // one side was heard, and the other never
}
