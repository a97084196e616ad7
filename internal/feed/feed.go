// Package feed tells whoever watches what happens, once made for all of them. Nobody waits for a
// watcher: what one does not take in time he loses, and is told how much.
//
// Not its job: to find out what happens (package edge), or to know who may see it: a watcher
// brings a filter.
package feed

import (
	"slices"
	"sync"
	"sync/atomic"

	"tollgate/internal/tenant"
)

// The kinds of events.
const (
	Call        = "call"        // a call started, was answered or ended
	Ban         = "ban"         // somebody was banned, or a ban was lifted
	Destination = "destination" // how one does has changed
	Config      = "config"      // the configuration was changed
)

// Event is something that happened. It is shared by all who get it: it is not to be written to.
type Event struct {
	Kind     string
	Company  tenant.CompanyID  // whose it is where Customer is 0; 0 too: the platform's
	Customer tenant.CustomerID // whose it is
	Data     []byte            // JSON
}

// unread is how many events wait for one watcher: what a second under a thousand short calls makes.
const unread = 2048

// Feed is where events are told. Its methods may be called from any goroutine.
type Feed struct {
	some atomic.Bool // there is a watcher

	mu     sync.Mutex // guards all below, and each channel against its end
	list   []*Watcher
	closed bool
}

// Watcher is one who watches.
type Watcher struct {
	Events <-chan *Event // closed by Stop and with the feed
	out    chan *Event
	filter func(*Event) bool
	lost   atomic.Uint64
	feed   *Feed
}

// Watched says that somebody watches: without him nothing needs to be made.
func (f *Feed) Watched() bool { return f.some.Load() }

// Watch gives the events that filter takes, from now on. Stop must be called.
func (f *Feed) Watch(filter func(*Event) bool) *Watcher {
	out := make(chan *Event, unread)
	w := &Watcher{Events: out, out: out, filter: filter, feed: f}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		close(out)
		return w
	}
	f.list = append(f.list, w)
	f.some.Store(true)
	return w
}

// Stop ends watching.
func (w *Watcher) Stop() {
	f := w.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.Index(f.list, w)
	if i < 0 {
		return
	}
	f.list = slices.Delete(f.list, i, i+1)
	f.some.Store(len(f.list) > 0)
	close(w.out)
}

// Lost is how many events there was no room for since it was asked last.
func (w *Watcher) Lost() uint64 { return w.lost.Swap(0) }

// Tell tells whoever watches. It does not wait.
func (f *Feed) Tell(e *Event) {
	if !f.some.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.list {
		if !w.filter(e) {
			continue
		}
		select {
		case w.out <- e:
		default:
			w.lost.Add(1)
		}
	}
}

// Close ends all watching.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.some.Store(false)
	for _, w := range f.list {
		close(w.out)
	}
	f.list = nil
}
