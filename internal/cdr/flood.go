package cdr

import (
	"encoding/binary"
	"net/netip"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// In a flood not each refused attempt has a record: of those alike (customer, reason and source
// address) the first ones of a second have, and one more stands for the rest and says how many.
const (
	floodSpan  = time.Second
	floodAlike = 10 // records in a span for attempts alike
	// floodAll is the same for all sources of one customer and reason: addresses are easily forged.
	floodAll = 100
	// mostWindows is how many sources are told apart at a time.
	mostWindows = 10_000
)

// window is what was counted of attempts alike since a time.
type window struct {
	began time.Time
	count int
}

// alike is what they have in common; without an address it is all of the customer's with a reason.
type alike struct {
	customer tenant.CustomerID
	reason   string
	source   netip.Addr
}

// flood counts refused attempts, and has the records that stand for several until their second is over.
type flood struct {
	windows map[alike]window
	open    map[alike]*summary
}

// summary is a record that stands for more attempts than its own.
type summary struct {
	id    ID
	data  []byte
	began time.Time
	more  uint32 // attempts beside its own
	kept  bool   // by the journal
}

func newFlood() flood { return flood{windows: map[alike]window{}, open: map[alike]*summary{}} }

// admit says whether an attempt has a record of its own; if not, it belongs to the summary of what.
func (f *flood) admit(r *Record, now time.Time) (what alike, ok bool) {
	all := alike{customer: r.Customer, reason: r.Reason}
	one := all
	one.source = r.Source.Addr()
	if !f.room(all, now, floodAll) {
		return all, false
	}
	if !f.room(one, now, floodAlike) {
		return one, false
	}
	f.count(all)
	f.count(one)
	return one, true
}

// room says whether a window is not full, and begins it anew where its time is over.
func (f *flood) room(what alike, now time.Time, most int) bool {
	w, is := f.windows[what]
	if is && now.Sub(w.began) < floodSpan {
		return w.count < most
	}
	if is || len(f.windows) < mostWindows {
		f.windows[what] = window{began: now}
	}
	return true
}

func (f *flood) count(what alike) {
	if w, is := f.windows[what]; is {
		w.count++
		f.windows[what] = w
	}
}

// forget drops the windows whose time is over.
func (f *flood) forget(now time.Time) {
	for what, w := range f.windows {
		if now.Sub(w.began) >= floodSpan {
			delete(f.windows, what)
		}
	}
}

// repeatedAt is where a record says how many more it stands for, behind version, flags and status.
const repeatedAt = store.CDRHead + 4

// say writes into the record how many more attempts it stands for.
func (s *summary) say() { binary.BigEndian.PutUint32(s.data[repeatedAt:], s.more) }

// addRepeated counts an attempt that has no record of its own. What the journal knows of the
// count is more than half of it: it is told each time that it has doubled. mu is held.
func (w *Writer) addRepeated(r *Record, what alike, now time.Time) {
	s := w.flood.open[what]
	if s == nil { // this one has the record
		s = &summary{id: r.ID, data: r.append(nil), began: now}
		w.flood.open[what] = s
		w.arm()
	} else {
		w.stats.Repeated++
		s.more++
		s.say()
	}
	if s.more&(s.more-1) == 0 {
		s.kept = w.cfg.Journal.Put(s.id, s.data) == nil
	}
}

// closeFlood hands over the summaries whose second is over, or all.
func (w *Writer) closeFlood(now time.Time, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flood.forget(now)
	for what, s := range w.flood.open {
		if !all && now.Sub(s.began) < floodSpan {
			w.arm()
			continue
		}
		delete(w.flood.open, what)
		start := len(w.filling.data)
		w.filling.data = append(w.filling.data, s.data...)
		err := w.cfg.Journal.Put(s.id, s.data)
		w.unkept = w.unkept || err != nil
		w.add(entry{id: s.id, start: start, end: len(w.filling.data), kept: err == nil})
	}
}
