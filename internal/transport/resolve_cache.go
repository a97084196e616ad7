package transport

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// cache is a bounded map whose values grow old.
type cache[K comparable, V any] struct {
	mu   sync.RWMutex // guards m
	m    map[K]V
	size int
}

func (c *cache[K, V]) init(size int) { c.m, c.size = make(map[K]V), size }

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok := c.m[k]
	return v, ok
}

// put adds a value. A full cache looks at a few others, and drops those that are
// old, or one that is not.
func (c *cache[K, V]) put(k K, v V, now time.Time, until func(V) time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.m[k]; !ok && len(c.m) >= c.size {
		seen := 0
		for other, old := range c.m {
			if seen++; now.After(until(old)) {
				delete(c.m, other)
			} else if seen > 16 {
				break
			}
		}
		for other := range c.m {
			if len(c.m) < c.size {
				break
			}
			delete(c.m, other)
		}
	}
	c.m[k] = v
}

// question is one that a DNS server can answer; name is absolute and in lower case.
type question struct {
	name  string
	qtype uint16
}

// rrset is the answer, of which one list is filled; none: there are no such
// records, or no such name.
type rrset struct {
	addrs []netip.Addr
	srv   []*dns.SRV
	naptr []*dns.NAPTR
	err   error // nobody answered
	until time.Time
}

func (s rrset) empty() bool { return len(s.addrs) == 0 && len(s.srv) == 0 && len(s.naptr) == 0 }

// Bounds of what a TTL may say. Records with TTL 0 still serve those who ask at
// the same time.
const (
	shortestTTL  = time.Second
	longestTTL   = 24 * time.Hour
	negativeTTL  = 30 * time.Second // without an SOA that says it (RFC 2308 5)
	longestNoTTL = 5 * time.Minute
)

// errMiss says that the cache does not know.
var errMiss = errors.New("not cached")

// source answers a question, from the cache or from the network.
type source func(context.Context, question) (rrset, error)

func (r *Resolver) cached(_ context.Context, q question) (rrset, error) {
	if set, ok := r.records.get(q); ok && r.cfg.Now().Before(set.until) {
		return set, set.err
	}
	return rrset{}, errMiss
}

func (r *Resolver) fetch(ctx context.Context, q question) (rrset, error) {
	if set, err := r.cached(ctx, q); !errors.Is(err, errMiss) {
		return set, err
	}
	set, ttl, err := r.client.ask(ctx, q)
	if err != nil {
		set, ttl = rrset{err: err}, failedFor
	}
	now := r.cfg.Now()
	set.until = now.Add(ttl)
	r.records.put(q, set, now, func(s rrset) time.Time { return s.until })
	return set, err
}

func (c *cache[K, V]) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.m)
}
