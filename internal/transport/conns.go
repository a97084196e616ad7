package transport

import (
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// peerKey finds connections by what a Hop asks for. TCP, and what peers opened,
// have no name and are not verified.
type peerKey struct {
	proto    Proto
	remote   netip.AddrPort
	name     string
	verified bool
}

// connTable holds the open connections and enforces their limits.
type connTable struct {
	cfg    *Config
	queued atomic.Int64 // bytes in all send queues
	last   atomic.Uint64

	mu       sync.RWMutex // guards all below
	closed   bool
	byID     map[uint64]*stream
	byPeer   map[peerKey][]*stream // the newest last
	count    int                   // byID and the places that are taken for connections to come
	bySource map[netip.Prefix]int
	greeting map[netip.Prefix]int // of bySource, those whose TLS handshake is under way
}

func (t *connTable) init(cfg *Config) {
	t.cfg = cfg
	t.byID = make(map[uint64]*stream)
	t.byPeer = make(map[peerKey][]*stream)
	t.bySource = make(map[netip.Prefix]int)
	t.greeting = make(map[netip.Prefix]int)
	// Identifiers begin anywhere, so that one kept over a restart, however quick, finds nothing.
	t.last.Store(rand.Uint64() >> 1)
}

// newID gives an identifier that was never given before.
func (t *connTable) newID() uint64 { return t.last.Add(1) }

// sourceOf is what counts as one source of connections.
func sourceOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits) // the bits fit the address
	return p
}

// reserve takes a place for a connection to come. An inbound one counts for its
// source too; an outbound one has the invalid Addr.
func (t *connTable) reserve(from netip.Addr) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	if t.count >= t.cfg.MaxConns {
		return ErrTooMany
	}
	if from.IsValid() {
		source := sourceOf(from)
		if t.bySource[source] >= t.cfg.MaxConnsPerSource {
			return ErrTooMany
		}
		t.bySource[source]++
	}
	t.count++
	return nil
}

// release gives a place back.
func (t *connTable) release(from netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count--
	if !from.IsValid() {
		return
	}
	source := sourceOf(from)
	if t.bySource[source]--; t.bySource[source] <= 0 {
		delete(t.bySource, source)
	}
}

// greet takes a place for a handshake of a source that has a connection; greeted gives it back.
func (t *connTable) greet(from netip.Addr) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	source := sourceOf(from)
	if t.greeting[source] >= t.cfg.MaxHandshakes {
		return ErrTooMany
	}
	t.greeting[source]++
	return nil
}

func (t *connTable) greeted(from netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	source := sourceOf(from)
	if t.greeting[source]--; t.greeting[source] <= 0 {
		delete(t.greeting, source)
	}
}

// add makes a connection known; false when the transport is closing.
func (t *connTable) add(s *stream) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.byID[s.flow.Conn] = s
	t.byPeer[s.key] = append(t.byPeer[s.key], s)
	return true
}

// remove forgets a connection.
func (t *connTable) remove(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[s.flow.Conn] != s {
		return
	}
	delete(t.byID, s.flow.Conn)
	list := t.byPeer[s.key]
	kept := make([]*stream, 0, len(list))
	for _, o := range list {
		if o != s {
			kept = append(kept, o)
		}
	}
	if len(kept) == 0 {
		delete(t.byPeer, s.key)
	} else {
		t.byPeer[s.key] = kept
	}
}

func (t *connTable) get(id uint64) *stream {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byID[id]
}

// find gives the newest connection that serves a hop. One that was verified also
// serves a hop that does not ask for it.
func (t *connTable) find(h *Hop, network string) *stream {
	t.mu.RLock()
	defer t.mu.RUnlock()
	key := peerKey{proto: h.Proto, remote: h.Addr}
	if h.Proto != TLS {
		return t.newest(key, network)
	}
	key.name, key.verified = h.ServerName, true
	if s := t.newest(key, network); s != nil || h.Verify {
		return s
	}
	key.verified = false
	if s := t.newest(key, network); s != nil {
		return s
	}
	key.name = ""
	return t.newest(key, network)
}

func (t *connTable) newest(key peerKey, network string) *stream {
	list := t.byPeer[key]
	for i := len(list) - 1; i >= 0; i-- {
		if network == "" || list[i].network == network {
			return list[i]
		}
	}
	return nil
}

// close lets nothing more in and gives what is open.
func (t *connTable) close() []*stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	return slices.Collect(maps.Values(t.byID))
}

// open gives those that are open now.
func (t *connTable) open() []*stream {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Collect(maps.Values(t.byID))
}
