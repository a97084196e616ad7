package media

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

// figures is what lists say of one side of a stream.
type figures struct {
	Side, Sound, Codec, Source string
	Packets, Octets, Lost      int
	LossPercent                float64 `json:"loss_percent"`
	DTMF                       int     `json:"dtmf"`
	Reordered, Duplicates      int
	Gap                        float64 `json:"largest_gap_ms"`
	RTT                        float64 `json:"rtt_ms"`
	MOS                        struct{ Average float64 }
}

// sounded is what the calls, or the call records, of the customer say of their media.
type sounded struct {
	OneWay bool `json:"one_way"`
	Media  []figures
}

// listed gives the only call or record of the stage's customer once it is there.
func listed(s *stage.Stage, list string) (out sounded, text string) {
	s.Helper()
	stop := time.Now().Add(patience)
	for {
		items := s.Node.JSON(s, list, "--customer", s.Customer.Name)
		if len(items) == 1 {
			data, err := json.Marshal(items[0])
			if err == nil {
				err = json.Unmarshal(data, &out)
			}
			if err != nil {
				s.Fatal(err)
			}
			return out, string(data)
		}
		if time.Now().After(stop) {
			s.Fatalf("%d %s", len(items), list)
		}
	}
}

// TestFigures: what was heard of each side stands in the list of calls, and in the record at the end.
func TestFigures(t *testing.T) {
	t.Parallel()
	for _, kernel := range []string{"off", "auto"} {
		n := node(t, harness.Settings{}, kernel, 200)
		play(t, n, stage.One(), map[string]func(*stage.Stage){
			"both ways, kernel " + kernel:      bothHeard,
			"digits, kernel " + kernel:         digitsCounted,
			"disorder, kernel " + kernel:       disorder,
			"one way, kernel " + kernel:        oneWay,
			"never answered, kernel " + kernel: neverAnswered,
		})
	}
}

func bothHeard(s *stage.Stage) {
	c := connect(s)
	c.settle()
	c.settle()
	c.a.seq += 20 // lost on the way
	talk(c.a.phone, c.b.phone, 20)
	c.hears(0)
	c.End(c.a.call, c.b.call)
	got, _ := listed(s, "cdrs")
	if got.OneWay || len(got.Media) != 2 {
		s.Fatalf("%+v", got)
	}
	sent := int(c.b.seq) - 100 // where its numbers begin
	for i, want := range []figures{{Side: "caller", Source: c.a.at.String(), Lost: 20}, {Side: "callee", Source: c.b.at.String()}} {
		f := got.Media[i]
		if f.Side != want.Side || f.Source != want.Source || f.Sound != "heard" || f.Codec != "PCMU" || f.Lost != want.Lost || f.Packets != sent || f.Octets != 172*sent {
			s.Errorf("%+v, want %+v and %d packets", f, want, sent)
		}
		if percent := 100 * float64(want.Lost) / float64(sent+want.Lost); f.LossPercent < percent-0.1 || f.LossPercent > percent+0.1 || f.MOS.Average < 1 {
			s.Errorf("%+v, want %.2f%%", f, percent)
		}
	}
}

// hears wants the live list to have both sides heard.
func (c *conversation) hears(digits int) {
	c.Helper()
	got, text := listed(c.Stage, "calls")
	if got.OneWay || len(got.Media) != 2 || got.Media[0].Sound != "heard" || got.Media[1].Sound != "heard" || got.Media[0].DTMF != digits {
		c.Errorf("%s", text)
	}
}

// digitsCounted: that digits were dialled is told, but not which ones.
func digitsCounted(s *stage.Stage) {
	c := connect(s)
	c.settle()
	for digit := range byte(3) {
		b := c.a.packet(string([]byte{digit + 7, 0x8a, 3, 0x20})) // the event's end, RFC 4733
		b[1] = 0x80 | 101
		binary.BigEndian.PutUint32(b[4:], uint32(c.a.seq)*160)
		c.a.send(b)
		c.b.hears(b)
	}
	talk(c.a.phone, c.b.phone, 5)
	c.hears(3)
	c.End(c.a.call, c.b.call)
	got, text := listed(s, "cdrs")
	if len(got.Media) != 2 || got.Media[0].DTMF != 3 || got.Media[1].DTMF != 0 || strings.Contains(text, `"789"`) {
		s.Errorf("%s", text)
	}
}

// disorder: what comes late, twice and after a pause is counted on the side that it came from, and how long
// a report takes to the callee and back; while the call lives and at the end.
func disorder(s *stage.Stage) {
	c := connect(s)
	c.settle()
	heard := func(packets ...[]byte) {
		for _, b := range packets {
			c.a.send(b)
			c.b.hears(b)
		}
	}
	first, late := c.a.packet("first"), c.a.packet("late")
	heard(first, c.a.packet("early"), late, late, c.a.packet("next"))
	c.b.hearsNothing() // the pause
	heard(c.a.packet("on"))
	report := c.a.report()
	c.a.write(c.a.rtcp, report, c.a.control)
	c.b.reads(c.b.rtcp, report, c.b.control)
	c.b.quiet(c.b.rtcp) // so long the answer takes
	answer := []byte{0x81, 201, 0, 7}
	answer = binary.BigEndian.AppendUint32(answer, c.b.ssrc)
	answer = binary.BigEndian.AppendUint32(answer, c.a.ssrc)
	answer = append(answer, make([]byte, 12)...) // no loss, no jitter
	answer = append(answer, report[10:14]...)    // which report it was
	answer = append(answer, 0, 0, 0, 0)          // and that it was not held back
	c.b.write(c.b.rtcp, answer, c.b.control)
	c.a.reads(c.a.rtcp, answer, c.a.control)
	pause := float64(none.Milliseconds())
	for _, list := range []string{"calls", "cdrs"} {
		var got sounded
		var text string
		harness.Eventually(s.T, patience, func() error { // the kernel is asked once a second
			got, text = listed(s, list)
			if len(got.Media) != 2 || got.Media[0].Packets != int(c.a.seq)-100 { // one number was the report's, one packet came twice
				return errors.New(text)
			}
			return nil
		})
		a, b := got.Media[0], got.Media[1]
		if a.Reordered != 1 || a.Duplicates != 1 || a.Lost != 0 || a.Gap < pause || a.Gap > 100*pause || a.RTT != 0 {
			s.Errorf("%s: the caller: %s", list, text)
		}
		if b.Reordered != 0 || b.Duplicates != 0 || b.RTT < pause || b.RTT > 100*pause {
			s.Errorf("%s: the callee: %s", list, text)
		}
		if list == "calls" {
			c.End(c.a.call, c.b.call)
		}
	}
}

// oneWay: a callee who is never heard although it is to speak is noticed while the call lives.
func oneWay(s *stage.Stage) {
	c := connect(s)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 180 {
		says(c.a.phone, c.b.phone, 1)
		<-tick.C
	}
	for _, list := range []string{"calls", "cdrs"} {
		got, text := listed(s, list)
		if !got.OneWay || len(got.Media) != 2 || got.Media[1].Sound != "never" || got.Media[1].Packets != 0 {
			s.Errorf("%s", text)
		}
		if table := s.Node.Must(s, list, "--customer", s.Customer.Name).Stdout; !strings.Contains(table, "one-way: the callee was never heard") {
			s.Errorf("%s", table)
		}
		if list == "calls" {
			c.End(c.a.call, c.b.call)
		}
	}
	for name, least := range map[string]float64{
		"tollgate_calls_one_way_total": 1, "tollgate_call_mos_count": 1, `tollgate_media_packets_total{way="process"}`: 100, `tollgate_media_ports{state="free"}`: 10,
	} {
		if n := metric(s, name); n < least {
			s.Errorf("%s is %v", name, n)
		}
	}
}

// neverAnswered: of a call that nobody answered and nothing was heard of there is nothing to tell.
func neverAnswered(s *stage.Stage) {
	a, _ := parties(s)
	a.call = s.Caller.Invite(s.URI(), a.sdp())
	b := s.Callee.Accept("INVITE")
	b.Answer(486)
	b.Expect("ACK")
	a.call.Expect(486)
	if got, text := listed(s, "cdrs"); got.Media != nil || got.OneWay {
		s.Errorf("%s", text)
	}
}

// metric reads one of the node's.
func metric(s *stage.Stage, name string) float64 {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, "http://"+s.Node.Metrics+"/metrics", nil)
	if err != nil {
		s.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(text)
	if found == nil {
		s.Fatalf("there is no %s", name)
	}
	n, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		s.Fatal(err)
	}
	return n
}
