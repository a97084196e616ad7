package edge

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"tollgate/internal/call"
	"tollgate/internal/dialog"
	"tollgate/internal/feed"
	"tollgate/internal/media"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// TestSoundsOther: what of a call's media is news.
func TestSoundsOther(t *testing.T) {
	of := func(change func(c *call.Summary)) *call.Summary {
		c := &call.Summary{Media: []media.Figures{{Side: "caller", Sound: "heard", Codec: "PCMA", MOS: media.Opinion{Average: 4.4}}, {Side: "callee", Sound: "heard"}}}
		change(c)
		return c
	}
	was := of(func(*call.Summary) {})
	for name, c := range map[string]struct {
		change func(c *call.Summary)
		news   bool
	}{
		"nothing":           {func(*call.Summary) {}, false},
		"packets":           {func(c *call.Summary) { c.Media[0].Packets, c.Media[0].Jitter = 500, 3 }, false},
		"a little worse":    {func(c *call.Summary) { c.Media[0].MOS.Average, c.Media[1].LossPercent = 4.3, 0.9 }, false},
		"worse":             {func(c *call.Summary) { c.Media[0].MOS.Average = 4.1 }, true},
		"loss":              {func(c *call.Summary) { c.Media[1].LossPercent = 1 }, true},
		"stopped":           {func(c *call.Summary) { c.Media[1].Sound = "stopped" }, true},
		"another codec":     {func(c *call.Summary) { c.Media[0].Codec = "G722" }, true},
		"one way":           {func(c *call.Summary) { c.OneWay = true }, true},
		"no media any more": {func(c *call.Summary) { c.Media = nil }, true},
	} {
		if soundsOther(was, of(c.change)) != c.news {
			t.Errorf("%s: news %v", name, !c.news)
		}
	}
}

// TestShortCalls: a call that begins and ends between two looks is told, each call once, and one that is still listed
// when it is over does not begin again.
func TestShortCalls(t *testing.T) {
	n := newNews(nil)
	w := n.feed.Watch(func(*feed.Event) bool { return true })
	defer n.feed.Close()
	customer := &policy.Customer{Settings: tenant.Customer{ID: 7}}
	end := func(id byte, answered bool) {
		n.callEnded(&call.Ending{ID: dialog.Stable{id}, Customer: customer, Answered: answered, Started: time.Unix(1, 0), Setup: time.Second})
	}
	listed := func(id byte, answered bool) call.Summary {
		s := call.Summary{ID: hex.EncodeToString(append([]byte{id}, make([]byte, len(dialog.Stable{})-1)...)), Customer: 7}
		if answered {
			s.Answered = time.Unix(2, 0)
		}
		return s
	}
	for i, step := range []struct {
		do   func()
		list []call.Summary
		want []string
	}{
		{func() {}, []call.Summary{listed(1, true)}, nil},                                              // the first look
		{func() { end(2, true) }, []call.Summary{listed(1, true)}, []string{"start", "answer", "end"}}, // all of it unseen
		{func() { end(3, false) }, []call.Summary{listed(1, true)}, []string{"start", "end"}},          // refused
		{func() {}, []call.Summary{listed(1, true), listed(4, false)}, []string{"start"}},
		{func() { end(4, true) }, []call.Summary{listed(1, true)}, []string{"answer", "end"}},
		{func() { end(1, true) }, []call.Summary{listed(1, true)}, []string{"end"}}, // its BYE has no answer yet
		{func() {}, []call.Summary{listed(1, true)}, nil},
		{func() {}, nil, nil},
		{func() {}, []call.Summary{listed(5, false)}, []string{"start"}},
		{func() {}, nil, []string{"end"}}, // whose end was not noted
	} {
		step.do()
		n.compare(step.list)
		var got []string
		for len(w.Events) > 0 {
			var e struct{ What string }
			if err := json.Unmarshal((<-w.Events).Data, &e); err != nil {
				t.Fatal(err)
			}
			got = append(got, e.What)
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
}
