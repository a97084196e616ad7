package cdr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// shelf is a store that can refuse.
type shelf struct {
	mu      sync.Mutex
	rows    []CDR
	has     map[ID]bool
	kept    []store.CDR
	batches []int
	pruned  []time.Time
	old     int64 // rows that are too old
	err     error
	hangs   bool // until the asker gives up
	before  func()
}

func (s *shelf) AddCDRs(ctx context.Context, list []store.CDR, again bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.before != nil {
		s.before()
	}
	if s.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if s.err != nil {
		return s.err
	}
	s.batches = append(s.batches, len(list))
	for i := range list {
		c, err := decode(&list[i])
		if err != nil {
			return err
		}
		if again && s.has[list[i].ID] {
			continue
		}
		s.has[list[i].ID] = true
		s.rows = append(s.rows, c)
		s.kept = append(s.kept, store.CDR{Seq: int64(len(s.rows)), ID: list[i].ID, Record: slices.Clone(list[i].Record)})
	}
	return nil
}

func (s *shelf) CDRs(_ context.Context, _ tenant.Scope, q store.CDRQuery, tell func(*store.CDR) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.kept {
		c := &s.kept[i]
		if c.Seq > q.After && !c.Ended().Before(q.Since) && !tell(c) {
			break
		}
	}
	return nil
}

func (s *shelf) CDRsBack(_ context.Context, _ tenant.Scope, before int64, q store.CDRQuery, tell func(*store.CDR) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.kept) - 1; i >= 0; i-- {
		c := &s.kept[i]
		if c.Seq > q.After && (before == 0 || c.Seq < before) && !c.Ended().Before(q.Since) && !tell(c) {
			break
		}
	}
	return nil
}

func (s *shelf) PruneCDRs(_ context.Context, before time.Time, most int) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pruned = append(s.pruned, before)
	n := min(s.old, int64(most))
	s.old -= n
	return n, s.err
}

func (s *shelf) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// book is a journal that can be full.
type book struct {
	mu   sync.Mutex
	kept map[ID][]byte
	puts int
	full bool
}

var errFull = errors.New("the disk is full")

func (b *book) Put(id ID, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.puts++
	if b.full {
		return errFull
	}
	b.kept[id] = slices.Clone(data)
	return nil
}

func (b *book) Delete(id ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.kept, id)
}

func (b *book) set(full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full = full
}

func (b *book) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.kept)
}

// rig is a writer with both.
type rig struct {
	*Writer
	shelf  *shelf
	book   *book
	log    *lockedBuffer
	behind []bool
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newRig() *rig {
	r := &rig{shelf: &shelf{has: map[ID]bool{}}, book: &book{kept: map[ID][]byte{}}, log: &lockedBuffer{}}
	r.Writer = New(r.config())
	return r
}

func (r *rig) config() Config {
	return Config{
		Store: r.shelf, Journal: r.book, Log: slog.New(slog.NewTextHandler(r.log, nil)), Keep: 24 * time.Hour,
		Behind: func(is bool) { r.behind = append(r.behind, is) },
	}
}

// record is the n-th call, full of everything.
func record(n int) *Record {
	r := &Record{
		Company: 2, Customer: 3, CustomerName: "acme", Outbound: true, Hidden: true, Answered: true,
		Started: time.UnixMicro(1_800_000_000_000_000).UTC(), Setup: 1234567 * time.Microsecond, Duration: time.Hour,
		Status: 200, Reason: "ok", EndedBy: Callee, Rule: 9, RuleName: "wall", Limit: "customer 3", Counter: "10 of 10", DestinationID: 7, Destination: "pbx",
		CallID: []byte("call@phone"), FarCallID: []byte("far"), From: []byte(`"Alice" <sip:alice@x.test>`), To: []byte("<sip:bob@y.test>"),
		URI: []byte("sip:+39040123456@y.test"), Source: netip.MustParseAddrPort("192.0.2.1:5060"), Target: netip.MustParseAddrPort("[2001:db8::1]:5061"),
		SourceTransport: "udp", TargetTransport: "tls",
		Switch: Named[tenant.SwitchID]{11, "trunk"}, User: Named[tenant.SIPUserID]{12, "alice"}, Called: Named[tenant.SIPUserID]{13, "bob"},
	}
	binary.BigEndian.PutUint64(r.ID[:], uint64(n))
	return r
}

// wait lets virtual time pass.
func wait(d time.Duration) {
	time.Sleep(d) // virtual: testing/synctest
	synctest.Wait()
}
