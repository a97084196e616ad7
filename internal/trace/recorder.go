package trace

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Config says what a Recorder is made of.
type Config struct {
	Dir       string        // of the segments; is made
	MaxMemory int           // bytes of cases that go on; 0 = 16 MiB
	MaxDisk   int64         // bytes of all segments; 0 = 2 GiB
	Keep      time.Duration // how long; 0 = as long as there is room
	Log       *slog.Logger
	// AppendFar appends the Call-ID that the far side of a hidden call gets; nil: no calls are
	// hidden.
	AppendFar func(dst, callID, fromTag []byte) []byte
	// Lives says which calls of an earlier process are still up; nil: none. It is asked once
	// for each, by Run.
	Lives func(ID) bool
}

const (
	// bufferBytes is how much waits for the drain at most.
	bufferBytes = 4 << 20
	// eventRoom is kept for events, which are few and say more than messages.
	eventRoom = 512 << 10
	// mostStrangers is how many refusals of strangers one buffer takes: more are made than
	// are kept (see budget), but a flood of them should cost less than that.
	mostStrangers = 256
	maxMessage    = 65535 // bytes, as package sip
)

// Recorder keeps cases. Heard, Sent, Decided, Asked, Refused and Ended may be called from any goroutine.
type Recorder struct {
	cfg       Config
	sentences map[string]string // of reasons, by code
	seed      maphash.Seed      // of hashes of Call-IDs
	drain     *drain
	asks      chan *ask
	wake      chan struct{} // room for one
	stop      chan struct{}
	done      sync.WaitGroup
	watching  watching
	start     time.Time
	wall      atomic.Int64 // nanoseconds: what the wall clock shows more than the time since start

	mu        sync.Mutex // guards what follows
	filling   []byte     // records (see recordHeader)
	asleep    bool       // the drain waits for wake
	strangers int        // in filling
	closed    bool

	lostMessages, lostEvents, unkept atomic.Uint64
	stats                            atomic.Pointer[Stats] // the drain's part
}

// The kinds of records in a buffer.
const (
	recMessage = iota + 1
	recDecided
	recEnded
	recAsked
	recRefused
)

// A record in a buffer: u32 length of what follows, u8 kind, then
//
//	message   flags; of one that was indexed, u16 offset and u16 length of Call-ID, From's tag and
//	          branch, else nothing; then as in a file from the time on (segment.go)
//	decided   id, u64 hash of the Call-ID, event
//	ended     likewise, but u16 length of the event without what the decision said, that, event
//	asked     u64 hash of the Call-ID, address of the source
//	refused   id, refusal (within.go)
const (
	recordHeader  = 5
	messageHeader = recordHeader + 1 + saidFixed
	indexedHeader = 3 * (2 + 2) // more
	eventHeader   = 12 + 8      // without recordHeader
	askedLen      = 8 + 18      // likewise
)

// New makes a recorder; nothing is written before Run.
func New(cfg Config) (*Recorder, error) {
	if cfg.MaxMemory == 0 {
		cfg.MaxMemory = 16 << 20
	}
	if cfg.MaxDisk == 0 {
		cfg.MaxDisk = 2 << 30
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &Recorder{
		cfg: cfg, sentences: make(map[string]string), asks: make(chan *ask), wake: make(chan struct{}, 1),
		stop: make(chan struct{}), filling: make([]byte, 0, bufferBytes), asleep: true,
		seed: maphash.MakeSeed(), start: time.Now(),
	}
	r.setClock()
	for _, reason := range policy.Reasons() {
		r.sentences[reason.Code()] = reason.Sentence()
	}
	r.stats.Store(new(Stats))
	store, err := openStore(&cfg)
	if err != nil {
		return nil, err
	}
	r.drain = newDrain(r, store)
	return r, nil
}

// Heard keeps a message that came. It copies, and never waits for more than another copy.
func (r *Recorder) Heard(f transport.Flow, m *sip.Message) {
	s, data := indexed(m), m.Bytes()
	at := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.message(messageHeader+indexedHeader+len(data), s.flags()|flagIndexed)
	if !ok {
		return
	}
	for _, part := range [...][]byte{s.callID, s.fromTag, s.branch} {
		at, n := offsetIn(data, part), len(part)
		if at == 0 {
			n = 0
		}
		b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, uint16(at)), uint16(n))
	}
	r.filled(append(appendSaid(b, at, true, f), data...))
}

// Sent keeps a message that left, as Heard does.
func (r *Recorder) Sent(f transport.Flow, data []byte) {
	at := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if b, ok := r.message(messageHeader+len(data), 0); ok {
		r.filled(append(appendSaid(b, at, false, f), data...))
	}
}

// message begins the record of a message that takes so many bytes. mu is held.
func (r *Recorder) message(size int, flags byte) ([]byte, bool) {
	b := r.filling
	if len(b)+size > cap(b)-eventRoom || size > messageHeader+indexedHeader+maxMessage || r.closed {
		r.lostMessages.Add(1)
		return nil, false
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(size-4)), recMessage, flags), true
}

// appendSaid appends what stands before a message's data.
func appendSaid(b []byte, at int64, in bool, f transport.Flow) []byte {
	way := byte(0)
	if in {
		way = 1
	}
	b = append(binary.BigEndian.AppendUint64(b, uint64(at)), way, byte(f.Proto))
	return appendAddr(appendAddr(b, f.Local), f.Remote)
}

// now is the wall clock in nanoseconds, as of when the drain looked at it last: the time since
// then is half as dear as the time of day.
func (r *Recorder) now() int64 { return r.wall.Load() + int64(time.Since(r.start)) }

// setClock looks at the wall clock.
func (r *Recorder) setClock() {
	now := time.Now()
	r.wall.Store(now.UnixNano() - int64(now.Sub(r.start)))
}

// offsetIn says where in b its part lies; 0 where it is none.
func offsetIn(b, part []byte) int {
	at := cap(b) - cap(part)
	if len(part) == 0 || at < 0 || at+len(part) > len(b) || &b[at] != &part[0] {
		return 0
	}
	return at
}

// Decided keeps the verdict of a request outside of dialogs.
func (r *Recorder) Decided(e *Event) {
	if e.Started.IsZero() {
		e.Started = time.Now()
	}
	ended := int64(0)
	if e.Verdict.Refused() {
		ended = e.Started.UnixNano()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Customer == 0 {
		if r.strangers >= mostStrangers {
			r.unkept.Add(1)
			return
		}
		r.strangers++
	}
	b, ok := r.event(recDecided, e)
	if !ok {
		return
	}
	r.framed(appendEvent(b, e, ended))
}

// Asked says that the sender of a request was asked for a password: nothing is kept of it, and what
// comes of it is decided when he comes again, under the same Call-ID.
func (r *Recorder) Asked(source transport.Flow, callID []byte) {
	hash := maphash.Bytes(r.seed, callID)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.filling)+recordHeader+askedLen > cap(r.filling) || r.closed {
		return // its request is forgotten in time
	}
	b := binary.BigEndian.AppendUint64(append(r.filling, 0, 0, 0, 0, recAsked), hash)
	r.framed(appendAddr(b, source.Remote))
}

// Ended keeps how a call was that is over.
func (r *Recorder) Ended(e *Event) {
	ended := e.Started.Add(e.Setup + e.Duration).UnixNano()
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.event(recEnded, e)
	if !ok {
		return
	}
	at := len(b)
	brief := *e
	brief.CallID, brief.From, brief.To, brief.URI, brief.UserAgent = nil, nil, nil, nil, nil
	brief.CustomerName = ""
	b = appendEvent(append(b, 0, 0), &brief, ended)
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-2))
	r.framed(appendEvent(b, e, ended))
}

// event begins the record of an event. mu is held, and its room is checked.
func (r *Recorder) event(kind byte, e *Event) ([]byte, bool) {
	if len(r.filling)+recordHeader+eventHeader+2+2*maxEvent > cap(r.filling) || r.closed {
		r.lostEvents.Add(1)
		return nil, false
	}
	b := append(append(r.filling, 0, 0, 0, 0, kind), e.ID[:]...)
	return binary.BigEndian.AppendUint64(b, maphash.Bytes(r.seed, e.CallID)), true
}

// framed ends what event began: b is all of filling.
func (r *Recorder) framed(b []byte) {
	at := len(r.filling)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	r.filled(b)
}

// filled takes a buffer that holds more, and sees to it that it is drained. mu is held.
func (r *Recorder) filled(b []byte) {
	half := len(r.filling) < bufferBytes/2 && len(b) >= bufferBytes/2
	r.filling = b
	if !r.asleep && !half {
		return
	}
	if r.asleep {
		r.asleep = false
		r.setClock() // it may have been long
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// swap takes what has come, and leaves an empty buffer.
func (r *Recorder) swap(empty []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	full := r.filling
	r.filling, r.strangers = empty[:0], 0
	return full
}

// waiting is how many bytes wait for the drain.
func (r *Recorder) waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.filling)
}

// sleep says that the drain waits for wake from now on; false: something has come.
func (r *Recorder) sleep() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asleep = len(r.filling) == 0
	return r.asleep
}

// Run starts the drain.
func (r *Recorder) Run() { r.done.Go(r.drain.run) }

// Close takes nothing more, brings all to the files, and waits for that.
func (r *Recorder) Close() {
	r.mu.Lock()
	was := r.closed
	r.closed = true
	r.mu.Unlock()
	if was {
		return
	}
	close(r.stop)
	r.done.Wait()
	r.watching.close()
}

// Stats counts.
func (r *Recorder) Stats() Stats {
	s := *r.stats.Load()
	s.LostMessages += r.lostMessages.Load()
	s.LostCases += r.lostEvents.Load()
	s.Unkept += r.unkept.Load()
	s.Unwatched = r.watching.missed.Load()
	return s
}

// ask is a reader who wants all that has happened until now in the files.
type ask struct {
	done     chan struct{}
	segments []segmentInfo // those that there are, the newest first
}

// settled gives the segments, with everything in them that has happened until now.
func (r *Recorder) settled(ctx context.Context) ([]segmentInfo, error) {
	a := &ask{done: make(chan struct{})}
	select {
	case r.asks <- a:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.stop:
		return nil, ErrNotFound
	}
	select {
	case <-a.done:
		return a.segments, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
