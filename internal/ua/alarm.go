package ua

import (
	"slices"
	"time"
)

// alarms are the timers of one call. They ring in the goroutine that owns them, so
// that what they do needs no lock.
type alarms struct{ list []*alarm }

// alarm is one of them; a nil alarm may be stopped.
type alarm struct {
	at time.Time
	do func() // nil once stopped
}

func (al *alarm) stop() {
	if al != nil {
		al.do = nil
	}
}

// set tells whether the alarm is still to ring.
func (al *alarm) set() bool { return al != nil && al.do != nil }

// after rings do once, d from now.
func (a *alarms) after(d time.Duration, do func()) *alarm {
	al := &alarm{at: time.Now().Add(d), do: do}
	a.list = append(a.list, al)
	return al
}

// wait is how long nothing rings.
func (a *alarms) wait() time.Duration {
	a.list = slices.DeleteFunc(a.list, func(al *alarm) bool { return !al.set() })
	if len(a.list) == 0 {
		return time.Hour
	}
	return time.Until(a.first().at)
}

// fire rings what is due, the earliest first; each may stop others.
func (a *alarms) fire(now time.Time) {
	for {
		a.list = slices.DeleteFunc(a.list, func(al *alarm) bool { return !al.set() })
		if len(a.list) == 0 {
			return
		}
		al := a.first()
		if al.at.After(now) {
			return
		}
		do := al.do
		al.stop()
		do()
	}
}

func (a *alarms) first() *alarm {
	return slices.MinFunc(a.list, func(x, y *alarm) int { return x.at.Compare(y.at) })
}
