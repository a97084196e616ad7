package media_test

import (
	"testing"
	"time"

	"tollgate/internal/media"
)

// silences is a rig that tells who went silent, and whose record changed.
func silences(t *testing.T) (*rig, chan uint64, chan uint64) {
	silent, changed := make(chan uint64, 100), make(chan uint64, 100)
	return newRig(t, func(c *media.Config) {
		c.Silence = func(owner uint64) { silent <- owner }
		c.Changed = func(owner uint64) { changed <- owner }
	}), silent, changed
}

// told waits for a callback, or asserts that there is none in a whole second of the engine's.
func (r *rig) told(from chan uint64, want ...uint64) {
	r.t.Helper()
	for _, owner := range want {
		select {
		case got := <-from:
			if got != owner {
				r.t.Fatalf("told of %d, want %d", got, owner)
			}
		case <-time.After(patience):
			r.t.Fatalf("not told of %d", owner)
		}
	}
	r.rounds()
	select {
	case got := <-from:
		r.t.Fatalf("told of %d, want nothing", got)
	default:
	}
}

func TestSilence(t *testing.T) {
	r, silent, _ := silences(t)
	c := r.call(nil)
	c.talk(media.Caller, "first")
	r.clock.advance(59 * time.Second)
	r.told(silent)
	r.clock.advance(2 * time.Second)
	r.told(silent, 1)
	r.clock.advance(time.Hour)
	r.told(silent) // once is enough
	c.talk(media.Callee, "again")
	r.clock.advance(61 * time.Second)
	r.told(silent, 1)
	r.Party(c.id, 0, media.Caller, c.phones[0].party())
	r.clock.advance(61 * time.Second)
	r.told(silent, 1)
}

func TestSilenceOnHold(t *testing.T) {
	r, silent, _ := silences(t)
	c := r.call(nil)
	held := c.phones[0].party()
	held.Receives = false
	r.Party(c.id, 0, media.Caller, held)
	r.clock.advance(time.Hour)
	r.told(silent)
	r.Party(c.id, 0, media.Caller, c.phones[0].party())
	r.clock.advance(50 * time.Second)
	r.told(silent)
	r.clock.advance(11 * time.Second)
	r.told(silent, 1)
}

func TestSilenceWhileRinging(t *testing.T) {
	r, silent, _ := silences(t)
	id := r.open(1)
	r.stream(id, 0, media.Caller)
	r.Party(id, 0, media.Caller, newPhone(t, "127.0.0.1:0").party())
	r.clock.advance(10 * time.Minute)
	r.told(silent)
}

// TestSilenceBeforeAnswer: what is agreed while it rings may be all that is ever said of media, and
// silence counts once it is answered.
func TestSilenceBeforeAnswer(t *testing.T) {
	r, silent, _ := silences(t)
	c := r.call(nil)
	r.clock.advance(61 * time.Second)
	r.told(silent, 1) // nobody has answered: it is of no use
	r.Settle(c.id)
	r.clock.advance(59 * time.Second)
	r.told(silent)
	r.clock.advance(2 * time.Second)
	r.told(silent, 1)
}

func TestChanged(t *testing.T) {
	r, _, changed := silences(t)
	c := r.call(nil)
	r.clock.advance(time.Second)
	r.told(changed)
	c.talk(media.Caller, "where I am")
	r.clock.advance(time.Second)
	r.told(changed, 1)
	c.talk(media.Caller, "still")
	r.clock.advance(10 * time.Minute)
	r.told(changed)
}
