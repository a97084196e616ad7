package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tollgate/internal/trace"
)

const (
	// beatEvery keeps proxies from closing a stream that has nothing to say.
	beatEvery = 15 * time.Second
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
	scope, err := s.narrowed(ctx, &listInput{Customer: in.Customer, Company: in.Company})
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	sees, err := s.sees(ctx, scope)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		events, stop := s.node.WatchDecisions(func(d *trace.Decision) bool {
			return sees(d.Customer) && (!in.Refused || d.Refused)
		})
		defer stop()
		w.Header().Set("Content-Type", eventsType)
		stream(ctx, w, events)
	}}, nil
}

// stream writes events until the client goes or the node stops.
func stream(ctx context.Context, w http.ResponseWriter, events <-chan *trace.Decision) {
	control := http.NewResponseController(w)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
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
