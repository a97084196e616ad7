package edge

import (
	"testing"

	"tollgate/internal/call"
	"tollgate/internal/media"
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
