// Package config reads node.yaml: what one node binds, where it keeps its data and how it
// speaks. Every fault is found at once and named with its line and column, what is wrong and
// what would be right; every key can be set by an environment variable instead
// (sip.listen: TOLLGATE_SIP_LISTEN).
//
// It is not its job to use what it names, nor to know tenants: those are in the store.
package config

import (
	"net/netip"
	"time"
)

// Node is node.yaml, complete: what the file leaves out has its default.
type Node struct {
	DataDir   string // folder of the database, the keys and the control socket
	Database  string // "" = SQLite in DataDir; or postgres://...
	Redis     string // "" = live state in this process; or redis://...
	SIP       SIP
	Media     Media
	HTTP      HTTP
	Platform  Platform
	Limits    Limits
	NeverBan  []netip.Prefix // masked; one address is a /32 or /128
	Forbidden Forbidden
	Retention Retention
	CDR       CDR
	Log       Log

	Version   string   // of the program, for whoever asks the node; "" = what the build says
	SecretKey []byte   // 32 bytes that seal secrets, from TOLLGATE_SECRET_KEY only; nil = the file in DataDir
	Test      Test     // for Tollgate's own tests, from the environment only
	Unknown   []string // TOLLGATE_... variables that are no setting, to be warned of
}

// SIP says where SIP is spoken.
type SIP struct {
	Listen       []Listener
	Certificates []Certificate // none: self-signed
}

// Listener is one address on which SIP is spoken.
type Listener struct {
	Proto     string         // udp, tcp or tls
	Addr      netip.AddrPort // unspecified address: all of its family; port 0: any free one
	Advertise string         // host or address, optionally :port, that peers are told; "" = the address asked
	Network   string         // name of the network it is in, "" where there is one only
}

// URL writes the listener as node.yaml does: udp://0.0.0.0:5060.
func (l Listener) URL() string { return l.Proto + "://" + l.Addr.String() }

// Certificate names the PEM files of a chain and its key.
type Certificate struct{ Cert, Key string }

// Media says where RTP is spoken.
type Media struct {
	First, Last int    // ports, both included
	Kernel      string // auto or off
	KernelWay   string // "" or clsact: how programs are attached, from TOLLGATE_KERNEL only
	Networks    []Network
}

// Network is one of several networks a node stands in.
type Network struct {
	Name      string
	Address   netip.Addr
	Advertise string // "" = Address
}

// HTTP says where the API, the panel and the metrics are served.
type HTTP struct {
	Listen         string // host:port; "" = not at all
	Metrics        string // likewise
	Certificates   []Certificate
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
}

// Platform says where third-level domains of customers live, and how people reach its operator.
type Platform struct{ Domain, Host, Contact string }

// Limits are ceilings over the whole platform, 0 = unlimited.
type Limits struct{ Calls, CPS int }

// Forbidden is where no destination may lead, unless a platform user set it.
type Forbidden struct {
	Own      bool // our own listeners
	Prefixes []netip.Prefix
}

// Retention says how long records are kept; 0 = for ever.
type Retention struct{ CDRs, Traces time.Duration }

// CDR says where call records go beside the database.
type CDR struct{ Webhook Webhook }

// Webhook is who is told of each call record; never logged nor shown.
type Webhook struct {
	URL    string // "" = nobody
	Secret string // signs what is sent; at least 16 bytes where there is a URL
}

// Log says what is logged, and how.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // text or json
}

// Test is what Tollgate's own tests change.
type Test struct {
	Live      string        // "" or delayed: the backend of live state
	Keepalive time.Duration // between two OPTIONS to a destination; 0 = the usual
	Ban       time.Duration // the first ban of a source by Tollgate itself; 0 = the usual
	// MediaTimeout is how long a bridged call goes on without media; 0 = the usual.
	MediaTimeout time.Duration
}
