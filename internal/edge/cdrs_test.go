package edge

import (
	"testing"
	"time"

	"tollgate/internal/cdr"
)

// TestRefusedAgain: a retransmission is one for as long as it can be.
func TestRefusedAgain(t *testing.T) {
	var r recent
	now := time.Unix(7199, 0) // an hour ends
	id, other := cdr.ID{1, 2, 3}, cdr.ID{1, 2, 4}
	for i, c := range []struct {
		id    cdr.ID
		after time.Duration
		again bool
	}{
		{id, 0, false},
		{id, 500 * time.Millisecond, true},
		{id, 32 * time.Second, true},
		{other, 33 * time.Second, false}, // takes the place
		{id, 34 * time.Second, false},
		{id, 35 * time.Second, true},
		{id, 34*time.Second + retransmitted, false},
	} {
		if got := r.again(c.id, now.Add(c.after)); got != c.again {
			t.Errorf("%d: %t", i, got)
		}
	}
	if inHour(id, now) != inHour(id, now.Add(-time.Minute)) || inHour(id, now) == inHour(id, now.Add(2*time.Second)) {
		t.Error("an id is for an hour")
	}
}
