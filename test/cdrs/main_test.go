// Package cdrs asks a node for its call records: each call attempt has exactly one, which says
// how it was, however it ended, and whatever happened to the node.
package cdrs

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy keeps no records
	}
	harness.Main(m)
}

// record is what the API gives of one.
type record struct {
	Seq         int64     `json:"seq"`
	ID          string    `json:"id"`
	Customer    string    `json:"customer"`
	Direction   string    `json:"direction"`
	Hidden      bool      `json:"hidden"`
	CallID      string    `json:"call_id"`
	FarCallID   string    `json:"far_call_id"`
	From        string    `json:"from"`
	To          string    `json:"to"`
	URI         string    `json:"uri"`
	Source      string    `json:"source"`
	Transport   string    `json:"source_transport"`
	SwitchID    int64     `json:"switch_id"`
	Switch      string    `json:"switch"`
	User        string    `json:"user"`
	Destination string    `json:"destination"`
	Target      string    `json:"target"`
	Started     time.Time `json:"started"`
	Answered    time.Time `json:"answered"`
	Ended       time.Time `json:"ended"`
	Setup       float64   `json:"setup_seconds"`
	Duration    float64   `json:"duration_seconds"`
	Status      int       `json:"status"`
	Reason      string    `json:"reason"`
	Sentence    string    `json:"sentence"`
	EndedBy     string    `json:"ended_by"`
	Rule        int64     `json:"rule_id"`
	RuleName    string    `json:"rule"`
	Limit       string    `json:"limit"`
	Ref         string    `json:"ref"`
	Repeated    int       `json:"repeated"`
}

// reader asks a node's API.
type reader struct {
	t    testing.TB
	node *harness.Node
	key  string
}

func newReader(t testing.TB, node *harness.Node) *reader {
	t.Helper()
	key := node.Must(t, "api-keys", "create", "billing", "--access", "read-only").Stdout
	return &reader{t, node, strings.TrimSpace(key)}
}

// call gives the body of an answer that must be 200.
func (r *reader) call(method, path string) []byte {
	r.t.Helper()
	body, _ := r.request(method, path)
	return body
}

// ask gives the body and the type of an answer that must be 200.
func (r *reader) ask(query string) (body []byte, media string) {
	r.t.Helper()
	return r.request(http.MethodGet, "cdrs?"+query)
}

func (r *reader) request(method, path string) (body []byte, media string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.node.HTTP+"/api/v1/"+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %s %v\n%s", path, resp.Status, err, body)
	}
	return body, resp.Header.Get("Content-Type")
}

// page gives what comes after a record, and the record to go on from.
func (r *reader) page(after, query string) (list []record, next string) {
	r.t.Helper()
	body, _ := r.ask("after=" + after + "&" + query)
	var page struct {
		Items []record
		Next  string
	}
	if err := json.Unmarshal(body, &page); err != nil || page.Next == "" {
		r.t.Fatalf("%v: %s", err, body)
	}
	return page.Items, page.Next
}

// of gives all records of a customer.
func (r *reader) of(customer string) (list []record) {
	r.t.Helper()
	for after := "0"; ; {
		items, next := r.page(after, "limit=1000")
		for _, c := range items {
			if c.Customer == customer {
				list = append(list, c)
			}
		}
		if after = next; len(items) < 1000 {
			return list
		}
	}
}

// want waits until a customer has so many records, and no more come.
func (r *reader) want(customer string, n int) []record {
	r.t.Helper()
	var list []record
	harness.Eventually(r.t, 15*time.Second, func() error {
		if list = r.of(customer); len(list) < n {
			return fmt.Errorf("%d records of %d", len(list), n)
		}
		return nil
	})
	if len(list) > n {
		r.t.Fatalf("%d records, want %d: %+v", len(list), n, list)
	}
	return list
}

// theater is a node with someone who reads its records.
type theater struct {
	*stage.Stage
	*reader
}

// one wants the customer's only record, and what it must say.
func (t theater) one(status int, reason, by string) record {
	t.Helper()
	c := t.want(t.Stage.Customer.Name, 1)[0]
	if c.Status != status || c.Reason != reason || c.EndedBy != by {
		t.Errorf("%d %s by %s, want %d %s by %s", c.Status, c.Reason, c.EndedBy, status, reason, by)
	}
	t.whole(&c)
	return c
}

// whole checks what holds for every record.
func (t theater) whole(c *record) {
	t.Helper()
	direction := "inbound"
	if t.Outbound {
		direction = "outbound"
	}
	setup, talked := c.Ended.Sub(c.Started).Seconds(), 0.0
	if !c.Answered.IsZero() {
		setup, talked = c.Answered.Sub(c.Started).Seconds(), c.Ended.Sub(c.Answered).Seconds()
	}
	near := func(a, b float64) bool { return a-b < .001 && b-a < .001 }
	switch {
	case c.Direction != direction, c.Source != t.Caller.Addr().String() && t.Caller.Proto() == "udp", c.Transport != t.Caller.Proto():
		t.Errorf("not the call that it was: %+v", c)
	case !near(setup, c.Setup), !near(talked, c.Duration), time.Since(c.Ended) > time.Minute, time.Until(c.Ended) > 0:
		t.Errorf("the times do not fit: %+v", c)
	case !strings.Contains(c.From, t.Caller.Mark), c.URI == "", c.To == "":
		t.Errorf("nobody called: %+v", c)
	}
}
