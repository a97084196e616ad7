package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// rewriteQuery is a rewriting, saved or typed, and what to try it on (mission row A14).
type rewriteQuery struct {
	Switch      int64             `json:"switch_id,omitempty" minimum:"1" doc:"A saved switch, with all that it has; the fields below, but for rewrite, are for typed ones."`
	SIPUser     int64             `json:"sip_user_id,omitempty" minimum:"1" doc:"A saved SIP user, with his rules, in place of a switch."`
	Customer    int64             `json:"customer_id,omitempty" minimum:"1" doc:"Whose country code and prefixes hold; the saved one's own customer where absent."`
	Direction   string            `json:"direction,omitempty" enum:"egress,ingress" doc:"egress where absent: what arrives."`
	DialPattern string            `json:"dial_pattern,omitempty" doc:"raw where absent."`
	TechPrefix  string            `json:"tech_prefix,omitempty"`
	CLIPrefix   string            `json:"cli_prefix,omitempty"`
	ForceFrom   string            `json:"force_from,omitempty"`
	Rewrite     *[]tenant.Rewrite `json:"rewrite,omitempty" doc:"In order; with switch_id or sip_user_id in place of the saved ones."`
	Destination string            `json:"destination,omitempty" maxLength:"256" doc:"The number called, as the user part of a URI has it."`
	CLI         string            `json:"cli,omitempty" maxLength:"256" doc:"The number that calls."`

	Examples        []string `json:"examples,omitempty" maxItems:"100" doc:"Numbers that a regex is wanted for."`
	CounterExamples []string `json:"counter_examples,omitempty" maxItems:"100" doc:"Numbers that it shall not match."`
}

// rewriteStep is what one step did, or why it did nothing.
type rewriteStep struct {
	What    string `json:"what" doc:"destination, cli or from"`
	By      string `json:"by" doc:"tech_prefix, cli_prefix, rule, dial_pattern or force_from"`
	Rule    int    `json:"rule,omitempty" doc:"Its place in the list, from 1."`
	Before  string `json:"before"`
	After   string `json:"after"`
	Changed bool   `json:"changed"`
	Text    string `json:"text"`
}

type rewriteInput struct{ Body rewriteQuery }

type rewriteOutput struct {
	Body struct {
		Destination string        `json:"destination"`
		CLI         string        `json:"cli"`
		From        string        `json:"from" doc:"What From shows: the CLI, or what it is forced to."`
		Steps       []rewriteStep `json:"steps" nullable:"false" doc:"In the order in which they are taken."`
		Regexes     []string      `json:"regexes" nullable:"false" doc:"By the examples: up to three, from narrow to wide; group 1 is what varies."`
	}
}

// rewriteTool is the operation that rewrites numbers by the very code that rewrites those of
// traffic, and makes regexes of examples.
func (s *server) rewriteTool() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: root + "/tools/rewrite", OperationID: "try-rewrite", Tags: []string{"tools"},
		Summary: "What becomes of a number, step by step; a regex from examples", MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
	}, s.tryRewrite)
}

func (s *server) tryRewrite(ctx context.Context, in *rewriteInput) (*rewriteOutput, error) {
	q := &in.Body
	sw, customer, err := s.rewriting(ctx, q)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &rewriteOutput{}
	if out.Body.Regexes, err = q.regexes(languageOf(ctx)); err != nil {
		return nil, s.refused(ctx, err)
	}
	rewriter, err := policy.CompileRewriter(sw)
	if err != nil {
		return nil, s.refused(ctx, &tenant.Fault{Code: tenant.CodeInvalid, Field: "rewrite", Message: err.Error(), Want: "rules as they can be saved"})
	}
	numbers, steps := customer.TryRewrite(rewriter, q.Destination, q.CLI)
	out.Body.Destination, out.Body.CLI = string(numbers.Called.Bytes()), string(numbers.Calling.Bytes())
	if out.Body.From = string(numbers.From.Bytes()); out.Body.From == "" {
		out.Body.From = out.Body.CLI
	}
	out.Body.Steps = make([]rewriteStep, len(steps))
	for i := range steps {
		t := &steps[i]
		out.Body.Steps[i] = rewriteStep{t.What, t.By, t.Rule, t.Before, t.After, t.Changed(), t.In(languageOf(ctx))}
	}
	return out, nil
}

// rewriting gives the switch of a query, which need not be saved, and the customer by whose
// plan numbers are dialled.
func (s *server) rewriting(ctx context.Context, q *rewriteQuery) (*tenant.Switch, *policy.Customer, error) {
	scope := principalOf(ctx).Scope()
	sw, err := s.rewritten(ctx, scope, q)
	if err != nil {
		return nil, nil, err
	}
	id := sw.Customer
	if q.Customer != 0 {
		id = tenant.CustomerID(q.Customer)
	}
	settings := tenant.NewCustomer()
	if id != 0 {
		if settings, err = s.store.Customers.Get(ctx, scope, id); err != nil {
			return nil, nil, err
		}
	}
	customer, err := policy.Dialling(&settings)
	return sw, customer, err
}

// rewritten is the switch whose rewriting is tried. A SIP user is one that has only rules.
func (s *server) rewritten(ctx context.Context, scope tenant.Scope, q *rewriteQuery) (*tenant.Switch, error) {
	switch {
	case q.Switch != 0 && q.SIPUser != 0:
		return nil, &tenant.Fault{Code: tenant.CodeConflict, Field: "sip_user_id", Message: "switch_id and sip_user_id exclude each other", Want: "one of them"}
	case q.Switch != 0:
		saved, err := s.store.Switches.Get(ctx, scope, tenant.SwitchID(q.Switch))
		if err != nil {
			return nil, err
		}
		return q.over(saved)
	case q.SIPUser != 0:
		saved, err := s.store.SIPUsers.Get(ctx, scope, tenant.SIPUserID(q.SIPUser))
		if err != nil {
			return nil, err
		}
		if q.Rewrite == nil {
			q.Rewrite = &saved.Rewrite
		}
		sw, err := (&rewriteQuery{Rewrite: q.Rewrite}).typed()
		if err == nil {
			sw.Customer = saved.Customer
		}
		return sw, err
	}
	return q.typed()
}

// typed is the switch that a query describes, checked as saving it would; a host or address,
// which it has none of, is made up.
func (q *rewriteQuery) typed() (*tenant.Switch, error) {
	sw := tenant.NewSwitch()
	sw.Name, sw.Direction, sw.DialPattern = "typed", q.Direction, q.DialPattern
	sw.TechPrefix, sw.CLIPrefix, sw.ForceFrom = q.TechPrefix, q.CLIPrefix, q.ForceFrom
	if sw.DialPattern == "" {
		sw.DialPattern = "raw"
	}
	if sw.Direction == tenant.Ingress {
		sw.Host = "switch.invalid"
	} else {
		sw.Direction, sw.Addresses = tenant.Egress, []string{"192.0.2.1/32"}
	}
	return q.over(sw)
}

// over puts the typed rules, if there are any, in place of a switch's own.
func (q *rewriteQuery) over(sw tenant.Switch) (*tenant.Switch, error) {
	if q.Rewrite != nil {
		sw.Rewrite = *q.Rewrite
	}
	sw.Normalize()
	if faults := sw.Validate(); len(faults) > 0 {
		return nil, faults
	}
	return &sw, nil
}

func (q *rewriteQuery) regexes(l policy.Language) ([]string, error) {
	if len(q.Examples) == 0 {
		return []string{}, nil
	}
	list, err := policy.RegexFromExamples(q.Examples, q.CounterExamples)
	switch {
	case errors.Is(err, policy.ErrSameExamples):
		return nil, &tenant.Fault{Code: tenant.CodeConflict, Field: "counter_examples", Message: l.Retell(err.Error()), Want: l.Say("each text in one of the lists")}
	case err != nil:
		return nil, &tenant.Fault{Code: tenant.CodeInvalid, Field: "examples", Message: l.Retell(err.Error()), Want: l.Say("such as 0401234567 and 0409876543")}
	}
	return list, nil
}
