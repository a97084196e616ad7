package feed_test

import (
	"testing"

	"tollgate/internal/feed"
)

func TestFeed(t *testing.T) {
	var f feed.Feed
	f.Tell(&feed.Event{Kind: feed.Call})
	if f.Watched() {
		t.Error("nobody watches")
	}
	all := f.Watch(func(*feed.Event) bool { return true })
	seven := f.Watch(func(e *feed.Event) bool { return e.Customer == 7 })
	const many = 3000
	for range many {
		f.Tell(&feed.Event{Kind: feed.Call, Customer: 8})
	}
	f.Tell(&feed.Event{Kind: feed.Ban, Customer: 7})
	if n := len(all.Events); uint64(n)+all.Lost() != many+1 || n == 0 || n == many+1 {
		t.Errorf("%d events wait", n)
	}
	if all.Lost() != 0 {
		t.Error("a loss is told twice")
	}
	if e := <-seven.Events; e.Kind != feed.Ban || len(seven.Events) != 0 || seven.Lost() != 0 {
		t.Errorf("%+v", e)
	}
	all.Stop()
	all.Stop()
	f.Close()
	if _, open := <-seven.Events; open || f.Watched() {
		t.Error("watching goes on")
	}
	seven.Stop()
	if _, open := <-f.Watch(nil).Events; open {
		t.Error("a closed feed is watched")
	}
}
