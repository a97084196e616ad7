package api

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/policy"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// routingRule is a routing rule with what it has matched.
type routingRule struct {
	tenant.RoutingRule
	CustomerName string `json:"customer"`
	Hits
}

func (s *server) withRoutingHits(ctx context.Context, items []tenant.RoutingRule) ([]routingRule, error) {
	tallies := s.node.RoutingHits(items)
	names := map[tenant.CustomerID]string{}
	out := make([]routingRule, len(items))
	for i := range items {
		name, err := s.nameOf(ctx, names, items[i].Customer)
		if err != nil {
			return nil, err
		}
		out[i] = routingRule{items[i], name, hitsOf(tallies[i])}
	}
	return out, nil
}

// routed is how a customer's calls find their way, as one picture: rules lead to groups, and
// groups to destinations.
type routed struct {
	Customer        tenant.CustomerID `json:"customer_id"`
	CustomerName    string            `json:"customer"`
	GroupsEnabled   bool              `json:"destination_groups_enabled" doc:"Where false, rules are kept and ignored: all goes to group 1."`
	DestinationMode string            `json:"destination_mode"`
	Emergency       tenant.Emergency  `json:"emergency"`
	Rules           []picturedRule    `json:"rules" nullable:"false" doc:"In the order in which they are tried; the first that matches decides."`
	Groups          []picturedGroup   `json:"groups" nullable:"false" doc:"What no rule matches goes to group 1."`
}

// picturedRule is a rule, and why it can never match where it cannot.
type picturedRule struct {
	routingRule
	Never *never `json:"never,omitempty" doc:"It can never match."`
}

type never struct {
	Why      string        `json:"why" enum:"same,wider,catch_all,groups_disabled"`
	By       tenant.RuleID `json:"by_id,omitempty" doc:"The earlier rule that is in its way."`
	ByName   string        `json:"by,omitempty"`
	Sentence string        `json:"sentence"`
}

// picturedGroup is a group with its destinations, in the order in which they are tried.
type picturedGroup struct {
	ID           tenant.GroupID `json:"id"`
	Number       int            `json:"number"`
	Name         string         `json:"name"`
	Rules        int            `json:"rules" doc:"How many lead to it."`
	Destinations []destination  `json:"destinations" nullable:"false"`
}

// routing is the operation of that picture.
func (s *server) routing() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/routing/{customer}", OperationID: "get-routing", Tags: []string{"routing-rules"},
		Summary: "How a customer's calls find their way: rules, groups and destinations with how they do, and rules that can never match",
	}, s.getRouting)
}

type routingInput struct {
	Customer int64 `path:"customer" minimum:"1"`
}

type routingOutput struct{ Body routed }

func (s *server) getRouting(ctx context.Context, in *routingInput) (*routingOutput, error) {
	scope, id := principalOf(ctx).Scope(), tenant.CustomerID(in.Customer)
	c, err := s.store.Customers.Get(ctx, scope, id)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &routingOutput{Body: routed{
		Customer: id, CustomerName: c.Name, GroupsEnabled: c.DestinationGroupsEnabled, DestinationMode: string(c.DestinationMode), Emergency: c.Emergency,
	}}
	q := store.Query{Customer: id}
	rules, err := s.store.RoutingRules.All(ctx, scope, q)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	if out.Body.Rules, err = s.pictureRules(ctx, &c, rules); err != nil {
		return nil, s.refused(ctx, err)
	}
	groups, err := s.store.Groups.All(ctx, scope, q)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	destinations, err := s.store.Destinations.All(ctx, scope, q)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	shown, err := s.withStates(ctx, destinations)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out.Body.Groups = pictureGroups(groups, shown, rules)
	return out, nil
}

// pictureRules puts rules into the order in which they are tried, and says which of them cannot match.
func (s *server) pictureRules(ctx context.Context, c *tenant.Customer, rules []tenant.RoutingRule) ([]picturedRule, error) {
	shown, err := s.withRoutingHits(ctx, rules)
	if err != nil {
		return nil, err
	}
	headers := make([]*tenant.HeaderRule, len(rules))
	names := make(map[tenant.RuleID]string, len(rules))
	for i := range rules {
		headers[i], names[rules[i].ID] = &rules[i].HeaderRule, rules[i].Name
	}
	why, l := map[tenant.RuleID]*never{}, languageOf(ctx)
	for _, shadow := range policy.Shadows(headers) {
		why[shadow.Rule] = &never{Why: shadow.Why, By: shadow.By, ByName: names[shadow.By], Sentence: l.Say(sentenceOf(shadow.Why))}
	}
	out := make([]picturedRule, len(shown))
	for i := range shown {
		out[i] = picturedRule{shown[i], why[shown[i].ID]}
		if !c.DestinationGroupsEnabled {
			out[i].Never = &never{Why: groupsDisabled, Sentence: l.Say(sentenceOf(groupsDisabled))}
		}
	}
	slices.SortFunc(out, func(a, b picturedRule) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(placed(a.Position), placed(b.Position)), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// groupsDisabled is why a rule of a customer without destination groups never matches.
const groupsDisabled = "groups_disabled"

func sentenceOf(why string) policy.Phrase {
	switch why {
	case policy.ShadowSame:
		return "An earlier rule looks for the same."
	case policy.ShadowWider:
		return "An earlier rule matches all that this one does."
	case policy.ShadowAll:
		return "An earlier rule matches every request."
	}
	return "Destination groups are off: rules are kept and ignored."
}

// placed is where a position stands among equal priorities: none is last, as for traffic.
func placed(position int) int {
	if position == 0 {
		return math.MaxInt
	}
	return position
}

func pictureGroups(groups []tenant.DestinationGroup, destinations []destination, rules []tenant.RoutingRule) []picturedGroup {
	out := make([]picturedGroup, len(groups))
	for i := range groups {
		g := &groups[i]
		out[i] = picturedGroup{ID: g.ID, Number: g.Number, Name: g.Name, Destinations: []destination{}}
		for _, d := range destinations {
			if d.Group == g.Number {
				out[i].Destinations = append(out[i].Destinations, d)
			}
		}
		slices.SortFunc(out[i].Destinations, func(a, b destination) int {
			return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(placed(a.Position), placed(b.Position)), cmp.Compare(a.ID, b.ID))
		})
		for j := range rules {
			if rules[j].Group == g.Number {
				out[i].Rules++
			}
		}
	}
	slices.SortFunc(out, func(a, b picturedGroup) int { return cmp.Compare(a.Number, b.Number) })
	return out
}
