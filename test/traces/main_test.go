// Package traces asks a node what it decided and what was said: each call and each refused
// request is found by whatever is known of it, with the SIP of both legs, byte for byte, but
// for what would give a password away; whatever happened to the node.
package traces

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy keeps no traces
	}
	harness.Main(m)
}

// decision is what the API gives of one.
type decision struct {
	ID        string    `json:"id"`
	Ref       string    `json:"ref"`
	Ended     time.Time `json:"ended"`
	Customer  string    `json:"customer"`
	CallID    string    `json:"call_id"`
	FarCallID string    `json:"far_call_id"`
	Source    string    `json:"source"`
	Refused   bool      `json:"refused"`
	Status    int       `json:"status"`
	Reason    string    `json:"reason"`
	Sentence  string    `json:"sentence"`
	RuleName  string    `json:"rule_name"`
	Limit     string    `json:"limit"`
	LimitMax  int       `json:"limit_max"`
	Passed    []string  `json:"passed"`
	Would     []struct {
		Reason string `json:"reason"`
	} `json:"would"`
	Answered bool   `json:"answered"`
	EndedBy  string `json:"ended_by"`
	Messages int    `json:"messages"`
}

// reader asks a node's API.
type reader struct {
	t    testing.TB
	node *harness.Node
	key  string
}

func newReader(t testing.TB, node *harness.Node) *reader {
	t.Helper()
	return &reader{t, node, strings.TrimSpace(node.Must(t, "api-keys", "create", "support", "--access", "read-only").Stdout)}
}

// ask gives the body of an answer that must be 200.
func (r *reader) ask(path string) []byte {
	r.t.Helper()
	body, status := r.try(path)
	if status != http.StatusOK {
		r.t.Fatalf("%s: %d\n%s", path, status, body)
	}
	return body
}

func (r *reader) try(path string) (body []byte, status int) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.node.HTTP+"/api/v1/"+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		r.t.Fatal(err)
	}
	return body, resp.StatusCode
}

// find gives what a list has: a query as key and value in turns.
func (r *reader) find(pairs ...string) (list []decision) {
	r.t.Helper()
	q := url.Values{"limit": {"1000"}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	var page struct{ Items []decision }
	if err := json.Unmarshal(r.ask("decisions?"+q.Encode()), &page); err != nil {
		r.t.Fatal(err)
	}
	return page.Items
}

// only wants one case, found by its Call-ID.
func (r *reader) only(callID string) decision {
	r.t.Helper()
	list := r.find("q", callID)
	if len(list) != 1 {
		r.t.Fatalf("%d cases of %s: %+v", len(list), callID, list)
	}
	return list[0]
}

// over is only, once that case is over: who has read the last answer is ahead of the node, which notes
// it after it has sent it.
func (r *reader) over(callID string) (d decision) {
	r.t.Helper()
	harness.Eventually(r.t, harness.Soon, func() error {
		if d = r.only(callID); d.Ended.IsZero() {
			return fmt.Errorf("not over: %+v", d)
		}
		return nil
	})
	return d
}

// capture gives the SIP messages of a case's capture file.
func (r *reader) capture(id string) (list []string) {
	r.t.Helper()
	b := r.ask("traces/" + id + "/pcap")
	if len(b) < 24 || binary.LittleEndian.Uint32(b) != 0xa1b23c4d || binary.LittleEndian.Uint32(b[20:]) != 101 {
		r.t.Fatalf("no capture: %.100q", b)
	}
	for b = b[24:]; len(b) >= 16; {
		n := int(binary.LittleEndian.Uint32(b[8:]))
		ip := b[16 : 16+n]
		b = b[16+n:]
		header, proto := 20, ip[9]
		if ip[0]>>4 == 6 {
			header, proto = 40, ip[6]
		}
		if proto == 17 {
			list = append(list, string(ip[header+8:]))
		} else {
			list = append(list, string(ip[header+20:]))
		}
	}
	return list
}

// said is all that passed at both ends of a scenario, with a case's Call-IDs.
func said(s *stage.Stage, d *decision) (list []string) {
	for _, u := range []*peer.UA{s.Caller, s.Callee} {
		for _, e := range u.Entries() {
			if e.Msg != nil && slices.Contains([]string{d.CallID, d.FarCallID}, e.Msg.Get("Call-ID")) {
				list = append(list, string(e.Raw))
			}
		}
	}
	return list
}

// whole checks that a case has each message that passed, as it was.
func (r *reader) whole(s *stage.Stage, d *decision) {
	r.t.Helper()
	harness.Eventually(r.t, harness.Soon, func() error {
		want, got := said(s, d), r.capture(d.ID)
		slices.Sort(want)
		slices.Sort(got)
		if len(want) == 0 {
			return errors.New("nothing was said")
		}
		for _, m := range got {
			if !slices.Contains(want, m) {
				return fmt.Errorf("nobody said\n%s", m)
			}
		}
		if len(got) != len(want) {
			return fmt.Errorf("%d messages of %d", len(got), len(want))
		}
		return nil
	})
}
