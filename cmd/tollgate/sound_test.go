package main

import (
	"strings"
	"testing"

	"tollgate/internal/media"
)

// TestSound: what the tables say of a call's media.
func TestSound(t *testing.T) {
	side := func(name string, packets uint64) media.Figures {
		f := media.Figures{Side: name, Sound: "never", Sends: true}
		if packets > 0 {
			f.Sound, f.Codec, f.Packets, f.LossPercent, f.MOS.Average = "heard", "PCMA", packets, 0.5, 4.26
		}
		return f
	}
	both := func(change func(a, b *media.Figures)) sound {
		a, b := side("caller", 9), side("callee", 9)
		change(&a, &b)
		return sound{Media: []media.Figures{a, b}}
	}
	for want, s := range map[string]sound{
		"|||":                     {},
		"PCMA|4.3|0.5%|both ways": both(func(_, _ *media.Figures) {}),
		"PCMA/G722|2.0|3.0%|both ways, by the kernel":       both(func(a, b *media.Figures) { b.Codec, b.MOS.Average, b.LossPercent, a.Kernel = "G722", 2, 3, true }),
		"PCMA|4.3|0.5%|the callee's stopped":                both(func(_, b *media.Figures) { b.Sound = "stopped" }),
		"PCMA|4.3|0.5%|the caller's stopped, by the kernel": both(func(a, _ *media.Figures) { a.Sound, a.Kernel = "stopped", true }),
		"PCMA|4.3|0.5%|the caller's":                        both(func(_, b *media.Figures) { *b = side("callee", 0) }),
		"PCMA|4.3|0.5%|the callee's":                        both(func(a, _ *media.Figures) { *a = side("caller", 0) }),
		"|||none":                                           both(func(a, b *media.Figures) { *a, *b = side("caller", 0), side("callee", 0) }),
		"PCMA|4.3|0.5%|one-way: the callee was never heard": {OneWay: true, Media: []media.Figures{side("caller", 200), side("callee", 0)}},
		"PCMA|4.3|0.5%|one-way: the caller was never heard": {OneWay: true, Media: []media.Figures{side("caller", 0), side("callee", 200)}},
	} {
		if got := strings.Join(s.cells(), "|"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
