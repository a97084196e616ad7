// Package threat sees who attacks: strangers who go on asking, scanners by their marks, and
// whoever guesses passwords or users. It counts what others tell it of, and has the sources
// banned. It also keeps who the strangers were, for people who wonder why a phone is not heard.
//
// A source is an IPv4 address, or the /64 of an IPv6 address: whoever has one address of it
// has them all. Its memory is taken when it is made: attackers choose the keys, so the tables
// are of a fixed size, hashed with a secret, and give up the quietest first.
//
// What is told only counts, and costs no allocation. A source that has done too much is handed
// to a goroutine, the judge: whether it is known (a registered phone, a live call) cannot be
// asked while a shard of the transaction layer is locked.
//
// Not its job: to decide about a request (package gate), or to keep bans (package ban).
//
// RFC 3261 22; RFC 7616 3.3 (stale).
package threat

import (
	"hash/maphash"
	"iter"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"tollgate/internal/ban"
)

// What is too much (mission row X1).
const (
	strangerMost = 20 // requests of a stranger within strangerSpan
	strangerSpan = 10 * time.Second
	markMost     = 3  // requests with a scanner's mark
	failMost     = 10 // wrong passwords, or users, within failSpan
	failSpan     = 60 * time.Second
)

// Offence is what a source is banned for.
type Offence uint8

// The offences.
const (
	Persistence    Offence = iota // a stranger who goes on asking
	Scanner                       // by its mark
	ManyUsers                     // whom it has no password for, or who do not exist
	WrongPasswords                // of one source
	UserAttacked                  // wrong passwords for one user, from wherever
	offences
)

var offenceTable = [offences]struct{ code, sentence string }{
	Persistence:    {"stranger", "A stranger: more than 20 requests within 10 s for nobody here."},
	Scanner:        {"scanner", "A scanner, by the mark that it puts into its requests."},
	ManyUsers:      {"many_users", "10 users within 60 s that do not exist, or whose password it does not know."},
	WrongPasswords: {"wrong_passwords", "10 wrong passwords within 60 s."},
	UserAttacked:   {"user_attacked", "One of 10 wrong passwords for one user within 60 s."},
}

// Code is the metric's label and the log's word.
func (o Offence) Code() string { return offenceTable[o].code }

// Sentence is the reason of the ban, for people.
func (o Offence) Sentence() string { return offenceTable[o].sentence }

// Offences lists them all.
func Offences() []Offence {
	all := make([]Offence, offences)
	for i := range all {
		all[i] = Offence(i)
	}
	return all
}

// Config says what a Guard works with. Its functions are called by the judge, with no lock
// held, and by Strangers.
type Config struct {
	Ban    func(w ban.Wish) (ban.Ban, error)
	Banned func(addr netip.Addr) bool // already, for everybody
	Spared func(addr netip.Addr) bool // no ban holds it, whatever it does
	// Known gives the addresses of all registered phones and of the parties of all answered
	// calls, some of them more than once.
	Known   iter.Seq[netip.Addr]
	Domains iter.Seq[string] // of all customers, canonical
	Log     *slog.Logger
}

// Guard watches sources. Its methods may be called from any goroutine.
type Guard struct {
	cfg     Config
	seed    maphash.Seed
	start   time.Time
	latest  atomic.Uint32 // moment of the last failure plus 1, 0 = never
	banned  [offences]atomic.Uint64
	accused chan accusation

	mu        sync.Mutex // guards the tables
	strangers *table[stranger]
	sources   *table[suspect]
	users     *table[ring]

	stop chan struct{}
	done sync.WaitGroup
}

// Sizes of the tables; all of them together take 3.5 MB.
const (
	maxStrangers = 4096
	maxSources   = 4096
	maxUsers     = 4096
	maxAccused   = 256 // at once; more of them are judged at their next offence
)

// New makes a guard; nobody is banned before Run.
func New(cfg Config) *Guard {
	return &Guard{
		cfg: cfg, seed: maphash.MakeSeed(), start: time.Now(), accused: make(chan accusation, maxAccused),
		strangers: newTable[stranger](maxStrangers), sources: newTable[suspect](maxSources), users: newTable[ring](maxUsers),
		stop: make(chan struct{}),
	}
}

// Run starts the judge; Close ends it.
func (g *Guard) Run() { g.done.Go(g.judge) }

// Close ends Run. It is called once.
func (g *Guard) Close() {
	close(g.stop)
	g.done.Wait()
}

// Bans is how many sources were banned for an offence since the start.
func (g *Guard) Bans(o Offence) uint64 { return g.banned[o].Load() }

// sourceOf is what counts as one source.
func sourceOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return netip.PrefixFrom(addr, 32)
	}
	return netip.PrefixFrom(addr, 64).Masked()
}

// key hashes a source; 0 is no key.
func (g *Guard) key(addr netip.Addr) uint64 {
	raw := sourceOf(addr).Addr().As16()
	return maphash.Bytes(g.seed, raw[:]) | 1
}

// moment is a time in hundredths of a second since the start. After 497 days it begins anew;
// what is that old then counts as recent for a moment, which does no harm.
type moment uint32

func (g *Guard) moment(now time.Time) moment {
	return moment(now.Sub(g.start) / (10 * time.Millisecond))
}

// within says that at was no longer than d ago.
func (now moment) within(at moment, d time.Duration) bool {
	return time.Duration(now-at)*10*time.Millisecond <= d
}
