// Package why asks a node why a call was refused or where it went, by all that a person may know
// of it, and holds the answer to what happened: on the wire, in call records, log and metrics.
// It also plays the switches that a person throws when calls fail: transparent mode, and
// destinations that are disabled.
package why

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy gives no reasons
	}
	harness.Main(m)
}

func TestWhy(t *testing.T) {
	n := harness.Start(t, harness.Settings{Bannable: true})
	t.Run("group", func(t *testing.T) {
		for _, list := range [][]scenario{refusals(), passes(), withins(), switchings(), commands(), registrations()} {
			for _, sc := range list {
				for _, v := range sc.matrix {
					t.Run(sc.name+"/"+v.String(), func(t *testing.T) {
						t.Parallel()
						sc.play(&scene{stage.New(t, n, v, func(c *harness.Customer) {
							c.Extra += "country_code: \"39\"\n" + sc.extra
						})})
					})
				}
			}
		}
	})
	t.Run("watching a node that stops", func(t *testing.T) { stops(t, n) })
}

// scenario is one conversation, and what somebody asks about it.
type scenario struct {
	name   string
	extra  string // lines of the customer
	matrix []stage.Variant
	play   func(*scene)
}

// scene is a stage where somebody asks.
type scene struct{ *stage.Stage }

func plain() []stage.Variant { return stage.One()[:1] }

func udp() stage.Leg { return stage.Leg{Proto: "udp"} }

// findings is what `tollgate why -o json` prints.
type findings struct {
	Decisions []decision
	Strangers []struct {
		Source     string `json:"source"`
		DidYouMean string `json:"did_you_mean"`
		Banned     bool   `json:"banned"`
	}
	Bans []struct {
		Address  string `json:"address"`
		Customer string `json:"customer"`
	}
}

// decision is what is asked for of one.
type decision struct {
	ID           string    `json:"id"`
	Ref          string    `json:"ref"`
	CustomerName string    `json:"customer"`
	Ended        time.Time `json:"ended"`
	CallID       string    `json:"call_id"`
	FarCallID    string    `json:"far_call_id"`
	Refused      bool      `json:"refused"`
	Status       int       `json:"status"`
	Reason       string    `json:"reason"`
	Sentence     string    `json:"sentence"`
	RuleName     string    `json:"rule_name"`
	Limit        string    `json:"limit"`
	LimitMax     int       `json:"limit_max"`
	Counter      string    `json:"counter"`
	Passed       []string  `json:"passed"`
	Would        []struct {
		Reason   string `json:"reason"`
		RuleName string `json:"rule_name"`
	} `json:"would"`
	Later []struct {
		Method   string `json:"method"`
		Status   int    `json:"status"`
		Reason   string `json:"reason"`
		RuleName string `json:"rule_name"`
	} `json:"later"`
	Destination string `json:"destination"`
	Answered    bool   `json:"answered"`
	EndedBy     string `json:"ended_by"`
}

// prompt is how fast an answer must come: the bound.
const prompt = 10 * time.Second

// ask runs `tollgate why`, as text and as JSON.
func (sc *scene) ask(what string, more ...string) (text string, found findings) {
	sc.Helper()
	start := time.Now()
	args := append([]string{"why", what}, more...)
	text = sc.Node.Must(sc.T, args...).Stdout
	if d := time.Since(start); d > prompt {
		sc.Errorf("why %s took %v", what, d)
	}
	r := sc.Node.Must(sc.T, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(r.Stdout), &found); err != nil {
		sc.Fatalf("%v\n%s", err, r)
	}
	return text, found
}

// of finds the one decision about a Call-ID.
func (sc *scene) of(callID string) (text string, d decision) {
	sc.Helper()
	text, found := sc.ask(callID)
	if len(found.Decisions) != 1 {
		sc.Fatalf("%d decisions about %s\n%s", len(found.Decisions), callID, text)
	}
	return text, found.Decisions[0]
}

// foundBy wants a decision to be found by each of these.
func (sc *scene) foundBy(d *decision, keys ...string) {
	sc.Helper()
	for _, key := range keys {
		if _, found := sc.ask(key); !slices.ContainsFunc(found.Decisions, func(o decision) bool { return o.ID == d.ID }) {
			sc.Errorf("not found by %q", key)
		}
	}
}

// says wants words in what a person reads.
func (sc *scene) says(text string, words ...string) {
	sc.Helper()
	for _, w := range words {
		if w != "" && !strings.Contains(text, w) {
			sc.Errorf("%q does not stand in\n%s", w, text)
		}
	}
}

// list finds what a list has of a Call-ID; nil where it has nothing.
func (sc *scene) list(command, callID string) map[string]any {
	sc.Helper()
	for _, item := range sc.Node.JSON(sc.T, command, callID) {
		if item["call_id"] == callID {
			return item
		}
	}
	return nil
}

// record waits for a call's record.
func (sc *scene) record(callID string) (record map[string]any) {
	sc.Helper()
	harness.Eventually(sc.T, harness.Soon, func() error {
		if record = sc.list("cdrs", callID); record == nil {
			return fmt.Errorf("no record of %s", callID)
		}
		return nil
	})
	return record
}

// consistent wants the lists and the log to say of a refused request what why says.
func (sc *scene) consistent(d *decision, method string) {
	sc.Helper()
	if listed := sc.list("decisions", d.CallID); fmt.Sprint(listed["reason"], listed["ref"]) != d.Reason+d.Ref {
		sc.Errorf("decisions says %v", listed)
	}
	if method == "INVITE" && d.CustomerName != "" {
		record := sc.record(d.CallID)
		if fmt.Sprint(record["reason"], record["ref"]) != d.Reason+d.Ref {
			sc.Errorf("the call record says %v, want %s %s", record, d.Reason, d.Ref)
		}
	}
	if n := metric(sc.T, sc.Node, fmt.Sprintf(`tollgate_requests_total{method=%q,reason=%q}`, method, d.Reason)); n < 1 {
		sc.Errorf("the metric counts no %s of %s", d.Reason, method)
	}
	if line := sc.Node.LogSince(0, d.CallID); line != "" && !strings.Contains(line, "reason="+d.Reason+" ") || line != "" && !strings.Contains(line, "ref="+d.Ref) {
		sc.Errorf("the log says %s, want %s %s", line, d.Reason, d.Ref)
	}
}

// metric is the value of a line of /metrics, 0 where there is none.
func metric(t testing.TB, n *harness.Node, name string) int {
	t.Helper()
	resp, err := http.Get("http://" + n.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			count, _ := strconv.Atoi(strings.TrimSpace(value))
			return count
		}
	}
	return 0
}

var reference = regexp.MustCompile(`text="([a-z ]+), ref ([0-9A-Z]{5})"`)

// told is the reference in a refusal's Reason header, "" where there is none; the word beside it
// must be the reason's.
func (sc *scene) told(m *peer.Message, reason string) string {
	sc.Helper()
	found := reference.FindStringSubmatch(m.Get("Reason"))
	if found == nil {
		return ""
	}
	if found[1] != strings.ReplaceAll(reason, "_", " ") {
		sc.Errorf("the Reason header says %q, want %s", m.Get("Reason"), reason)
	}
	return found[2]
}

// number is a URI of a number at the node, as switches call.
func number(u *peer.UA, digits string) string { return "sip:" + digits + "@" + u.Edge.String() }

// entry makes the caller an entry of the customer.
func (sc *scene) entry(more string) {
	sc.Helper()
	sc.Customer.Extra += fmt.Sprintf("switches:\n  - {name: dialer, direction: egress, addresses: [%q], dial_pattern: raw%s}\n", sc.Caller.IP(), more)
	sc.Apply()
}

// through places a call that the PBX answers with a status.
func (sc *scene) through(uri string, status int, opts ...peer.Option) *peer.Call {
	sc.Helper()
	a := sc.Caller.Invite(uri, opts...)
	b := sc.Callee.Accept("INVITE")
	b.Answer(status)
	b.Expect("ACK")
	a.Expect(status)
	return a
}
