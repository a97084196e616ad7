package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// headersQuery is a list of header edits, saved or typed, and what to try it on.
type headersQuery struct {
	Switch      int64                `json:"switch_id,omitempty" minimum:"1" doc:"A saved switch's list."`
	Destination int64                `json:"destination_id,omitempty" minimum:"1" doc:"A saved destination's list, behind that of its switch."`
	Headers     *[]tenant.HeaderEdit `json:"headers,omitempty" doc:"In place of the saved list."`
	Request     string               `json:"request" maxLength:"16384" doc:"Header lines of a request, such as a trace shows. A request line and a body may be there."`
}

// headerStep is what one edit did.
type headerStep struct {
	tenant.HeaderEdit
	Changed bool `json:"changed"`
}

type headersInput struct{ Body headersQuery }

type headersOutput struct {
	Body struct {
		Headers string       `json:"headers" doc:"The header lines as they go on, but for those that Tollgate writes itself."`
		Steps   []headerStep `json:"steps" nullable:"false" doc:"In the order in which they are taken."`
	}
}

// headersTool is the operation that changes headers by the very code that changes those of traffic.
func (s *server) headersTool() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: root + "/tools/headers", OperationID: "try-headers", Tags: []string{"tools"},
		Summary: "What becomes of a request's headers, step by step", MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
	}, s.tryHeaders)
}

func (s *server) tryHeaders(ctx context.Context, in *headersInput) (*headersOutput, error) {
	list, err := s.headerEdits(ctx, &in.Body)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	text, err := asRequest(in.Body.Request)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &headersOutput{}
	out.Body.Steps = make([]headerStep, 0, len(list))
	for i, change := range policy.HeaderChanges(list) {
		next, err := sip.Changed(text, []sip.HeaderChange{change})
		if err != nil {
			return nil, s.refused(ctx, notLines())
		}
		out.Body.Steps = append(out.Body.Steps, headerStep{list[i], string(next) != string(text)})
		text = next
	}
	_, lines, _ := strings.Cut(string(text), "\r\n")
	out.Body.Headers = strings.ReplaceAll(strings.TrimSuffix(lines, "\r\n"), "\r\n", "\n")
	return out, nil
}

// headerEdits gives the list of a query, in the order in which traffic meets it.
func (s *server) headerEdits(ctx context.Context, q *headersQuery) (list []tenant.HeaderEdit, err error) {
	scope := principalOf(ctx).Scope()
	if q.Destination != 0 && q.Switch != 0 {
		return nil, &tenant.Fault{Code: tenant.CodeConflict, Field: "destination_id", Message: "switch_id and destination_id exclude each other", Want: "one of them"}
	}
	of := tenant.SwitchID(q.Switch)
	var own []tenant.HeaderEdit
	if q.Destination != 0 {
		d, err := s.store.Destinations.Get(ctx, scope, tenant.DestinationID(q.Destination))
		if err != nil {
			return nil, err
		}
		own, of = d.Headers, d.Switch
	}
	if of != 0 {
		sw, err := s.store.Switches.Get(ctx, scope, of)
		if err != nil {
			return nil, err
		}
		if list = sw.Headers; q.Destination == 0 {
			own, list = list, nil
		}
	}
	if q.Headers != nil {
		if faults := tenant.CheckHeaderEdits(*q.Headers); len(faults) > 0 {
			return nil, faults
		}
		own = *q.Headers
	}
	return slices.Concat(list, own), nil
}

// asRequest makes a request of header lines.
func asRequest(lines string) ([]byte, error) {
	lines = strings.ReplaceAll(lines, "\r\n", "\n")
	lines, _, _ = strings.Cut(strings.Trim(lines, "\n"), "\n\n")
	if first, rest, _ := strings.Cut(lines, "\n"); strings.HasSuffix(first, " SIP/2.0") {
		lines = rest
	}
	if lines != "" {
		lines = strings.ReplaceAll(lines, "\n", "\r\n") + "\r\n"
	}
	text := []byte("OPTIONS sip:x SIP/2.0\r\n" + lines + "\r\n")
	var m sip.Message
	if m.Parse(text) != nil || m.Tainted() {
		return nil, notLines()
	}
	return text, nil
}

func notLines() *tenant.Fault {
	return &tenant.Fault{Code: tenant.CodeInvalid, Field: "request", Message: "is not header lines", Want: "up to 96 lines such as \"User-Agent: x\""}
}
