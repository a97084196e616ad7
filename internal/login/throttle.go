package login

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// Throttle says how long whoever guesses passwords has to wait. It counts tries that were not (yet)
// right: of an address for one name, of an address for all names, and for a name from all addresses
// that have not logged in with it lately. So one who guesses is slowed, alone or from many
// addresses, and nobody is kept out of his own account from where he always comes. Its methods may
// be called at once. The names are those that were typed, whether anybody has them or not.
type Throttle struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	tries   map[attempt]*list.Element
	touched *list.List // of *tried, the latest first
}

// attempt is what is counted: a source, a name, or both.
type attempt struct {
	source netip.Prefix
	name   string
}

type tried struct {
	attempt
	count int
	last  time.Time
	until time.Time // none before
}

// pace is how much is free, and what each further try costs.
type pace struct {
	free int
	most time.Duration // the delay doubles from a second up to this
}

// paces: 3 tries at a name, 20 of a source for all names (an office behind one address), 30 at a name
// from everywhere.
func paces() (pair, source, name pace) {
	return pace{3, 15 * time.Minute}, pace{20, 5 * time.Minute}, pace{30, 30 * time.Second}
}

const (
	forget   = time.Hour // after the last try
	maxTries = 30_000    // what is remembered; the longest untouched goes first
)

// NewThrottle gives a throttle; now nil is time.Now.
func NewThrottle(now func() time.Time) *Throttle {
	if now == nil {
		now = time.Now
	}
	return &Throttle{now: now, tries: map[attempt]*list.Element{}, touched: list.New()}
}

// Begin counts a try, and gives 0, or how long to wait before the next: then nothing was counted, and
// the password is not to be looked at. familiar: this address has logged in with that name lately.
func (t *Throttle) Begin(source, name string, familiar bool) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	counted := t.of(source, name, familiar)
	for _, c := range counted {
		if e := t.tries[c.attempt]; e != nil {
			wait = max(wait, e.Value.(*tried).until.Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for _, c := range counted {
		t.count(c.attempt, c.pace, now)
	}
	return 0
}

// Succeeded takes back what Begin counted, and forgets the tries of this address for this name.
func (t *Throttle) Succeeded(source, name string, familiar bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, c := range t.of(source, name, familiar) {
		e := t.tries[c.attempt]
		if e == nil {
			continue
		}
		v := e.Value.(*tried)
		if v.count--; i == 0 || v.count <= 0 {
			t.drop(e)
		}
	}
}

type paced struct {
	attempt
	pace
}

// of lists what a try counts for, the pair first.
func (t *Throttle) of(source, name string, familiar bool) []paced {
	from := network(source)
	ofPair, ofSource, ofName := paces()
	out := []paced{{attempt{from, name}, ofPair}, {attempt{source: from}, ofSource}}
	if !familiar {
		out = append(out, paced{attempt{name: name}, ofName})
	}
	return out
}

// Origin is a source as it is told apart from others: an IPv4 address, an IPv6 /64.
func Origin(source string) string { return network(source).String() }

// network is the source as it is counted: whoever has an IPv6 address has its /64.
func network(source string) netip.Prefix {
	a, err := netip.ParseAddr(source)
	if err != nil {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0) // a socket, or nothing: one source
	}
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(a, bits).Masked()
}

func (t *Throttle) count(a attempt, p pace, now time.Time) {
	e := t.tries[a]
	if e == nil {
		t.makeRoom()
		e = t.touched.PushFront(&tried{attempt: a})
		t.tries[a] = e
	}
	t.touched.MoveToFront(e)
	v := e.Value.(*tried)
	if now.Sub(v.last) > forget {
		v.count = 0
	}
	v.count++
	v.last, v.until = now, time.Time{}
	if over := v.count - p.free; over >= 0 {
		v.until = now.Add(min(p.most, time.Second<<min(over, 20)))
	}
}

func (t *Throttle) makeRoom() {
	if t.touched.Len() >= maxTries {
		t.drop(t.touched.Back())
	}
}

func (t *Throttle) drop(e *list.Element) {
	delete(t.tries, t.touched.Remove(e).(*tried).attempt)
}
