package transport

import (
	"log/slog"
	"sync/atomic"
	"time"

	"tollgate/internal/overload"
)

// calm is for how long nothing may have been behind before all is as before. Reading two
// sockets costs more than reading one, so it is short; and longer than a process with a share
// of a core has to pause.
const calm = 500 * time.Millisecond

// Overload is what was shed since the start.
type Overload struct {
	Now    bool // requests that may wait are put off: the readers are or were behind
	Shed   [overload.Classes]uint64
	TooOld uint64 // requests that had waited for longer than overload.MaxAge
}

// Overload says how it stands.
func (t *Transport) Overload() (o Overload) {
	for i := range o.Shed {
		o.Shed[i] = t.shed.counts[i].Load()
	}
	o.TooOld = t.shed.counts[overload.Classes].Load()
	o.Now = t.turns.crowded(time.Now())
	for _, l := range t.listeners {
		o.Now = o.Now || l.udp != nil && l.udp.steering.split.Load() && !l.udp.alarm.calm(time.Now())
	}
	return o
}

// shed counts by class; those that were too old stand behind the classes.
type shed struct {
	counts [overload.Classes + 1]atomic.Uint64
}

func (s *shed) count(c overload.Class) { s.counts[c].Add(1) }

func (s *shed) sum() (n uint64) {
	for i := range s.counts {
		n += s.counts[i].Load()
	}
	return n
}

// alarm is when the readers of a group were last behind.
type alarm struct {
	start time.Time
	last  atomic.Int64 // nanoseconds since start
	loud  atomic.Bool  // something is shed, and the log says so
	began atomic.Uint64
}

func (a *alarm) calm(now time.Time) bool {
	return now.Sub(a.start)-time.Duration(a.last.Load()) > calm
}

func (a *alarm) behind(now time.Time) { a.last.Store(int64(now.Sub(a.start))) }

// shedding is said when something was shed for want of room. The log tells of it once.
func (a *alarm) shedding(t *Transport, now time.Time) {
	a.behind(now)
	if !a.loud.Load() && a.loud.CompareAndSwap(false, true) {
		a.began.Store(t.shed.sum())
		t.log.Warn("overload", "state", "begins", "served", "calls that are up, then new ones in turn for each customer; the rest gets silence")
	}
}

// press splits the group: its readers are behind.
func (g *udpGroup) press(now time.Time) {
	g.alarm.behind(now)
	if !g.steering.split.Load() {
		g.steering.setSplit(true)
	}
}

// relax ends the split when nothing was behind for a while. What is still on its way to
// the sockets for late requests is read there.
func (g *udpGroup) relax(t *Transport, now time.Time) {
	if !g.steering.split.Load() || !g.alarm.calm(now) {
		return
	}
	if g.steering.setSplit(false) && g.alarm.loud.Swap(false) {
		t.log.LogAttrs(t.ctx, slog.LevelWarn, "overload", slog.String("state", "over"), slog.Uint64("shed", t.shed.sum()-g.alarm.began.Load()))
	}
}
