package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tollgate/internal/call"
	"tollgate/internal/feed"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

const (
	// beatEvery keeps proxies from closing a stream that has nothing to say.
	beatEvery = 15 * time.Second
	// recheckEvery is how long a key that was taken back, or a new customer, goes unnoticed.
	recheckEvery = 5 * time.Second
	// eventPatience is how long a client may leave an event unread.
	eventPatience = 10 * time.Second
	// countEvery is how often the numbers of calls are told.
	countEvery = time.Second
	eventsType = "text/event-stream"
)

// The kinds of events beside those of package feed.
const (
	eventDecision = "decision"
	eventCalls    = "calls"
)

// CallEvent is the event "call".
type CallEvent struct {
	What string       `json:"what" enum:"start,answer,change,end"`
	Call call.Summary `json:"call" doc:"Of one that ended: as it was last seen, with why it ended."`
}

// What has happened to a call.
const (
	CallStarts   = "start"
	CallAnswered = "answer"
	CallChanged  = "change"
	CallEnds     = "end"
)

// CountEvent is the event "calls".
type CountEvent struct {
	At            time.Time `json:"at"`
	Calls         int       `json:"calls" doc:"That live now."`
	Rate          float64   `json:"calls_per_second" doc:"Attempts, over the last five seconds."`
	Registrations int       `json:"registrations"`
}

// BanEvent is the event "ban".
type BanEvent struct {
	What     string            `json:"what" enum:"banned,lifted"`
	ID       string            `json:"id"`
	Customer tenant.CustomerID `json:"customer_id,omitempty"`
	Address  string            `json:"address,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Until    time.Time         `json:"until,omitzero"`
}

// What has happened to a ban.
const (
	BanMade   = "banned"
	BanLifted = "lifted"
)

// ConfigEvent is the event "config".
type ConfigEvent struct {
	Revision int64             `json:"revision"`
	Company  tenant.CompanyID  `json:"company_id,omitempty"`
	Customer tenant.CustomerID `json:"customer_id,omitempty" doc:"Whose nouns; absent: the company's own, or the platform's."`
	Nouns    []tenant.Kind     `json:"nouns" nullable:"false" doc:"Which of them to ask for again."`
}

// LostEvent is the event "lost".
type LostEvent struct {
	Count uint64 `json:"count" doc:"Events that this client did not read in time: ask for what is shown again."`
}

// NodeFeed is the node as live pages watch it.
type NodeFeed interface {
	// Watch gives what happens, as feed.Feed.Watch does.
	Watch(filter func(*feed.Event) bool) *feed.Watcher
}

// events is the operation that tells what happens as it does.
func (s *server) events() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/events", OperationID: "watch-events", Tags: []string{"traces"},
		Summary: "What happens, as it does: server-sent events of the kinds that are asked for. " +
			"decision: a Decision, again with ended once it is over; calls: CountEvent, every second; call: CallEvent; ban: BanEvent; " +
			"destination: Neighbour; config: ConfigEvent; and lost: LostEvent, where the client was too slow",
		Responses: plainResponse(eventsType, "Events until the client closes."),
	}, s.watch)
	for _, v := range []any{CallEvent{}, CountEvent{}, BanEvent{}, ConfigEvent{}, LostEvent{}} { // for clients: no operation's body has them
		describeType(s.huma, v)
	}
}

type eventsInput struct {
	Customer int64    `query:"customer" minimum:"1" doc:"Only of this customer."`
	Company  int64    `query:"company" minimum:"1" doc:"Only of this company."`
	Refused  bool     `query:"refused" doc:"Of decisions, only what Tollgate refused."`
	Kinds    []string `query:"kinds" enum:"decision,calls,call,ban,destination,config" maxItems:"6" doc:"With commas between; decision where absent."`
}

// wants says that a kind is asked for.
func (in *eventsInput) wants(kind string) bool {
	return slices.Contains(in.Kinds, kind) || len(in.Kinds) == 0 && kind == eventDecision
}

// audience is whose events somebody sees as of now.
type audience struct {
	scope     tenant.Scope
	customers []tenant.CustomerID // nil: all
	sees      func(tenant.CustomerID) bool
}

// event says whether one is for it. One that names nobody is the platform's.
func (a *audience) event(e *feed.Event) bool {
	switch {
	case e.Customer != 0:
		return a.sees(e.Customer)
	case e.Company != 0:
		return a.scope.Sees(e.Company, 0)
	}
	return a.scope.IsPlatform()
}

func (s *server) watch(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	first, err := s.audience(ctx, in)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		var now atomic.Pointer[audience]
		now.Store(first)
		t := &telling{s: s, in: in, now: &now, w: w, control: http.NewResponseController(w)}
		t.still = func() bool {
			p, err := s.whoIs(r)
			if err != nil {
				return false
			}
			next, err := s.audience(context.WithValue(ctx, principalKey, p), in)
			if err == nil {
				now.Store(next)
			}
			return err == nil
		}
		t.watch(ctx)
	}}, nil
}

// audience gives whose events the principal sees as of now.
func (s *server) audience(ctx context.Context, in *eventsInput) (*audience, error) {
	scope, err := s.narrowed(ctx, &listInput{Customer: in.Customer, Company: in.Company})
	if err != nil {
		return nil, err
	}
	customers, sees, err := s.audienceOf(ctx, scope)
	return &audience{scope, customers, sees}, err
}

// telling is one client's stream.
type telling struct {
	s       *server
	in      *eventsInput
	now     *atomic.Pointer[audience]
	still   func() bool // he may still see them
	w       http.ResponseWriter
	control *http.ResponseController
}

// watch writes events until the client goes, may not see them any more, or the node stops.
func (t *telling) watch(ctx context.Context) {
	var decisions <-chan *trace.Decision
	if t.in.wants(eventDecision) {
		events, stop := t.s.node.WatchDecisions(func(d *trace.Decision) bool {
			return t.now.Load().sees(d.Customer) && (!t.in.Refused || d.Refused)
		})
		defer stop()
		decisions = events
	}
	watcher := t.s.node.Watch(func(e *feed.Event) bool { return t.in.wants(e.Kind) && t.now.Load().event(e) })
	defer watcher.Stop()
	t.w.Header().Set("Content-Type", eventsType)
	if t.say(": watching\n\n") {
		t.loop(ctx, decisions, watcher)
	}
}

// decision tells one in the language of who watches; others are told the same one.
func (t *telling) decision(ctx context.Context, d *trace.Decision) bool {
	own := *d
	own.Would, own.Later = slices.Clone(d.Would), slices.Clone(d.Later)
	speak(ctx, &own)
	return t.event(eventDecision, d.ID.String(), &own)
}

func (t *telling) loop(ctx context.Context, decisions <-chan *trace.Decision, watcher *feed.Watcher) {
	beat, recheck, count := time.NewTicker(beatEvery), time.NewTicker(recheckEvery), time.NewTicker(countEvery)
	defer beat.Stop()
	defer recheck.Stop()
	defer count.Stop()
	for well := true; well; {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			well = t.say(": still here\n\n")
		case <-recheck.C:
			well = t.still()
		case <-count.C:
			well = t.losses(watcher) && t.count()
		case d, open := <-decisions:
			well = open && t.decision(ctx, d)
		case e, open := <-watcher.Events:
			well = open && t.say(fmt.Sprintf("event: %s\ndata: %s\n\n", e.Kind, e.Data))
		}
	}
}

// count tells the numbers of calls.
func (t *telling) count() bool {
	if !t.in.wants(eventCalls) {
		return true
	}
	of := t.now.Load().customers
	return t.event(eventCalls, "", CountEvent{
		At: time.Now().UTC(), Calls: t.s.node.CallCount(of), Rate: t.s.node.Pulse(of).Rate, Registrations: t.s.node.BindingCount(of),
	})
}

// losses tells what the client was too slow for.
func (t *telling) losses(w *feed.Watcher) bool {
	n := w.Lost()
	return n == 0 || t.event("lost", "", LostEvent{Count: n})
}

func (t *telling) event(kind, id string, v any) bool {
	data, err := json.Marshal(v)
	if err != nil {
		return false
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return t.say(fmt.Sprintf("event: %s\n%sdata: %s\n\n", kind, id, data))
}

func (t *telling) say(text string) bool {
	_ = t.control.SetWriteDeadline(time.Now().Add(eventPatience)) // a test's writer has none
	_, err := io.WriteString(t.w, text)
	return err == nil && t.control.Flush() == nil
}
