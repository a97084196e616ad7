package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

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
	eventsType    = "text/event-stream"
)

// events is the operation that tells what happens as it does.
func (s *server) events() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/events", OperationID: "watch-events", Tags: []string{"traces"},
		Summary:   "What is decided, and which calls end, as it happens: server-sent events \"decision\" with the body of a decision; one whose ended is set is over",
		Responses: plainResponse(eventsType, "Events until the client closes; those that it does not read in time are left out."),
	}, s.watch)
}

type eventsInput struct {
	Customer int64 `query:"customer" minimum:"1" doc:"Only of this customer."`
	Company  int64 `query:"company" minimum:"1" doc:"Only of this company."`
	Refused  bool  `query:"refused" doc:"Only what Tollgate refused."`
}

func (s *server) watch(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	first, err := s.audience(ctx, in)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		var sees atomic.Pointer[func(tenant.CustomerID) bool]
		sees.Store(&first)
		events, stop := s.node.WatchDecisions(func(d *trace.Decision) bool {
			return (*sees.Load())(d.Customer) && (!in.Refused || d.Refused)
		})
		defer stop()
		w.Header().Set("Content-Type", eventsType)
		stream(ctx, w, events, func() bool {
			p, err := s.whoIs(r)
			if err != nil {
				return false
			}
			next, err := s.audience(context.WithValue(ctx, principalKey, p), in)
			if err == nil {
				sees.Store(&next)
			}
			return err == nil
		})
	}}, nil
}

// audience gives whose events the principal sees as of now.
func (s *server) audience(ctx context.Context, in *eventsInput) (func(tenant.CustomerID) bool, error) {
	scope, err := s.narrowed(ctx, &listInput{Customer: in.Customer, Company: in.Company})
	if err != nil {
		return nil, err
	}
	return s.sees(ctx, scope)
}

// stream writes events until the client goes, may not see them any more, or the node stops.
func stream(ctx context.Context, w http.ResponseWriter, events <-chan *trace.Decision, still func() bool) {
	control := http.NewResponseController(w)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	recheck := time.NewTicker(recheckEvery)
	defer recheck.Stop()
	say := func(text string) bool {
		_ = control.SetWriteDeadline(time.Now().Add(eventPatience)) // a test's writer has none
		_, err := io.WriteString(w, text)
		return err == nil && control.Flush() == nil
	}
	if !say(": watching\n\n") {
		return
	}
	for {
		text := ": still here\n\n"
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
		case <-recheck.C:
			if !still() {
				return
			}
			continue
		case d, open := <-events:
			if !open {
				return
			}
			data, err := json.Marshal(d)
			if err != nil {
				return
			}
			text = fmt.Sprintf("event: decision\nid: %s\ndata: %s\n\n", d.ID, data)
		}
		if !say(text) {
			return
		}
	}
}
