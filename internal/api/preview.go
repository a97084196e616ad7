package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/policy"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

// NodePreview is the node as drafts of rules are tried on it.
type NodePreview interface {
	// Preview takes requests that were decided through a draft of rules, with the code that
	// decides; of those that were not kept it gives nothing. The REGISTERs of phones that are
	// registered, which are no decisions, come after them, their Cases without an ID.
	Preview(ctx context.Context, d *Draft, cases []trace.Decision) ([]Previewed, error)
	// Replay tells what would happen to a recorded request now; false where it was not kept.
	Replay(ctx context.Context, d *trace.Decision, in policy.Language) (policy.Explanation, bool)
}

// Draft is rules that are not in force.
type Draft struct {
	Customer tenant.CustomerID
	Firewall []tenant.FirewallRule // all of his, or
	Routing  []tenant.RoutingRule  // these, or
	Blocked  *tenant.BlocklistEntry
	Whole    bool // a rule looks at what only the message itself holds
}

// Previewed is what would become of one request.
type Previewed struct {
	Case  *trace.Decision
	Drops bool          // it would be dropped, or would be if the rule did more than count
	Rule  tenant.RuleID // that decides, 0: none
	Group int           // it would go to
	Phone bool          // it came from a phone that has registered
}

const (
	// mostPreviewed is how many requests a draft is tried on, the latest first.
	mostPreviewed = 2000
	// mostSamples is how many of them are shown.
	mostSamples = 20
	// previewSpan is how far back they go, and previewPatience how long they are looked through.
	previewSpan     = 24 * time.Hour
	previewPatience = 2 * time.Second
	// draftRule is the id of a draft that was never saved.
	draftRule = tenant.RuleID(1<<63 - 1)
)

type firewallDraft struct {
	Customer tenant.CustomerID `json:"customer_id" minimum:"1"`
	Rule     draftedRule       `json:"rule"`
}

type routingDraft struct {
	Customer tenant.CustomerID `json:"customer_id" minimum:"1"`
	Rule     draftedRoute      `json:"rule"`
}

// drafted is what rules have in common.
type drafted struct {
	ID       tenant.RuleID `json:"id,omitempty" doc:"Of the saved rule that it is to replace."`
	Header   string        `json:"header"`
	Value    string        `json:"value"`
	Match    string        `json:"match,omitempty" doc:"regex where absent."`
	Priority *int          `json:"priority,omitempty" doc:"10 where absent."`
}

type draftedRule struct {
	ID       tenant.RuleID `json:"id,omitempty" doc:"Of the saved rule that it is to replace."`
	Header   string        `json:"header"`
	Value    string        `json:"value"`
	Match    string        `json:"match,omitempty" doc:"regex where absent."`
	Priority *int          `json:"priority,omitempty" doc:"10 where absent."`
	Action   string        `json:"action" doc:"accept or drop."`
}

type draftedRoute struct {
	ID       tenant.RuleID `json:"id,omitempty" doc:"Of the saved rule that it is to replace."`
	Header   string        `json:"header"`
	Value    string        `json:"value"`
	Match    string        `json:"match,omitempty" doc:"regex where absent."`
	Priority *int          `json:"priority,omitempty" doc:"10 where absent."`
	Group    int           `json:"group"`
}

// previewResult says what a draft would have done to the last day's requests.
type previewResult struct {
	Requests int             `json:"requests" doc:"That it was tried on: the last day's, at most 2,000, the latest first, and the last REGISTER of phones that are registered, at most 1,000."`
	Matched  int             `json:"matched" doc:"That this rule would have decided."`
	Drops    int             `json:"would_drop" doc:"Of these, that it would have dropped."`
	Passes   int             `json:"would_pass" doc:"Of these, that were dropped by the firewall and would have passed."`
	Phones   int             `json:"of_registered_phones" doc:"Of those that it would have dropped, that came from phones that have registered."`
	Group    int             `json:"group,omitempty" doc:"Where those that match would have gone."`
	Samples  []previewSample `json:"samples" nullable:"false" doc:"At most 20 of those that match."`
}

type previewSample struct {
	Decision  string    `json:"decision_id,omitempty" doc:"Absent of a registered phone's last REGISTER, which is no decision."`
	At        time.Time `json:"at"`
	Method    string    `json:"method"`
	From      string    `json:"from"`
	URI       string    `json:"uri"`
	Source    string    `json:"source"`
	UserAgent string    `json:"user_agent,omitempty"`
	Phone     bool      `json:"registered_phone"`
}

type blocklistDraft struct {
	Customer tenant.CustomerID `json:"customer_id" minimum:"1"`
	Entry    draftedEntry      `json:"rule"`
}

type draftedEntry struct {
	Prefix string `json:"prefix"`
	Domain string `json:"domain,omitempty" doc:"All of the customer's calls where absent."`
}

type blocklistDraftInput struct{ Body blocklistDraft }

type firewallDraftInput struct{ Body firewallDraft }

type routingDraftInput struct{ Body routingDraft }

type previewOutput struct{ Body previewResult }

// previews are the operations that try a rule before it is saved.
func (s *server) previews() {
	op := func(path, id, summary string) huma.Operation {
		return huma.Operation{
			Method: http.MethodPost, Path: root + "/tools/" + path, OperationID: id, Summary: summary, Tags: []string{"tools"},
			MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
		}
	}
	huma.Register(s.huma, op("firewall-preview", "preview-firewall-rule", "What a firewall rule would have done to the last day's requests"), s.previewFirewall)
	huma.Register(s.huma, op("blocklist-preview", "preview-blocklist-entry", "Which of the last day's calls a block list entry would have refused"), s.previewBlocklist)
	huma.Register(s.huma, op("routing-preview", "preview-routing-rule", "Which of the last day's requests a routing rule would have matched"), s.previewRouting)
}

// header makes a rule of a draft; the name is made up.
func (d *drafted) header(customer tenant.CustomerID, r *tenant.HeaderRule) {
	r.ID, r.Customer, r.Name, r.Header, r.Value = d.ID, customer, "draft", d.Header, d.Value
	if r.ID == 0 {
		r.ID = draftRule
	}
	if d.Match != "" {
		r.Match = d.Match
	}
	if d.Priority != nil {
		r.Priority = *d.Priority
	}
}

func (s *server) previewFirewall(ctx context.Context, in *firewallDraftInput) (*previewOutput, error) {
	b := &in.Body
	rule := tenant.NewFirewallRule()
	(&drafted{b.Rule.ID, b.Rule.Header, b.Rule.Value, b.Rule.Match, b.Rule.Priority}).header(b.Customer, &rule.HeaderRule)
	rule.Action = b.Rule.Action
	rule.Normalize()
	rules, err := s.store.FirewallRules.All(ctx, principalOf(ctx).Scope(), store.Query{Customer: b.Customer})
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	if faults := rule.Validate(); len(faults) > 0 {
		return nil, s.refused(ctx, faults)
	}
	rules = append(slices.DeleteFunc(rules, func(r tenant.FirewallRule) bool { return r.ID == rule.ID }), rule)
	whole := slices.ContainsFunc(rules, func(r tenant.FirewallRule) bool { return r.Header == "allow" || r.Header == "supported" })
	return s.preview(ctx, &Draft{Customer: b.Customer, Firewall: rules, Whole: whole}, rule.ID, 0)
}

func (s *server) previewRouting(ctx context.Context, in *routingDraftInput) (*previewOutput, error) {
	b := &in.Body
	rule := tenant.NewRoutingRule()
	(&drafted{b.Rule.ID, b.Rule.Header, b.Rule.Value, b.Rule.Match, b.Rule.Priority}).header(b.Customer, &rule.HeaderRule)
	rule.Group = b.Rule.Group
	rule.Normalize()
	rules, err := s.store.RoutingRules.All(ctx, principalOf(ctx).Scope(), store.Query{Customer: b.Customer})
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	if faults := rule.Validate(); len(faults) > 0 {
		return nil, s.refused(ctx, faults)
	}
	rules = append(slices.DeleteFunc(rules, func(r tenant.RoutingRule) bool { return r.ID == rule.ID }), rule)
	return s.preview(ctx, &Draft{Customer: b.Customer, Routing: rules}, rule.ID, rule.Group)
}

func (s *server) previewBlocklist(ctx context.Context, in *blocklistDraftInput) (*previewOutput, error) {
	e := tenant.NewBlocklistEntry()
	e.ID, e.Customer, e.Prefix, e.Domain = tenant.EntryID(draftRule), in.Body.Customer, in.Body.Entry.Prefix, in.Body.Entry.Domain
	e.Normalize()
	if faults := e.Validate(); len(faults) > 0 {
		return nil, s.refused(ctx, faults)
	}
	// Reading them asks whether the customer is one of the person's.
	if _, err := s.store.Customers.Get(ctx, principalOf(ctx).Scope(), e.Customer); err != nil {
		return nil, s.refused(ctx, err)
	}
	return s.preview(ctx, &Draft{Customer: e.Customer, Blocked: &e}, draftRule, 0)
}

// preview tries a draft on the last day's requests of its customer.
func (s *server) preview(ctx context.Context, d *Draft, rule tenant.RuleID, group int) (*previewOutput, error) {
	within, cancel := context.WithTimeout(ctx, previewPatience)
	defer cancel()
	cases, _, err := s.node.Decisions(within, trace.Query{
		Customer: d.Customer, Since: time.Now().Add(-previewSpan), Limit: mostPreviewed,
		Keep: func(id tenant.CustomerID) bool { return id == d.Customer },
	})
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, s.refused(ctx, err)
	}
	list, err := s.node.Preview(within, d, cases)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &previewOutput{Body: previewResult{Requests: len(list), Group: group, Samples: []previewSample{}}}
	for i := range list {
		if list[i].Rule == rule {
			out.Body.count(&list[i])
		}
	}
	return out, nil
}

// count counts a request that the draft would have decided.
func (r *previewResult) count(p *Previewed) {
	r.Matched++
	switch {
	case p.Drops:
		r.Drops++
		if p.Phone {
			r.Phones++
		}
	case p.Case.Refused && p.Case.Reason == policy.Firewalled.Code():
		r.Passes++
	}
	if c := p.Case; len(r.Samples) < mostSamples {
		sample := previewSample{"", c.At, c.Method, c.From, c.URI, c.Source.String(), c.UserAgent, p.Phone}
		if c.ID != (trace.ID{}) {
			sample.Decision = c.ID.String()
		}
		r.Samples = append(r.Samples, sample)
	}
}

// replay is explain for a recorded request.
func (s *server) replay(ctx context.Context, id string) (*explainOutput, error) {
	d, _, err := s.found(ctx, &caseInput{ID: id})
	if err != nil {
		return nil, err
	}
	e, ok := s.node.Replay(ctx, &d, languageOf(ctx))
	if !ok {
		return nil, problem(http.StatusNotFound, "the request itself was not kept, or not any more")
	}
	sees, err := s.sees(ctx, principalOf(ctx).Scope())
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	if !principalOf(ctx).Scope().IsPlatform() && !sees(e.Customer) {
		return nil, problem(http.StatusNotFound, "none of your customers has to do with such a request now")
	}
	e.Steps, e.Passed, e.Candidates = present(e.Steps), present(e.Passed), present(e.Candidates)
	return &explainOutput{Body: e}, nil
}
