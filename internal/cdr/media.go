package cdr

import (
	"encoding/binary"
	"math"
	"slices"

	"tollgate/internal/media"
	"tollgate/internal/media/rtp"
)

// The media of a bridged call stands behind the rest of its record:
//
//	flags (one-way audio), how many figures, each:
//	u8 stream and side, flags, uvarints as in counts, varint skew, source, texts codec and suite
//
// What has decimals is counted in hundredths.
const flagOneWay = 1 << 0

// In the flags of a figure; sound, as package rtp numbers it, is in the two highest bits.
const (
	flagSends = 1 << iota
	flagLatched
	flagKernel
	soundShift = 6
)

// mostFigures is how many a session has.
const mostFigures = 2 * media.MaxStreams

// bridged says that there is something to tell of the record's media: the call was answered, or
// something came.
func (r *Record) bridged() bool {
	return len(r.Media) > 0 && (r.Answered || slices.ContainsFunc(r.Media, func(f media.Figures) bool { return f.Packets > 0 || f.Refused > 0 }))
}

// appendMedia appends how each stream was.
func appendMedia(dst []byte, list []media.Figures, oneWay bool) []byte {
	list = list[:min(len(list), mostFigures)]
	dst = append(dst, bit(oneWay, flagOneWay), byte(len(list)))
	for i := range list {
		f := &list[i]
		side := byte(f.Stream) << 1
		if f.Side == media.Callee.String() {
			side++
		}
		flags := bit(f.Sends, flagSends) | bit(f.Latched, flagLatched) | bit(f.Kernel, flagKernel) | soundOf(f.Sound)<<soundShift
		dst = append(dst, side, flags)
		dst = appendCounts(dst, f)
		dst = binary.AppendVarint(dst, int64(f.Skew))
		dst = appendText(appendText(appendAddress(dst, f.Source), f.Codec), f.Suite)
	}
	return dst
}

func appendCounts(dst []byte, f *media.Figures) []byte {
	for _, n := range [...]uint64{
		f.Packets, f.Octets, f.Lost, f.Reordered, f.Duplicates, uint64(f.DTMF), f.Refused, f.BadTags, f.Replays,
	} {
		dst = binary.AppendUvarint(dst, n)
	}
	for _, x := range [...]float64{f.LossPercent, f.Jitter, f.JitterMax, f.Gap, f.RTT, f.MOS.Min, f.MOS.Average, f.MOS.Max} {
		dst = binary.AppendUvarint(dst, uint64(math.Round(max(x, 0)*100)))
	}
	return dst
}

func soundOf(name string) byte {
	for s := rtp.NeverHeard; s <= rtp.Stopped; s++ {
		if s.String() == name {
			return byte(s)
		}
	}
	return byte(rtp.NeverHeard)
}

// media reads what appendMedia wrote.
func (d *decoder) media() (list []media.Figures, oneWay bool) {
	head := d.take(2)
	if head[1] > mostFigures {
		d.bad = true
		return nil, false
	}
	for range head[1] {
		if d.bad {
			break
		}
		list = append(list, d.figures())
	}
	return list, head[0]&flagOneWay != 0
}

func (d *decoder) figures() media.Figures {
	head := d.take(2)
	flags := head[1]
	f := media.Figures{
		Stream: int(head[0] >> 1), Side: media.Side(head[0] & 1).String(), Sound: rtp.Sound(flags >> soundShift).String(),
		Sends: flags&flagSends != 0, Latched: flags&flagLatched != 0, Kernel: flags&flagKernel != 0,
	}
	var digits uint64
	for _, to := range [...]*uint64{&f.Packets, &f.Octets, &f.Lost, &f.Reordered, &f.Duplicates, &digits, &f.Refused, &f.BadTags, &f.Replays} {
		*to = uint64(d.uvarint())
	}
	f.DTMF = uint32(min(digits, math.MaxUint32))
	for _, to := range [...]*float64{&f.LossPercent, &f.Jitter, &f.JitterMax, &f.Gap, &f.RTT, &f.MOS.Min, &f.MOS.Average, &f.MOS.Max} {
		*to = float64(d.uvarint()) / 100
	}
	f.Skew = int(d.varint())
	f.Source = d.addrPort()
	f.Codec, f.Suite = d.sized(), d.sized()
	return f
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.b)
	if size <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[size:]
	return n
}
