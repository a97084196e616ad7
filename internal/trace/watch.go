package trace

import (
	"slices"
	"sync"
	"sync/atomic"
)

// watching is who hears of decisions as they are made.
type watching struct {
	some   atomic.Bool // there is a watcher
	missed atomic.Uint64

	mu     sync.Mutex // guards list, and each channel against its end
	list   []*watcher
	closed bool
}

type watcher struct {
	filter func(*Decision) bool
	out    chan *Decision
}

// unread is how many decisions wait for one watcher.
const unread = 64

// Watch gives decisions as they are made and calls as they end, within a tenth of a second,
// as far as filter (nil = all) takes them and the channel, which holds 64, has room; others
// are counted in Stats.Unwatched. A decision is shared by all who get it: it is not to be
// written to. stop must be called; it, or the end of the recorder, closes the channel.
func (r *Recorder) Watch(filter func(*Decision) bool) (decisions <-chan *Decision, stop func()) {
	w := &watcher{filter, make(chan *Decision, unread)}
	s := &r.watching
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		close(w.out)
		return w.out, func() {}
	}
	s.list = append(s.list, w)
	s.some.Store(true)
	return w.out, func() { s.leave(w) }
}

func (s *watching) leave(w *watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.list, w)
	if i < 0 {
		return
	}
	s.list = slices.Delete(s.list, i, i+1)
	s.some.Store(len(s.list) > 0)
	close(w.out)
}

// tell tells whoever watches.
func (s *watching) tell(d *Decision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.list {
		if w.filter != nil && !w.filter(d) {
			continue
		}
		select {
		case w.out <- d:
		default:
			s.missed.Add(1)
		}
	}
}

func (s *watching) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.some.Store(false)
	for _, w := range s.list {
		close(w.out)
	}
	s.list = nil
}
