package panelapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
)

func events() []scenario {
	return []scenario{
		{"events: a call", "", callTold},
		{"events: at once", "", atOnceTold},
		{"events: bans, destinations, configuration and decisions", "", restTold},
		{"events: only his own", "", onlyHisOwn},
		{"events: a key that is taken back", "", keyTakenBack},
		{"events: a slow reader", "", slowReader},
	}
}

// event is one that a stream told.
type event struct {
	kind string
	data []byte
}

// stream is somebody who watches.
type stream struct {
	t      testing.TB
	events chan event // closed at the stream's end
}

// watch opens a stream, and returns once the node watches for it.
func (c *client) watch(query string, dialers ...*net.Dialer) *stream {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	transport := &http.Transport{DisableCompression: true}
	for _, d := range dialers {
		transport.DialContext = d.DialContext
	}
	resp, err := (&http.Client{Transport: transport}).Do(c.request("GET", "/events?"+query, nil).WithContext(ctx))
	if err != nil {
		cancel()
		c.t.Fatal(err)
	}
	s := &stream{c.t, make(chan event)}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	if resp.StatusCode != http.StatusOK || !lines.Scan() || lines.Text() != ": watching" {
		c.t.Errorf("%s: %s %q", query, resp.Status, lines.Text())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.read(ctx, lines)
	}()
	c.t.Cleanup(func() {
		cancel()
		<-done
		resp.Body.Close()
	})
	return s
}

// read gives events until the stream ends.
func (s *stream) read(ctx context.Context, lines *bufio.Scanner) {
	defer close(s.events)
	var e event
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "event":
			e.kind = value
		case "data":
			e.data = []byte(value)
		case "":
			if e.kind == "" {
				continue
			}
			select {
			case s.events <- e:
			case <-ctx.Done():
				return
			}
			e = event{}
		}
	}
}

// next waits for an event of this kind that is as wanted, and lets others pass; out takes its data.
func (s *stream) next(kind string, out any, want func() bool) {
	s.t.Helper()
	over := time.After(2 * soon)
	for {
		select {
		case e, open := <-s.events:
			if !open {
				s.t.Fatalf("the stream ended before the event %s", kind)
			}
			if e.kind != kind {
				continue
			}
			if err := json.Unmarshal(e.data, out); err != nil {
				s.t.Fatalf("%s: %v", e.data, err)
			}
			if want() {
				return
			}
		case <-over:
			s.t.Fatalf("no event %s as wanted; the last one was %+v", kind, out)
		}
	}
}

// ends wants the stream to end, whatever it still tells.
func (s *stream) ends() {
	s.t.Helper()
	over := time.After(15 * time.Second) // who may watch is asked again every 5 s
	for {
		select {
		case _, open := <-s.events:
			if !open {
				return
			}
		case <-over:
			s.t.Fatal("the stream goes on")
		}
	}
}

// callEvent is the event "call".
type callEvent struct {
	What string
	Call struct {
		ID, State, Destination string

		CallID string `json:"call_id"`
	}
}

// follows waits for what happens to a call.
func (s *stream) follows(what, callID string) (e callEvent) {
	s.t.Helper()
	s.next("call", &e, func() bool { return e.What == what && e.Call.CallID == callID })
	return e
}

// callTold: a call's start, answer and end, and how many there are.
func callTold(sc *scene) {
	w := sc.api.watch(fmt.Sprintf("kinds=call,calls&customer=%d", sc.id))
	var count struct {
		Calls int
		Rate  float64 `json:"calls_per_second"`
	}
	w.next("calls", &count, func() bool { return count.Calls == 0 })
	a, b := sc.Ring()
	started := w.follows("start", a.ID)
	b.Answer(200)
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	if answered := w.follows("answer", a.ID); answered.Call.ID != started.Call.ID || answered.Call.Destination != "d1" {
		sc.Errorf("started as %+v, answered as %+v", started, answered)
	}
	w.next("calls", &count, func() bool { return count.Calls == 1 && count.Rate >= 0 })
	sc.End(a, b)
	w.follows("end", a.ID)
	w.next("calls", &count, func() bool { return count.Calls == 0 })
}

// atOnceTold: what happens right after a stream began is told, as it was in no list that was asked
// for before; whoever else watches.
func atOnceTold(sc *scene) {
	for range 3 {
		w := sc.api.watch(fmt.Sprintf("kinds=call,config&customer=%d", sc.id))
		a, b := sc.Talk()
		w.follows("start", a.ID)
		sc.End(a, b)
		w.follows("end", a.ID)
	}
	w := sc.api.watch(fmt.Sprintf("kinds=config&customer=%d", sc.id))
	sc.own("blocklist", object{"prefix": "00883"})
	w.changed("blocklist", sc.id)
}

// changed waits for the event that a noun of a customer has changed.
func (s *stream) changed(noun string, customer int64) {
	s.t.Helper()
	var e struct {
		Revision int64
		Customer int64 `json:"customer_id"`
		Nouns    []string
	}
	s.next("config", &e, func() bool {
		return e.Revision > 0 && e.Customer == customer && strings.Contains(strings.Join(e.Nouns, " "), noun)
	})
}

// banEvent is the event "ban".
type banEvent struct {
	What, ID, Address, Reason string

	Customer int64 `json:"customer_id"`
}

func restTold(sc *scene) {
	w := sc.api.watch(fmt.Sprintf("kinds=ban,destination,config,decision&customer=%d", sc.id))
	const stranger = "203.0.113.9"
	made := sc.api.must("POST", "/bans", object{"address": stranger, "customer_id": sc.id, "reason": "tried"})
	var ban banEvent
	w.next("ban", &ban, func() bool {
		return ban.What == "banned" && strings.HasPrefix(ban.Address, stranger) && ban.Customer == sc.id
	})
	sc.api.must("DELETE", "/bans/"+made["id"].(string), nil)
	w.next("ban", &ban, func() bool { return ban.What == "lifted" && ban.ID == made["id"] })

	sc.own("firewall-rules", object{"name": "scanner", "header": "user-agent", "value": "scan", "match": "word", "action": "drop"})
	w.changed("firewall-rule", sc.id)
	a := sc.Caller.Invite(sc.URI(), agent("scan"))
	var d struct {
		CallID string `json:"call_id"`
		Reason string
	}
	w.next("decision", &d, func() bool { return d.CallID == a.ID && d.Reason == "firewall" })
	sc.Loose = true // it is sent again

	sc.Callee.Answering("OPTIONS", func() int { return 200 })
	sc.api.must("PATCH", fmt.Sprintf("/customers/%d", sc.id), object{"keepalive": true})
	var n neighbour
	w.next("destination", &n, func() bool { return n.Name == "d1" && n.Status == "up" && n.Customer == sc.Customer.Name })
}

// onlyHisOwn: another customer's events are not told.
func onlyHisOwn(sc *scene) {
	mine := sc.customerKey().watch("kinds=call,ban,config,decision")
	sc.customerKey().refused(404, "GET", "/events?customer=999999", nil)
	other := sc.another()
	sc.api.must("POST", "/bans", object{"address": "203.0.113.10", "customer_id": other.id})
	a, b := other.Talk()
	other.End(a, b)
	sc.api.must("POST", "/blocklist", object{"customer_id": other.id, "prefix": "00884"})
	made := sc.api.must("POST", "/bans", object{"address": "203.0.113.11", "customer_id": sc.id})
	for e := range mine.events { // his own comes after what must not come
		if !strings.Contains(string(e.data), fmt.Sprintf(`"customer_id":%d`, sc.id)) || strings.Contains(string(e.data), other.Customer.Name) {
			sc.Errorf("event %s: %s", e.kind, e.data)
		}
		if e.kind == "ban" && strings.Contains(string(e.data), made["id"].(string)) {
			return
		}
	}
	sc.Error("the stream ended")
}

func keyTakenBack(sc *scene) {
	holder, key := sc.key(object{"name": "watcher of " + sc.Customer.Name, "role": "customer", "access": "read-only", "customer_id": sc.id})
	w := holder.watch("kinds=call,calls")
	sc.api.must("DELETE", fmt.Sprintf("/api-keys/%d", id(key)), nil)
	w.ends()
	holder.refused(401, "GET", "/events", nil)
}

// slowReader: who reads nothing for a while is told how much he lost, and goes on.
func slowReader(sc *scene) {
	narrow := &net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		fault := c.Control(func(fd uintptr) { // as little as can be on its way
			if err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 2048); err == nil {
				err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536)
			}
		})
		if fault != nil {
			return fault
		}
		return err
	}}
	w := sc.api.watch(fmt.Sprintf("kinds=ban&customer=%d", sc.id), narrow)
	wish := object{"address": "203.0.113.12", "customer_id": sc.id, "reason": strings.Repeat("long ", 100)}
	made := sc.flood("/bans", wish, 3000) // 2048 wait for a reader, and some are on their way
	var lost struct{ Count int }
	if made >= 3000 { // else the node was too slow itself to outrun anybody, such as under the race detector
		w.next("lost", &lost, func() bool { return lost.Count > 0 })
	}
	if made > 0 && lost.Count >= made {
		sc.Errorf("%d of %d are lost", lost.Count, made)
	}
	var ban banEvent
	w.next("ban", &ban, func() bool { return ban.What == "banned" }) // he is told on
}

// flood does one operation up to so many times, for no longer than a reader may leave an event
// unread (10 s), and says how often it was done.
func (sc *scene) flood(path string, wish object, most int) int {
	sc.Helper()
	var made atomic.Int64
	var all sync.WaitGroup
	stop := time.Now().Add(8 * time.Second)
	for range 4 {
		all.Go(func() {
			for time.Now().Before(stop) && made.Load() < int64(most) {
				resp, err := http.DefaultClient.Do(sc.api.request("POST", path, wish))
				if err != nil {
					sc.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
				resp.Body.Close()
				made.Add(1)
			}
		})
	}
	all.Wait()
	return int(made.Load())
}

// another is a customer more, with phones of his own.
func (sc *scene) another() *scene {
	sc.Helper()
	s := newStage(sc, func(*harness.Customer) {})
	return &scene{Stage: s, api: sc.api, id: sc.api.idOf("customers", s.Customer.Name)}
}
