package transport

import (
	"errors"
	"net/netip"
	"time"
)

// Target is what a URI or a destination names, before it is resolved.
type Target struct {
	Host       string
	Port       uint16 // 0: by SRV, or the default
	Proto      Proto  // 0: by NAPTR and SRV, else UDP
	ServerName string // "": Host
	Verify     bool
}

// ResolverConfig says how names are resolved. Zero values mean the defaults.
type ResolverConfig struct {
	Servers    []netip.AddrPort // none: those of ResolvConf
	ResolvConf string           // "/etc/resolv.conf"
	Hosts      string           // "/etc/hosts"
	MaxEntries int              // cached names; 10000
	Timeout    time.Duration    // of one query to one server; 2 s
	Now        func() time.Time // nil = time.Now
}

// Resolver turns targets into hops, with a cache.
type Resolver struct{}

// NewResolver gives a resolver; it starts no goroutine until it is asked.
func NewResolver(cfg ResolverConfig) *Resolver { return &Resolver{} }

// Lookup answers from the cache or for an IP literal, at once, else says false.
func (r *Resolver) Lookup(t Target) ([]Hop, bool) { return nil, false }

// Resolve asks the network and calls done from another goroutine.
func (r *Resolver) Resolve(t Target, done func([]Hop, error)) {
	go done(nil, errors.ErrUnsupported)
}
