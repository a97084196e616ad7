package main

import (
	"strconv"

	"tollgate/internal/media"
)

// sound is what the tables of calls and of call records show of their media.
type sound struct {
	OneWay bool            `json:"one_way"`
	Media  []media.Figures `json:"media"`
}

// soundHeader names the cells of sound.
func soundHeader() []string { return []string{"codec", "mos", "loss", "audio"} }

// cells are of the first audio stream, and of the side that sounded worse; empty where media was not bridged.
func (s *sound) cells() []string {
	a, b := media.Audio(s.Media)
	if a == nil {
		return []string{"", "", "", ""}
	}
	codec, mos, loss := a.Codec, "", ""
	switch {
	case codec == "":
		codec = b.Codec
	case b.Codec != "" && b.Codec != codec:
		codec += "/" + b.Codec
	}
	if worst := media.Worst(s.Media); worst > 0 {
		mos = strconv.FormatFloat(worst, 'f', 1, 64)
	}
	if a.Packets+b.Packets > 0 {
		loss = strconv.FormatFloat(max(a.LossPercent, b.LossPercent), 'f', 1, 64) + "%"
	}
	return []string{codec, mos, loss, s.heard(a, b)}
}

// heard says who is heard, and whether the kernel forwards it.
func (s *sound) heard(a, b *media.Figures) string {
	text := "both ways"
	switch {
	case s.OneWay && a.Packets == 0:
		return "one-way: the caller was never heard"
	case s.OneWay:
		return "one-way: the callee was never heard"
	case a.Packets == 0 && b.Packets == 0:
		return "none"
	case b.Packets == 0:
		text = "the caller's"
	case a.Packets == 0:
		text = "the callee's"
	case a.Sends && a.Sound == stopped:
		text = "the caller's stopped"
	case b.Sends && b.Sound == stopped:
		text = "the callee's stopped"
	}
	if a.Kernel || b.Kernel {
		text += ", by the kernel"
	}
	return text
}

// stopped is media.Figures.Sound of who was heard, and is no more.
const stopped = "stopped"
