package rtp

import "strings"

// Codec is what a payload type carries, as far as it matters here.
type Codec uint8

// The codecs that are told apart; all others are CodecUnknown.
const (
	CodecUnknown Codec = iota
	PCMU
	PCMA
	G722
	G723
	G726
	G728
	G729
	GSM
	GSMEFR
	ILBC
	AMR
	AMRWB
	Opus
	L16
	ComfortNoise
	TelephoneEvent
	codecs // how many
)

// String is the codec's encoding name in SDP, "" for an unknown one.
func (c Codec) String() string {
	names := [codecs]string{
		"", "PCMU", "PCMA", "G722", "G723", "G726-32", "G728", "G729", "GSM", "GSM-EFR", "iLBC",
		"AMR", "AMR-WB", "opus", "L16", "CN", "telephone-event",
	}
	if c >= codecs {
		return ""
	}
	return names[c]
}

// CodecOf finds the codec of an encoding name of SDP, in any case.
func CodecOf(name string) Codec {
	for c := PCMU; c < codecs; c++ {
		if strings.EqualFold(name, c.String()) {
			return c
		}
	}
	return CodecUnknown
}

const (
	defaultClock = 8000
	// maxClock is the highest clock rate that is believed, in Hz.
	maxClock = 1_000_000
	// A payload type's byte: the place of its clock rate in the low bits, its codec above.
	rateBits  = 3
	rateSlots = 1 << rateBits
)

// Clocks says what the payload types of one description are: their clock rates and codecs.
// It is a value without pointers; the zero one knows the static types of RFC 3551 6.
type Clocks struct {
	types [128]uint8
	rates [rateSlots]uint32 // Hz; [0] is not used
}

// Set gives a payload type its clock rate in Hz. A rate of 0, one over 1 MHz, and an eighth
// different rate are not taken: the type keeps what it had.
func (c *Clocks) Set(pt uint8, hz uint32) {
	if pt > 127 || hz == 0 || hz > maxClock {
		return
	}
	for i := uint8(1); i < rateSlots; i++ {
		if c.rates[i] == 0 {
			c.rates[i] = hz
		}
		if c.rates[i] == hz {
			c.types[pt] = c.types[pt]&^(rateSlots-1) | i
			return
		}
	}
}

// SetName gives a payload type the codec of an encoding name of SDP.
func (c *Clocks) SetName(pt uint8, name string) { c.setCodec(pt, CodecOf(name)) }

// SetEvent says that a payload type carries telephone-event, RFC 4733.
func (c *Clocks) SetEvent(pt uint8) { c.setCodec(pt, TelephoneEvent) }

func (c *Clocks) setCodec(pt uint8, codec Codec) {
	if pt < 128 {
		c.types[pt] = c.types[pt]&(rateSlots-1) | uint8(codec)<<rateBits
	}
}

// Of is the clock rate of a payload type in Hz, 8000 for one that nobody described.
func (c *Clocks) Of(pt uint8) uint32 {
	if i := c.types[pt&127] & (rateSlots - 1); i != 0 {
		return c.rates[i]
	}
	return staticClock(pt)
}

// Name is the codec of a payload type.
func (c *Clocks) Name(pt uint8) Codec {
	if codec := Codec(c.types[pt&127] >> rateBits); codec != CodecUnknown {
		return codec
	}
	if c.types[pt&127] != 0 {
		return CodecUnknown
	}
	return staticCodec(pt)
}

// Event reports whether a payload type carries telephone-event.
func (c *Clocks) Event(pt uint8) bool { return c.Name(pt) == TelephoneEvent }

// staticClock is the clock rate of a static payload type, RFC 3551 6.
func staticClock(pt uint8) uint32 {
	switch {
	case pt < 6:
		return defaultClock
	case pt == 6:
		return 16000
	case pt == 10, pt == 11:
		return 44100
	case pt == 14, pt >= 25 && pt <= 34:
		return 90000
	case pt == 16:
		return 11025
	case pt == 17:
		return 22050
	}
	return defaultClock
}

// staticCodec is the codec of a static payload type, RFC 3551 6.
func staticCodec(pt uint8) Codec {
	switch pt {
	case 0:
		return PCMU
	case 2:
		return G726
	case 3:
		return GSM
	case 4:
		return G723
	case 8:
		return PCMA
	case 9:
		return G722
	case 10, 11:
		return L16
	case 13:
		return ComfortNoise
	case 15:
		return G728
	case 18:
		return G729
	}
	return CodecUnknown
}
