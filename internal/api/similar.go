package api

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/cdr"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

const (
	// kindCDR is what faults call a record.
	kindCDR = tenant.Kind("cdr")
	// recordPatience is how long records are looked through, the latest first.
	recordPatience = 2 * time.Second
)

// similarCall is the last good call to the same number, beside a call.
type similarCall struct {
	Bad         cdr.CDR      `json:"bad" doc:"The call that was asked for."`
	Good        *cdr.CDR     `json:"good" doc:"The last answered one before it of the same customer to the same number; null where none was found."`
	Differences []difference `json:"differences" nullable:"false"`
}

// difference is a field in which two calls differ.
type difference struct {
	Field string `json:"field" enum:"source,source_transport,caller,direction,destination,target,target_transport,status,reason,rule,limit,duration_seconds,user_agent,identified_by,who,domain,group,codecs"`
	Good  string `json:"good"`
	Bad   string `json:"bad"`
}

// similars are the operations on one record.
func (s *server) similars() {
	op := func(path, id, summary string) huma.Operation {
		return huma.Operation{Method: http.MethodGet, Path: root + path, OperationID: id, Summary: summary, Tags: []string{"cdrs"}}
	}
	huma.Register(s.huma, op("/cdrs/{id}", "get-cdr", "Get the record of a call, by its seq or its id"), s.getCDR)
	huma.Register(s.huma, op("/cdrs/{id}/similar", "get-similar-call", "The last good call to the same number, and what was other about it"), s.getSimilar)
}

type cdrOneInput struct {
	ID string `path:"id" maxLength:"24" doc:"Its seq, which is found at once, or its id, which is looked for from the latest on."`
}

type cdrOutput struct{ Body cdr.CDR }

func (s *server) getCDR(ctx context.Context, in *cdrOneInput) (*cdrOutput, error) {
	c, err := s.findCDR(ctx, in.ID)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &cdrOutput{Body: c}, nil
}

// findCDR gives a record that the principal sees.
func (s *server) findCDR(ctx context.Context, text string) (found cdr.CDR, err error) {
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	before, seq := int64(0), int64(0)
	id, isID := trace.ParseID(text)
	if !isID {
		if seq, err = strconv.ParseInt(text, 10, 64); err != nil || seq < 1 {
			return found, tenant.NotFound(kindCDR)
		}
		before = seq + 1
	}
	ok := false
	err = s.store.LatestCDRs(ctx, principalOf(ctx).Scope(), before, func(r *store.CDR) bool {
		if ok = isID && r.ID == store.CDRID(id) || !isID && r.Seq == seq; ok {
			found = cdr.Read(r)
		}
		return !ok && isID && ctx.Err() == nil
	})
	switch {
	case ok:
		return found, nil
	case err == nil || ctx.Err() != nil:
		err = tenant.NotFound(kindCDR)
	}
	return found, err
}

type similarOutput struct{ Body similarCall }

func (s *server) getSimilar(ctx context.Context, in *cdrOneInput) (*similarOutput, error) {
	bad, err := s.findCDR(ctx, in.ID)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &similarOutput{Body: similarCall{Bad: bad, Differences: []difference{}}}
	good, err := s.goodBefore(ctx, &bad)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	if good != nil {
		out.Body.Good = good
		out.Body.Differences = append(cdrDifferences(good, &bad), s.traceDifferences(ctx, good, &bad)...)
	}
	return out, nil
}

// goodBefore gives the last answered call before one, of its customer to its number; nil for none.
func (s *server) goodBefore(ctx context.Context, bad *cdr.CDR) (good *cdr.CDR, err error) {
	number := calledNumber(bad.URI)
	if number == "" || bad.Customer == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	err = s.store.LatestCDRs(ctx, tenant.OfCustomer(bad.Customer), bad.Seq, func(r *store.CDR) bool {
		if c := cdr.Read(r); !c.Answered.IsZero() && c.ID != bad.ID && sameNumber(calledNumber(c.URI), number) {
			good = &c
		}
		return good == nil && ctx.Err() == nil
	})
	if ctx.Err() != nil {
		err = nil // none was found in time
	}
	return good, err
}

// calledNumber gives the user of a SIP URI, or the number of a tel: one, without what is only for the eye.
func calledNumber(uri string) string {
	_, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return ""
	}
	if at := strings.IndexAny(rest, "@;?"); at >= 0 {
		rest = rest[:at]
	}
	return strings.ToLower(tenant.StripNumber(rest))
}

// sameNumber says that two numbers are the same, as searches of decisions do: where both are
// long, one of them may have a prefix more, such as +39 or 00.
func sameNumber(a, b string) bool {
	const enough = 6
	a, b = strings.TrimLeft(a, "+0"), strings.TrimLeft(b, "+0")
	digits := strings.Trim(a+b, "0123456789") == ""
	if !digits || len(a) < enough || len(b) < enough {
		return a == b
	}
	return strings.HasSuffix(a, b) || strings.HasSuffix(b, a)
}

func compare(list []difference, field, good, bad string) []difference {
	if good == bad {
		return list
	}
	return append(list, difference{field, good, bad})
}

// cdrDifferences compares what records say. Ports change with each call and say nothing.
func cdrDifferences(good, bad *cdr.CDR) (list []difference) {
	for _, f := range [...]struct{ field, good, bad string }{
		{"source", host(good.Source), host(bad.Source)},
		{"source_transport", good.SourceTransport, bad.SourceTransport},
		{"caller", calledNumber(good.From), calledNumber(bad.From)},
		{"direction", good.Direction, bad.Direction},
		{"destination", good.Destination, bad.Destination},
		{"target", good.Target, bad.Target},
		{"target_transport", good.TargetTransport, bad.TargetTransport},
		{"status", strconv.Itoa(good.Status), strconv.Itoa(bad.Status)},
		{"reason", good.Reason, bad.Reason},
		{"rule", good.RuleName, bad.RuleName},
		{"limit", good.Limit, bad.Limit},
		{"duration_seconds", seconds(good.Duration), seconds(bad.Duration)},
	} {
		list = compare(list, f.field, f.good, f.bad)
	}
	return list
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 0, 64) }

// host is an address without its port.
func host(address string) string {
	if at := strings.LastIndexByte(address, ':'); at > 0 {
		return address[:at]
	}
	return address
}

// traceDifferences compares what was decided and said, where both are kept.
func (s *server) traceDifferences(ctx context.Context, good, bad *cdr.CDR) (list []difference) {
	a, saidA, okA := s.caseOf(ctx, good)
	b, saidB, okB := s.caseOf(ctx, bad)
	if !okA || !okB {
		return nil
	}
	for _, f := range [...]struct{ field, good, bad string }{
		{"user_agent", a.UserAgent, b.UserAgent},
		{"identified_by", a.By, b.By},
		{"who", a.Who, b.Who},
		{"domain", a.Domain, b.Domain},
		{"group", strconv.Itoa(a.Group), strconv.Itoa(b.Group)},
		{"rule", cmp.Or(a.RuleName, good.RuleName), cmp.Or(b.RuleName, bad.RuleName)},
		{"codecs", codecsOffered(saidA), codecsOffered(saidB)},
	} {
		if f.field != "rule" || good.RuleName == bad.RuleName { // else it is told already
			list = compare(list, f.field, f.good, f.bad)
		}
	}
	return list
}

func (s *server) caseOf(ctx context.Context, c *cdr.CDR) (trace.Decision, []trace.Message, bool) {
	id, ok := trace.ParseID(c.ID)
	if !ok {
		return trace.Decision{}, nil, false
	}
	d, messages, err := s.node.Trace(ctx, id)
	return d, messages, err == nil && d.Customer == c.Customer
}

// codecsOffered lists the codecs of the first offer that came, by their names in order; "" where
// none was kept.
func codecsOffered(messages []trace.Message) string {
	for i := range messages {
		if !messages[i].In || !strings.HasPrefix(string(messages[i].Data), "INVITE ") {
			continue
		}
		var names []string
		for line := range strings.Lines(string(messages[i].Data)) {
			value, ok := strings.CutPrefix(line, "a=rtpmap:")
			if _, coded, two := strings.Cut(strings.TrimSpace(value), " "); ok && two && len(names) < 32 {
				name, _, _ := strings.Cut(coded, "/")
				names = append(names, name)
			}
		}
		return strings.ToValidUTF8(strings.Join(names, " "), "\ufffd")
	}
	return ""
}
