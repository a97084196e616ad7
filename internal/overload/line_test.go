package overload_test

import (
	"slices"
	"testing"

	"tollgate/internal/overload"
)

// TestLine: by class, by share in turn, and nobody is forgotten.
func TestLine(t *testing.T) {
	var l overload.Line[int]
	push := func(class overload.Class, share uint64, who int) {
		l.Push(overload.Rank{Class: class, Share: share}, who)
	}
	push(overload.Unknown, 1, 50)
	for i := range 3 {
		push(overload.Invite, 7, 10+i)
	}
	push(overload.Invite, 8, 20)
	push(overload.Urgent, 9, 1)
	var got []int
	for {
		who, ok := l.Pop()
		if !ok {
			break
		}
		got = append(got, who)
	}
	if want := []int{1, 10, 20, 11, 12, 50}; !slices.Equal(got, want) || l.Len() != 0 {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestUrgentFlood: what is urgent holds up new calls and registrations, but not for ever.
func TestUrgentFlood(t *testing.T) {
	var l overload.Line[overload.Class]
	all := []overload.Class{overload.Urgent, overload.Invite, overload.Refresh, overload.Rest}
	for _, c := range all {
		l.Push(overload.Rank{Class: c}, c)
	}
	turns := map[overload.Class]int{}
	for range 1000 {
		c, ok := l.Pop()
		if !ok {
			t.Fatal("nobody waits")
		}
		turns[c]++
		l.Push(overload.Rank{Class: c}, c)
	}
	if turns[overload.Urgent] < 700 || turns[overload.Invite] < 100 || turns[overload.Refresh] == 0 || turns[overload.Rest] == 0 {
		t.Errorf("turns by class: %v", turns)
	}
}
