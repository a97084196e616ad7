package media

import (
	"encoding/binary"
	"encoding/json"
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
	if len(got.Media) != 2 || got.Media[0].DTMF != 3 || got.Media[1].DTMF != 0 || strings.Contains(text, `"789`) {
		s.Errorf("%s", text)
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
