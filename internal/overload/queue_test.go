package overload_test

import (
	"testing"
	"time"

	"tollgate/internal/overload"
)

type bench struct {
	*overload.Queue[int]
	t *testing.T
}

func queueOf(t *testing.T) bench { return bench{overload.NewQueue[int](), t} }

func (b bench) push(class overload.Class, share uint64, at time.Time, with int) bool {
	return b.Push(overload.Rank{Class: class, Share: share}, []byte("x"), at, with)
}

func (b bench) pop() int {
	b.t.Helper()
	item, ok := b.Pop(false)
	if !ok {
		b.t.Fatal("nothing waits")
	}
	return item.With
}

func TestWhatComesFirst(t *testing.T) {
	q, now := queueOf(t), time.Now()
	for i, class := range []overload.Class{overload.Unknown, overload.Rest, overload.Refresh, overload.Invite, overload.Urgent} {
		q.push(class, 1, now, i)
	}
	if _, ok := q.Pop(true); !ok {
		t.Error("what is urgent waits")
	}
	if _, ok := q.Pop(true); ok {
		t.Error("a new call is not urgent")
	}
	for want := 3; want >= 0; want-- {
		if got := q.pop(); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
	if _, ok := q.Pop(false); ok || q.Len() != 0 {
		t.Error("something is left")
	}
}

// A flood of one customer costs another nothing, whoever comes first.
func TestFairShare(t *testing.T) {
	q, now := queueOf(t), time.Now()
	kept := 0
	for range 5000 {
		if q.push(overload.Invite, 7, now, 7) {
			kept++
		}
	}
	if kept < 100 || kept > 1000 {
		t.Errorf("%d of 5000 wait", kept)
	}
	for i := range 10 {
		if !q.push(overload.Invite, 8, now, 8) {
			t.Fatalf("the other customer's call %d found no room", i)
		}
	}
	for range 10 { // in turn
		if a, b := q.pop(), q.pop(); a+b != 15 {
			t.Errorf("%d after %d", b, a)
		}
	}
}

// Long floods of calls do not keep phones from refreshing.
func TestLowerClassesGetTurns(t *testing.T) {
	q, now := queueOf(t), time.Now()
	count := map[int]int{}
	for range 400 {
		q.push(overload.Invite, 1, now, 1)
		q.push(overload.Refresh, 1, now, 2)
		q.push(overload.Rest, 1, now, 3)
		q.push(overload.Unknown, 1, now, 4)
		count[q.pop()]++
	}
	if count[1] < 250 || count[2] < 40 || count[3] < 40 || count[4] > 0 {
		t.Errorf("turns by class: %v", count)
	}
}

// A queue that stands still takes no more, since its senders ask again.
func TestOldQueueIsClosed(t *testing.T) {
	q, now := queueOf(t), time.Now()
	q.push(overload.Invite, 1, now.Add(-time.Second), 1)
	if q.push(overload.Invite, 1, now, 2) {
		t.Error("one more behind one that waits for a second")
	}
	if !q.push(overload.Invite, 2, now, 3) {
		t.Error("another share is closed, too")
	}
	q.push(overload.Urgent, 1, now.Add(-time.Second), 4)
	if !q.push(overload.Urgent, 1, now, 5) {
		t.Error("a request within a call finds no room behind one that waits for a second")
	}
}

func TestQueueAllocatesNothing(t *testing.T) {
	q := overload.NewQueue[int]()
	data, now := make([]byte, 700), time.Now()
	turn := func() {
		for i := range 8 {
			q.Push(overload.Rank{Class: overload.Invite, Share: uint64(i)}, data, now, i)
		}
		for range 8 {
			q.Pop(false)
		}
	}
	turn()
	if n := testing.AllocsPerRun(100, turn); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
