package media_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/internal/media"
	"tollgate/internal/media/rtp"
	"tollgate/internal/media/srtp"
)

// heard is how one party of stream 0 was heard, with so many packets of G.711.
func heard(side media.Side, packets uint64) media.Quality {
	q := media.Quality{Side: side, RTPStream: true, Sends: true}
	if packets > 0 {
		q.Report = rtp.Report{Packets: packets, Codec: rtp.PCMA, Sound: rtp.Heard, MOS: rtp.MOS{Min: 4, Avg: 4.4, Max: 4.41, Intervals: 1}}
	}
	return q
}

func figuresOf(list ...media.Quality) []media.Figures { return media.AppendFigures(nil, list) }

func TestFigures(t *testing.T) {
	q := media.Quality{
		Stream: 1, Side: media.Callee, RTPStream: true, Sends: true, Latched: true, Kernel: true, Suite: srtp.AEADAES128GCM,
		Source: netip.MustParseAddrPort("192.0.2.1:4000"), Refused: 7, BadTags: 8, Replays: 9,
		Report: rtp.Report{
			Packets: 1000, Octets: 172000, Lost: 5, LossPercent: 0.49751, Reordered: 2, Duplicates: 3,
			Jitter: 1234567 * time.Nanosecond, JitterMax: 3 * time.Millisecond, Gap: 80 * time.Millisecond,
			SkewPPM: -41.6, SkewKnown: true, RTT: rtp.RTT{Avg: 30 * time.Millisecond, Samples: 1},
			MOS: rtp.MOS{Min: 3.999, Avg: 4.2, Max: 4.4, Intervals: 3}, Codec: rtp.PCMA, Sound: rtp.Stopped, Digits: "4711", DigitCount: 4,
		},
	}
	got, err := json.Marshal(figuresOf(heard(media.Caller, 0), q)[1])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"stream":1,"side":"callee","sound":"stopped","sends":true,"codec":"PCMA","suite":"AEAD_AES_128_GCM",` +
		`"source":"192.0.2.1:4000","latched":true,"kernel":true,"packets":1000,"octets":172000,"lost":5,"loss_percent":0.5,` +
		`"jitter_ms":1.23,"jitter_max_ms":3,"reordered":2,"duplicates":3,"largest_gap_ms":80,"rtt_ms":30,` +
		`"mos":{"min":4,"average":4.2,"max":4.4},"skew_ppm":-42,"dtmf":4,"refused":7,"bad_tags":8,"replays":9}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if strings.Contains(string(got), "4711") {
		t.Error("the digits are told")
	}
}

// TestFiguresOfOthers: nothing is counted of T.38, but a stream that was audio before is told of.
func TestFiguresOfOthers(t *testing.T) {
	fax := func(side media.Side, packets uint64) media.Quality {
		q := heard(side, packets)
		q.RTPStream = false
		return q
	}
	list := figuresOf(fax(media.Caller, 0), fax(media.Callee, 0), fax(media.Caller, 0), fax(media.Callee, 9), heard(media.Caller, 9), fax(media.Callee, 0))
	if len(list) != 4 || list[0].Side != "caller" || list[1].Packets != 9 || list[2].Packets != 9 || list[3].Side != "callee" {
		t.Errorf("%+v", list)
	}
}

func TestOneWay(t *testing.T) {
	held := heard(media.Callee, 0)
	held.Sends = false
	for name, c := range map[string]struct {
		list []media.Figures
		up   time.Duration
		want string
	}{
		"callee":          {figuresOf(heard(media.Caller, 200), heard(media.Callee, 0)), 4 * time.Second, "callee"},
		"caller":          {figuresOf(heard(media.Caller, 0), heard(media.Callee, 200)), 4 * time.Second, "caller"},
		"both":            {figuresOf(heard(media.Caller, 200), heard(media.Callee, 1)), 4 * time.Second, ""},
		"neither":         {figuresOf(heard(media.Caller, 0), heard(media.Callee, 0)), time.Hour, ""},
		"too soon":        {figuresOf(heard(media.Caller, 200), heard(media.Callee, 0)), 2 * time.Second, ""},
		"too little":      {figuresOf(heard(media.Caller, 99), heard(media.Callee, 0)), time.Hour, ""},
		"held":            {figuresOf(heard(media.Caller, 200), held), time.Hour, ""},
		"not bridged":     {nil, time.Hour, ""},
		"unknown streams": {figuresOf(heard(media.Caller, 0), heard(media.Callee, 0), heard(media.Caller, 200), heard(media.Callee, 0)), time.Hour, "callee"},
	} {
		if got := media.OneWay(c.list, c.up); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWorst(t *testing.T) {
	bad := heard(media.Callee, 50)
	bad.Report.MOS.Avg = 2.5
	for name, c := range map[string]struct {
		list []media.Figures
		want float64
	}{
		"none":     {nil, 0},
		"unknown":  {figuresOf(heard(media.Caller, 0), heard(media.Callee, 0)), 0},
		"one side": {figuresOf(heard(media.Caller, 50), heard(media.Callee, 0)), 4.4},
		"both":     {figuresOf(heard(media.Caller, 50), bad), 2.5},
	} {
		if got := media.Worst(c.list); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
