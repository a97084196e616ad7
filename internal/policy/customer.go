package policy

import (
	"net/netip"
	"strconv"
	"strings"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// Platform is what holds for the whole node.
type Platform struct {
	Calls int      // ceiling over all calls, 0 = unlimited
	CPS   int      // ceiling over all new calls a second, 0 = unlimited
	Local []string // hosts and addresses that mean this node: a Request-URI with one of them is a number here, not a foreign host
}

// Company carries the ceilings over all customers of one company. Immutable.
type Company struct {
	ID       tenant.CompanyID
	Name     string
	Channels int // 0 = unlimited
	CPS      int // 0 = unlimited
}

// Customer is one account, compiled. Immutable: a change makes another.
type Customer struct {
	// What each of his calls looks at comes first, Settings in it as three flags; see headerRules.
	Company     *Company // never nil
	firewall    *firewall
	routing     *routing
	blocklist   *blocklist
	Plan        NumberPlan
	Transparent bool // by its own setting or by a switch over several (SetTransparent)
	here        bool // phones register at this node
	grouped     bool // destination groups are enabled
	balanced    bool // calls are spread over the destinations of a group
	egress      bool // some of Switches sends calls to us

	emergencyLongest int                                // bytes of the longest of emergency
	ways             map[tenant.SwitchID][]*Destination // to the switches that dids lead to
	groups           [maxGroup + 1][]*Destination       // by priority, position, id
	Settings         tenant.Customer

	Domains       []string       // canonical; the first one is the main one
	Destinations  []*Destination // by id
	Switches      []*Switch      // by id
	Registrations []*Destination // the ways to the switches at which we register
	callers       *callers
	dids          map[string]*did  // by didKey; nil if there are none
	users         map[string]*User // by name; nil if there are none
	usersByID     map[tenant.SIPUserID]*User
	profiles      map[tenant.ProfileID]*Profile
	emergency     []string // as Plan writes them
}

// maxGroup is the highest number of a destination group (mission row C7).
const maxGroup = 9

// Group is the destinations of one group, by priority and id; not to be written to.
func (c *Customer) Group(n int) []*Destination {
	if n < 1 || n > maxGroup {
		return nil
	}
	return c.groups[n]
}

// Destination is one neighbour of a customer, with a switch's particulars filled in. Immutable.
type Destination struct {
	// What each request looks at comes first; see headerRules.
	ID        tenant.DestinationID
	Protocol  string           // udp, tcp, tls or tls+srtp
	Addrs     []netip.AddrPort // where it is: of an address itself, of a name as last resolved
	Switch    *Switch          // nil unless the destination is a switch
	Port      uint16           // 0: by SRV, else DefaultPort; never 0 where Host is an address
	Class5    bool
	Disabled  bool
	Encrypted bool   // tls+srtp: media is SRTP, which takes bridging
	Literal   bool   // Host is an address, and so Addrs all there is to know
	Verify    bool   // check the certificate
	Host      string // a name, or an address without brackets
	Network   string // leave by a listener of this network, "" = any

	Changes    []sip.HeaderChange // of the requests that go there
	Proxies    []Proxy            // that it is called by, in any order; empty: directly
	Via        string             // the same as text
	ServerName string             // for TLS: the name that the certificate must have
	Customer   tenant.CustomerID
	Name       string
	Priority   int // lower is tried first
	position   int // order among equal priorities
	Group      int // 1 to 9
}

// Proxy is where a switch is called by.
type Proxy struct {
	Host string
	Port uint16 // 0: by SRV, else the default
}

// proxy reads host, host:port or [v6]:port.
func proxy(text string) Proxy {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return Proxy{at.Addr().String(), at.Port()}
	}
	if _, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return Proxy{Host: strings.Trim(text, "[]")}
	}
	host, digits, _ := strings.Cut(text, ":")
	port, _ := strconv.ParseUint(digits, 10, 16)
	return Proxy{host, uint16(port)}
}

// Transport is "udp", "tcp" or "tls".
func (d *Destination) Transport() string {
	if d.Protocol == protoSRTP {
		return protoTLS
	}
	return d.Protocol
}

// DefaultPort is 5061 for TLS, else 5060 (RFC 3261 19.1.2).
func (d *Destination) DefaultPort() uint16 {
	if d.Transport() == protoTLS {
		return 5061
	}
	return 5060
}

// at reports whether the destination listens on an address and port.
func (d *Destination) at(a netip.AddrPort) bool {
	for _, have := range d.Addrs {
		if have == a {
			return true
		}
	}
	return false
}

// sameNeighbour reports whether two destinations are one host, port and transport.
func (d *Destination) sameNeighbour(o *Destination) bool {
	return d.ID == o.ID || d.Host == o.Host && d.Port == o.Port && d.Protocol == o.Protocol
}

// The protocols of a destination.
const (
	protoUDP  = "udp"
	protoTCP  = "tcp"
	protoTLS  = "tls"
	protoSRTP = "tls+srtp"
)
