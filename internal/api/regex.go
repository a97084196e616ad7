package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// The limits of one try of a rule.
const (
	maxTried   = 4096    // bytes of each string
	triedLimit = 8 << 20 // bytes of a body: all strings, escaped as JSON may
	triedTime  = time.Second
)

// regexQuery is a rule's pattern and what to try it on (mission row F2).
type regexQuery struct {
	Match   string   `json:"match,omitempty" enum:"regex,word,cidr" doc:"regex where absent."`
	Value   string   `json:"value" doc:"As the rule has it."`
	Strings []string `json:"strings" nullable:"false" maxItems:"1000" doc:"Header values, unfolded, of at most 4096 bytes; for cidr, addresses."`
}

// tried is what became of one string.
type tried struct {
	Matches bool `json:"matches"`
	// Where: of a regex its leftmost match, of a word its first place.
	Start     int    `json:"start" doc:"Byte at which the match begins; a regex may match an empty place."`
	End       int    `json:"end" doc:"Byte behind the match."`
	StartChar int    `json:"start_char" doc:"The same in characters (code points)."`
	EndChar   int    `json:"end_char"`
	Reason    string `json:"reason,omitempty" doc:"Why traffic with this value is refused without matching it, such as header_too_long; not_an_address where cidr cannot be compared."`
	Text      string `json:"text,omitempty" doc:"The reason as a sentence."`
}

type regexInput struct{ Body regexQuery }

type regexOutput struct {
	Body struct {
		Results []tried `json:"results" nullable:"false" doc:"One for each string, in their order."`
	}
}

// regexTool is the operation that tries a pattern by the very code that matches traffic.
func (s *server) regexTool() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: root + "/tools/regex", OperationID: "try-regex", Tags: []string{"tools"},
		Summary: "Which strings a rule would match, and where", MaxBodyBytes: triedLimit, BodyReadTimeout: bodyTime,
	}, s.tryRegex)
}

func (s *server) tryRegex(ctx context.Context, in *regexInput) (*regexOutput, error) {
	q, l := &in.Body, languageOf(ctx)
	rule, err := q.compile(l)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &regexOutput{}
	out.Body.Results = make([]tried, len(q.Strings))
	began := time.Now()
	for i, text := range q.Strings {
		if len(text) > maxTried {
			return nil, s.refused(ctx, &tenant.Fault{Code: tenant.CodeOutOfRange, Field: "strings", Message: l.Say("one is too long"), Want: l.Say("at most %d bytes each", maxTried)})
		}
		if time.Since(began) > triedTime || ctx.Err() != nil {
			return nil, s.refused(ctx, &tenant.Fault{Code: tenant.CodeOutOfRange, Field: "strings", Message: l.Say("are too many for so expensive a regex"), Want: l.Say("fewer or shorter ones")})
		}
		out.Body.Results[i] = tryOn(rule, q.Match, text, l)
	}
	return out, nil
}

// compile makes the rule, or says what is wrong with it: of a regex also where.
func (q *regexQuery) compile(l policy.Language) (*policy.Rule, error) {
	if q.Match == "" {
		q.Match = "regex"
	}
	rule := tenant.FirewallRule{Action: "accept", Mode: "enforce", HeaderRule: tenant.HeaderRule{Name: "x", Header: "from", Match: q.Match, Value: q.Value}}
	if q.Match == "cidr" {
		rule.Header = "source-ip"
	}
	rule.Normalize()
	compiled, err := policy.CompileRule(&rule.HeaderRule)
	var wrong *policy.RegexError
	if errors.As(err, &wrong) {
		return nil, regexProblem(wrong, l)
	}
	if faults := rule.Validate(); len(faults) > 0 { // as saving it would
		return nil, faults
	}
	return compiled, err
}

// regexProblem is a fault with its place.
func regexProblem(wrong *policy.RegexError, l policy.Language) *Problem {
	what, want := wrong.In(l)
	at := charAt(wrong.Pattern, wrong.Offset)
	f := Fault{Code: tenant.CodeInvalid, Field: "value", Message: what, Want: want, Offset: &wrong.Offset, OffsetChar: &at}
	p := problem(http.StatusUnprocessableEntity, f.line())
	p.Errors = []Fault{f}
	return p
}

// charAt is an offset in bytes as one in characters.
func charAt(text string, offset int) int {
	return utf8.RuneCountInString(text[:min(offset, len(text))])
}

func tryOn(rule *policy.Rule, match, text string, l policy.Language) (t tried) {
	if _, err := netip.ParseAddr(text); err != nil && match == "cidr" {
		t.Reason, t.Text = "not_an_address", l.Say("It is not an address, so no range holds it.")
		return t
	}
	start, end, matches, v := rule.Find(text)
	if v.Refused() {
		t.Reason, t.Text = v.Reason.Code(), v.Reason.In(l)
		return t
	}
	t.Matches, t.Start, t.End = matches, start, end
	t.StartChar = charAt(text, start)
	t.EndChar = t.StartChar + utf8.RuneCountInString(text[start:end])
	return t
}
