package media

import (
	"math"
	"net/netip"
	"time"
)

// String is the side as lists name it.
func (s Side) String() string {
	if s == Callee {
		return "callee"
	}
	return "caller"
}

// Figures is a Quality as lists and call records have it. Which digits were dialled is not in it:
// they may be a PIN.
type Figures struct {
	Stream int    `json:"stream" doc:"Which m= line of the description, from 0."`
	Side   string `json:"side" enum:"caller,callee" doc:"Who sends."`
	Sound  string `json:"sound" enum:"heard,never,stopped,comfort_noise" doc:"What the other party hears; stopped: nothing for 5 s."`
	Sends  bool   `json:"sends" doc:"It says that it sends; false on hold, or where it only listens."`
	Codec  string `json:"codec,omitempty" doc:"Of what came last; absent: unknown, or nothing came."`
	Suite  string `json:"suite,omitempty" doc:"What it encrypts with (SRTP); absent: it does not."`

	Source  netip.AddrPort `json:"source,omitzero" doc:"Where it sends from, as far as learnt."`
	Latched bool           `json:"latched" doc:"That does not change any more without signalling."`
	Kernel  bool           `json:"kernel,omitempty" doc:"The kernel forwards it now, or did at the end of the call."`

	Packets     uint64  `json:"packets" doc:"All that came from the party, duplicates included."`
	Octets      uint64  `json:"octets" doc:"Of them, with their RTP headers."`
	Lost        uint64  `json:"lost" doc:"On the way from the party to us, by their numbers (RFC 3550 A.3)."`
	LossPercent float64 `json:"loss_percent"`
	Jitter      float64 `json:"jitter_ms" doc:"RFC 3550 A.8, at the end or now."`
	JitterMax   float64 `json:"jitter_max_ms"`
	Reordered   uint64  `json:"reordered,omitempty" doc:"Came after one with a higher number."`
	Duplicates  uint64  `json:"duplicates,omitempty"`
	Gap         float64 `json:"largest_gap_ms,omitempty" doc:"The longest time between two packets, but for hold."`
	RTT         float64 `json:"rtt_ms,omitempty" doc:"Between us and the party, on average, by RTCP; absent: it told nothing."`
	MOS         Opinion `json:"mos,omitzero" doc:"Of what came from the party (ITU-T G.107), over intervals of 5 s; absent: the codec has no figures, or nothing came."`
	Skew        int     `json:"skew_ppm,omitempty" doc:"How much faster its clock runs than ours, parts per million; absent: not measured."`
	DTMF        uint32  `json:"dtmf,omitempty" doc:"How many digits were dialled; which ones is kept nowhere."`

	Refused uint64 `json:"refused,omitempty" doc:"Packets of others than the party that came to its port."`
	BadTags uint64 `json:"bad_tags,omitempty" doc:"SRTP whose authentication failed."`
	Replays uint64 `json:"replays,omitempty" doc:"SRTP that had come before."`
}

// Opinion is a MOS over intervals, 1 to 4.5; 0: unknown.
type Opinion struct {
	Min     float64 `json:"min"`
	Average float64 `json:"average"`
	Max     float64 `json:"max"`
}

// AppendFigures appends the figures of a call's streams of RTP, the caller's and then the callee's of
// each. Of T.38 and the like nothing is counted. list is what Engine.Quality gave.
func AppendFigures(dst []Figures, list []Quality) []Figures {
	counted := func(q *Quality) bool { return q.RTPStream || q.Report.Packets > 0 }
	for ; len(list) >= 2; list = list[2:] {
		if a, b := &list[0], &list[1]; counted(a) || counted(b) {
			dst = append(dst, a.figures(), b.figures())
		}
	}
	return dst
}

func (q *Quality) figures() Figures {
	r := &q.Report
	f := Figures{
		Stream: q.Stream, Side: q.Side.String(), Sound: r.Sound.String(), Sends: q.Sends, Codec: r.Codec.String(), Suite: q.Suite.String(),
		Source: q.Source, Latched: q.Latched, Kernel: q.Kernel,
		Packets: r.Packets, Octets: r.Octets, Lost: r.Lost, LossPercent: hundredths(r.LossPercent),
		Jitter: millis(r.Jitter), JitterMax: millis(r.JitterMax), Reordered: r.Reordered, Duplicates: r.Duplicates, Gap: millis(r.Gap),
		MOS: Opinion{hundredths(r.MOS.Min), hundredths(r.MOS.Avg), hundredths(r.MOS.Max)}, DTMF: r.DigitCount,
		Refused: q.Refused, BadTags: q.BadTags, Replays: q.Replays,
	}
	if r.RTT.Samples > 0 {
		f.RTT = millis(r.RTT.Avg)
	}
	if r.SkewKnown {
		f.Skew = int(math.Round(r.SkewPPM))
	}
	return f
}

// hundredths is a number with two decimals: more would pretend to know.
func hundredths(n float64) float64 { return math.Round(n*100) / 100 }

func millis(d time.Duration) float64 { return hundredths(float64(d) / float64(time.Millisecond)) }

// Audio gives both sides of a call's first audio stream, nil where there is none. What has a codec
// that is known is audio; where none has, nothing came, or nothing known, and the first stream stands for it.
func Audio(list []Figures) (caller, callee *Figures) {
	if len(list) < 2 {
		return nil, nil
	}
	for i := 0; i+1 < len(list); i += 2 {
		if list[i].Codec != "" || list[i+1].Codec != "" {
			return &list[i], &list[i+1]
		}
	}
	return &list[0], &list[1]
}

const (
	// oneWayAfter is how long a call must be up for one-way audio to be told: a party may begin to
	// send only after the answer has reached it.
	oneWayAfter = 3 * time.Second
	// oneWayPackets is how many of one party there must be, two seconds, for the other's silence to be odd.
	oneWayPackets = 100
)

// OneWay gives the party that was never heard in a call that is up for so long, although it says that
// it sends and the other was heard; "": none.
func OneWay(list []Figures, up time.Duration) (unheard string) {
	a, b := Audio(list)
	if a == nil || up < oneWayAfter {
		return ""
	}
	for _, p := range [2][2]*Figures{{a, b}, {b, a}} {
		if p[0].Packets == 0 && p[0].Sends && p[1].Packets >= oneWayPackets {
			return p[0].Side
		}
	}
	return ""
}

// Worst is the MOS of the side of the first audio stream that sounded worse, on average; 0: unknown.
func Worst(list []Figures) float64 {
	a, b := Audio(list)
	switch {
	case a == nil:
		return 0
	case a.MOS.Average == 0 || b.MOS.Average == 0:
		return a.MOS.Average + b.MOS.Average
	}
	return min(a.MOS.Average, b.MOS.Average)
}
