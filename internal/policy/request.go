package policy

import (
	"net/netip"
	"time"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// Direction is a request's: Inbound from the outside to a destination, Outbound from a
// destination to the outside.
type Direction uint8

// The directions.
const (
	Inbound Direction = iota
	Outbound
)

// String is "inbound" or "outbound".
func (d Direction) String() string {
	if d == Outbound {
		return "outbound"
	}
	return "inbound"
}

// MarshalText is String, for JSON.
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Health knows which destinations are down. It is asked on the hot path: no locks held
// for long, no allocation.
type Health interface {
	Down(d *Destination) bool
}

// Request is what a decision looks at.
type Request struct {
	Msg        *sip.Message
	Source     netip.AddrPort
	Local      netip.Addr        // the address that was asked, if known: as a Request-URI host it is no foreign one
	Transport  string            // "udp", "tcp" or "tls"
	Bound      tenant.CustomerID // of the phone that has registered over this flow, 0 = none
	Token      tenant.CustomerID // of the phone whose token the Request-URI is, 0 = none
	Registered Registered        // whose registration of ours is called
	Now        time.Time
	Health     Health // nil: everything is up
	// Ours says that a URI is an identifier of ours: it leads to a phone or a call, and dials no number,
	// whatever it begins with. nil: none is.
	Ours func(uri []byte) bool
	Dry  bool // only asked what would happen: nothing is counted
}

// Registered names a switch at which we have registered. The zero value names none.
type Registered struct {
	Customer tenant.CustomerID
	Switch   tenant.SwitchID
}

// from is the source, an IPv4 address always as such.
func (r *Request) from() netip.AddrPort {
	return netip.AddrPortFrom(r.Source.Addr().Unmap(), r.Source.Port())
}

// How says by what a customer was identified.
type How uint8

// The ways to be known.
const (
	ByNothing How = iota
	ByDomain
	ByDestination
	ByBinding
	ByEntry
	ByUser // has proven a SIP user's password
)

// String is the word of logs and explanations.
func (h How) String() string {
	switch h {
	case ByDomain:
		return "domain"
	case ByDestination:
		return "destination"
	case ByBinding:
		return "binding"
	case ByEntry:
		return "entry"
	case ByUser:
		return "user"
	default:
		return "nothing"
	}
}

// MarshalText is String, for JSON.
func (h How) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// Identity is the answer of Identify: whose request it is.
type Identity struct {
	Customer  *Customer
	Direction Direction
	Source    *Destination // outbound: the destination that called
	Entry     *Switch      // the entry that the source is, nil if it is none; a destination may be one too
	User      *User        // the SIP user that has proven his password, else nil
	By        How
	Domain    string  // the customer's domain that the request named, "" if none
	Emergency bool    // the number called is one of the customer's emergency numbers
	Numbers   Numbers // as the entry's rewriting has made them

	spared [maxWould]Spared // of these the first spares
	spares uint8
}

// MaxCandidates is how many destinations one request is tried on at most.
const MaxCandidates = 16

// Skip is a destination of the group that is no candidate, and why.
type Skip struct {
	Destination *Destination
	Reason      Reason
}

// Candidates is the answer of Route: the destinations to try, in order.
type Candidates struct {
	List     [MaxCandidates]*Destination
	N        int
	Skipped  [MaxCandidates]Skip // of these the first NSkipped; more are not noted
	NSkipped int
	Group    int           // that they are of
	Rule     tenant.RuleID // the routing rule that chose the group, 0 = none
	RuleName string        // its name
	DID      string        // the customer's number that is called and leads to a switch, in place of a group; "" = none
	AllDown  bool          // every one of them is down, and is tried anyway
	Foreign  bool          // N is 0: send to the Request-URI's own host
	Verdict  Verdict       // what Route returned
}

// All is the candidates in order; it aliases c.
func (c *Candidates) All() []*Destination { return c.List[:c.N] }

func (c *Candidates) reset() {
	c.N, c.NSkipped, c.Group, c.Rule, c.RuleName = 0, 0, 0, 0, ""
	c.DID, c.AllDown, c.Foreign, c.Verdict = "", false, false, Verdict{}
}

// PassOver leaves out the first candidate.
func (c *Candidates) PassOver(why Reason) { c.PassOverAt(0, why) }

// PassOverAt leaves out a candidate by its place.
func (c *Candidates) PassOverAt(i int, why Reason) {
	out := c.List[i]
	c.N--
	copy(c.List[i:c.N], c.List[i+1:])
	c.skip(out, why)
}

func (c *Candidates) skip(d *Destination, why Reason) {
	if c.NSkipped < len(c.Skipped) {
		c.Skipped[c.NSkipped] = Skip{d, why}
		c.NSkipped++
	}
}
