package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

// kindTrace is what faults call a case.
const kindTrace = tenant.Kind("trace")

// decisions are the operations on what was decided, and on the SIP around it.
func (s *server) decisions() {
	op := func(path, id, summary string) huma.Operation {
		return huma.Operation{Method: http.MethodGet, Path: root + path, OperationID: id, Summary: summary, Tags: []string{"traces"}}
	}
	huma.Register(s.huma, op("/decisions", "list-decisions", "List calls and refused requests with why they were let through or refused, the latest first"), s.listDecisions)
	huma.Register(s.huma, op("/decisions/{id}", "get-decision", "Why one was let through or refused"), s.getDecision)
	huma.Register(s.huma, op("/traces", "list-traces", "List those of whom SIP was kept, the latest first"), s.listTraces)
	huma.Register(s.huma, op("/traces/{id}", "get-trace", "The SIP of one, both legs, in the order in which it came and went"), s.getTrace)
	text := op("/traces/{id}/ladder", "get-ladder", "The SIP of one as a ladder, for people")
	text.Responses = plainResponse("text/plain", "A ladder.")
	huma.Register(s.huma, text, s.getLadder)
	pcap := op("/traces/{id}/pcap", "get-pcap", "The SIP of one as a capture file")
	pcap.Responses = plainResponse(pcapType, "A file that Wireshark reads.")
	huma.Register(s.huma, pcap, s.getPcap)
}

const pcapType = "application/vnd.tcpdump.pcap"

func plainResponse(media, text string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: text, Content: map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
}

// decisionInput has listInput's parameters and its own; huma reads no embedded ones that are not exported.
type decisionInput struct {
	Customer int64  `query:"customer" minimum:"1" doc:"Only what belongs to this customer."`
	Company  int64  `query:"company" minimum:"1" doc:"Only what belongs to this company."`
	Q        string `query:"q" maxLength:"255" doc:"A Call-ID, a number (in E.164 or as dialled), an address, a user, a domain, a User-Agent, or a part of these."`
	Ref      string `query:"ref" maxLength:"5" doc:"The five characters that a refused caller reads."`
	CallID   string `query:"call_id" maxLength:"255" doc:"As q, for those who look for a Call-ID."`
	Status   int    `query:"status" minimum:"-1" maximum:"699" doc:"Only with this final status; -1: silence."`
	Reason   string `query:"reason" maxLength:"64" doc:"Only with this reason, such as firewall."`
	Refused  bool   `query:"refused" doc:"Only what Tollgate refused."`
	Since    string `query:"since" maxLength:"40" doc:"Only what was there then or later: a time, 2026-11-22T20:15:00Z, or how long ago, 1h."`
	Until    string `query:"until" maxLength:"40" doc:"Only what began before: likewise."`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" doc:"Items on a page; 100 where absent."`
	Cursor   string `query:"cursor" maxLength:"24" doc:"The next of the page before."`
}

func (in *decisionInput) query(now time.Time) (q trace.Query, err error) {
	q = trace.Query{
		Text: cmp.Or(in.CallID, in.Q), Ref: in.Ref, Status: in.Status, Reason: in.Reason,
		RefusedOnly: in.Refused, Limit: cmp.Or(in.Limit, 100),
	}
	if in.Ref != "" {
		if _, ok := trace.CanonicalRef(in.Ref); !ok {
			return q, &tenant.Fault{Code: tenant.CodeInvalid, Field: "ref", Message: "is no reference", Want: "five letters and digits, such as 7KQ2M"}
		}
	}
	if q.Since, err = moment("since", in.Since, now); err != nil {
		return q, err
	}
	if q.Until, err = moment("until", in.Until, now); err != nil {
		return q, err
	}
	if in.Cursor != "" {
		segment, offset, ok := strings.Cut(in.Cursor, ".")
		a, errA := strconv.ParseUint(segment, 10, 32)
		b, errB := strconv.ParseUint(offset, 10, 32)
		if !ok || errA != nil || errB != nil {
			return q, badCursor()
		}
		q.Before = trace.Place{Segment: uint32(a), Offset: uint32(b)}
	}
	return q, nil
}

func (s *server) listDecisions(ctx context.Context, in *decisionInput) (*pageOutput[trace.Decision], error) {
	return s.cases(ctx, in, func(*trace.Decision) bool { return true })
}

func (s *server) listTraces(ctx context.Context, in *decisionInput) (*pageOutput[trace.Decision], error) {
	return s.cases(ctx, in, func(d *trace.Decision) bool { return d.Messages > 0 })
}

func (s *server) cases(ctx context.Context, in *decisionInput, holds func(*trace.Decision) bool) (*pageOutput[trace.Decision], error) {
	scope, err := s.narrowed(ctx, &listInput{Customer: in.Customer, Company: in.Company})
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	q, err := in.query(time.Now())
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	if q.Keep, err = s.sees(ctx, scope); err != nil {
		return nil, s.refused(ctx, err)
	}
	list, next, err := s.node.Decisions(ctx, q)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &pageOutput[trace.Decision]{Body: Page[trace.Decision]{Items: []trace.Decision{}}}
	for i := range list {
		if holds(&list[i]) {
			speak(ctx, &list[i])
			out.Body.Items = append(out.Body.Items, list[i])
		}
	}
	if !next.IsZero() {
		out.Body.Next = fmt.Sprintf("%d.%d", next.Segment, next.Offset)
	}
	return out, nil
}

type caseInput struct {
	ID string `path:"id" maxLength:"24" doc:"As decisions, calls and cdrs have it."`
}

// found gives a case that the principal may see.
func (s *server) found(ctx context.Context, in *caseInput) (trace.Decision, []trace.Message, error) {
	id, ok := trace.ParseID(in.ID)
	if !ok {
		return trace.Decision{}, nil, s.refused(ctx, tenant.NotFound(kindTrace))
	}
	sees, err := s.sees(ctx, principalOf(ctx).Scope())
	if err != nil {
		return trace.Decision{}, nil, s.refused(ctx, err)
	}
	d, messages, err := s.node.Trace(ctx, id)
	if errors.Is(err, trace.ErrNotFound) || err == nil && !sees(d.Customer) {
		err = tenant.NotFound(kindTrace)
	}
	if err != nil {
		return trace.Decision{}, nil, s.refused(ctx, err)
	}
	speak(ctx, &d)
	return d, messages, nil
}

type decisionOutput struct{ Body trace.Decision }

func (s *server) getDecision(ctx context.Context, in *caseInput) (*decisionOutput, error) {
	d, _, err := s.found(ctx, in)
	if err != nil {
		return nil, err
	}
	return &decisionOutput{Body: d}, nil
}

// traced is a case with its messages.
type traced struct {
	Decision trace.Decision  `json:"decision"`
	Messages []tracedMessage `json:"messages" nullable:"false"`
}

type tracedMessage struct {
	At        time.Time      `json:"at"`
	Received  bool           `json:"received" doc:"It came; else we sent it."`
	Transport string         `json:"transport"`
	Local     netip.AddrPort `json:"local"`
	Remote    netip.AddrPort `json:"remote"`
	Text      string         `json:"text" doc:"As it was on the wire, but for digest responses and media keys, which are x's; bytes that are no UTF-8 are replaced."`
}

type traceOutput struct{ Body traced }

func (s *server) getTrace(ctx context.Context, in *caseInput) (*traceOutput, error) {
	d, messages, err := s.found(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &traceOutput{Body: traced{Decision: d, Messages: make([]tracedMessage, len(messages))}}
	for i := range messages {
		m := &messages[i]
		out.Body.Messages[i] = tracedMessage{m.At.UTC(), m.In, m.Transport, m.Local, m.Remote, strings.ToValidUTF8(string(m.Data), "\ufffd")}
	}
	return out, nil
}

func (s *server) getLadder(ctx context.Context, in *caseInput) (*huma.StreamResponse, error) {
	d, messages, err := s.found(ctx, in)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "text/plain; charset=utf-8")
		_ = trace.Ladder(hc.BodyWriter(), languageOf(ctx), &d, messages) // who asked has gone
	}}, nil
}

func (s *server) getPcap(ctx context.Context, in *caseInput) (*huma.StreamResponse, error) {
	d, messages, err := s.found(ctx, in)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", pcapType)
		w.Header().Set("Content-Disposition", `attachment; filename="`+d.Ref+`.pcap"`)
		_ = trace.Pcap(w, messages) // who asked has gone
	}}, nil
}
