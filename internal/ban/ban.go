// Package ban keeps who is banned: addresses and ranges that the platform hears nothing
// from, and those that one customer does. It knows why, for how long, how often a source
// was banned before, and whom no ban may ever hit. What it keeps outlives the process, by
// a journal that it is given.
//
// It is asked for each datagram, before that is parsed: asking takes no lock where nothing
// is banned, and allocates nothing.
//
// Not its job: what a source did (package record, and whoever bans), SIP, HTTP.
package ban

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"tollgate/internal/tenant"
)

// Errors of Add.
var (
	ErrProtected = errors.New("is protected: by never_ban, as a destination, an entry, or by a whitelist")
	ErrFull      = errors.New("as many bans stand as this node can keep")
	ErrNotKept   = errors.New("the ban is in force, but would not outlive this process: the journal is full")
)

const (
	// Most is how many bans stand at once, those that are only remembered included.
	Most = 100_000
	// MaxEvidence is how many bytes of evidence a ban keeps.
	MaxEvidence = 1024
	// Longest is the longest time that anybody is banned for.
	Longest = 10 * 365 * 24 * time.Hour

	firstBan  = 5 * time.Minute
	longBan   = 24 * time.Hour
	remembers = 24 * time.Hour
)

// ID names a ban, the same for one range and scope at any time.
type ID [12]byte

// String is the ID as the API writes it.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Ban is one that stands.
type Ban struct {
	ID       ID
	Prefix   netip.Prefix      // masked
	Customer tenant.CustomerID // whose traffic it acts on; 0 = everybody's
	Reason   string
	Evidence []byte // as it came from the wire; nil where a person banned
	Since    time.Time
	Until    time.Time
	Times    int    // how often Tollgate itself banned it, with this one, 0 = a person did
	Hits     uint64 // what was dropped for it
}

// Wish asks for a ban.
type Wish struct {
	Prefix   netip.Prefix
	Customer tenant.CustomerID
	Reason   string
	Evidence []byte        // is copied; only the first MaxEvidence bytes
	For      time.Duration // 0 = Tollgate bans by itself: 5 minutes, each time twice as long, up to a day
}

// key is what a ban is known by.
type key struct {
	prefix   netip.Prefix
	customer tenant.CustomerID
}

func (k key) id() (id ID) {
	var b [8 + 1 + 16 + 1]byte
	binary.BigEndian.PutUint64(b[:], uint64(k.customer))
	addr := k.prefix.Addr().As16()
	copy(b[9:], addr[:])
	b[25] = byte(k.prefix.Bits())
	if k.prefix.Addr().Is4() {
		b[8] = 4
	}
	sum := sha256.Sum256(b[:])
	copy(id[:], sum[:])
	return id
}

// entry is a ban in the table; only its hits change, and under the table's lock whether the
// kernel drops for it.
type entry struct {
	key
	reason       string
	evidence     []byte
	since, until time.Time
	times        int
	hits         atomic.Uint64
	blocked      bool
}

func (e *entry) ban() Ban {
	return Ban{
		ID: e.id(), Prefix: e.prefix, Customer: e.customer, Reason: e.reason, Evidence: e.evidence,
		Since: e.since, Until: e.until, Times: e.times, Hits: e.hits.Load(),
	}
}

// canonical brings a range to the form in which sources are compared.
func canonical(p netip.Prefix) netip.Prefix {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// doubled is how long a source is banned for the nth time.
func doubled(base time.Duration, times int) time.Duration {
	for range times - 1 {
		if base *= 2; base >= longBan {
			return longBan
		}
	}
	return base
}
