package api

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// tools are the operations that explain.
func (s *server) tools() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: root + "/tools/explain", OperationID: "explain", Tags: []string{"tools"},
		Summary: "What would happen to such a request, step by step", MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
	}, s.explain)
	s.regexTool()
	s.rewriteTool()
	s.headersTool()
	s.cidrTool()
}

type explainInput struct{ Body ExplainQuery }

type explainOutput struct{ Body policy.Explanation }

func (s *server) explain(ctx context.Context, in *explainInput) (*explainOutput, error) {
	if in.Body.Decision != "" {
		return s.replay(ctx, in.Body.Decision)
	}
	if faults := in.Body.faults(); len(faults) > 0 {
		return nil, s.refused(ctx, faults)
	}
	e := s.node.Explain(in.Body, languageOf(ctx))
	scope := principalOf(ctx).Scope()
	if !scope.IsPlatform() {
		// Nobody learns whether another has a domain: a stranger's and another's request look alike.
		sees, err := s.sees(ctx, scope)
		if err != nil {
			return nil, s.refused(ctx, err)
		}
		if !sees(e.Customer) {
			return nil, problem(http.StatusNotFound, "none of your customers has to do with such a request: neither its domain nor its source is theirs")
		}
	}
	e.Steps, e.Passed, e.Candidates = present(e.Steps), present(e.Passed), present(e.Candidates)
	return &explainOutput{Body: e}, nil
}

// maxExplained is how long each text of a query may be: a header that rules look at is at most 1 KiB.
const maxExplained = 4096

// faults says what is wrong with a query before it becomes a message.
func (q *ExplainQuery) faults() tenant.Faults {
	var faults tenant.Faults
	add := func(field, message, want string) {
		faults = append(faults, &tenant.Fault{Code: tenant.CodeInvalid, Field: field, Message: message, Want: want})
	}
	for _, f := range []struct{ field, text string }{{"from", q.From}, {"to", q.To}} {
		if f.text == "" || len(f.text) > maxExplained || strings.ContainsFunc(f.text, func(r rune) bool { return r <= ' ' || r == '<' || r == '>' || r == 0x7f }) {
			add(f.field, "is not a URI", "such as sip:100@acme.example")
		}
	}
	if _, err := netip.ParseAddrPort(q.Source); err != nil {
		if _, err := netip.ParseAddr(q.Source); err != nil {
			add("source", "is not an address and port", "such as 192.0.2.1:5060 or [2001:db8::1]:5060")
		}
	}
	if strings.ContainsFunc(q.Method, func(r rune) bool { return (r|0x20 < 'a' || r|0x20 > 'z') }) || len(q.Method) > 32 {
		add("method", "is not a method", "such as INVITE")
	}
	switch strings.ToLower(q.Transport) {
	case "", "udp", "tcp", "tls":
	default:
		add("transport", "is not known", "udp, tcp or tls")
	}
	if len(q.Headers) > 64 {
		add("headers", "are too many", "at most 64")
	}
	for _, h := range q.Headers {
		name, _, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" || len(h) > maxExplained || strings.ContainsAny(h, "\r\n\x00") {
			add("headers", "hold what is no header", `one line each, such as "User-Agent: Yealink"`)
			break
		}
	}
	return faults
}
