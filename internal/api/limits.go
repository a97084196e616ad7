package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/live"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// limitUse is a limit, and how far it is used now.
type limitUse struct {
	Scope    string            `json:"scope" enum:"platform,company,customer,switch"`
	ID       int64             `json:"id,omitempty"`
	Name     string            `json:"name,omitempty"`
	Customer tenant.CustomerID `json:"customer_id,omitempty" doc:"Of a switch."`
	Calls    int               `json:"calls" doc:"Now."`
	Peak     int               `json:"peak" doc:"Most at once since the node's start."`
	MaxCalls int               `json:"max_calls" doc:"0: unlimited."`
	CPS      int               `json:"cps" doc:"New calls a second; 0: unlimited."`
	kind     live.ScopeKind
}

func (s *server) limits() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/limits", OperationID: "list-limits", Tags: []string{"calls"},
		Summary: "List what limits calls, widest first, with what each holds now",
	}, s.listLimits)
}

func (s *server) listLimits(ctx context.Context, in *listInput) (*pageOutput[limitUse], error) {
	scope, err := s.narrowed(ctx, in)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	after, err := limitCursor(in.Cursor)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	all, err := s.limitsOf(ctx, scope)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	slices.SortFunc(all, func(a, b limitUse) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.ID, b.ID)) })
	all = slices.DeleteFunc(all, func(l limitUse) bool {
		return cmp.Or(cmp.Compare(l.kind, after.Kind), cmp.Compare(l.ID, after.ID)) <= 0 ||
			!strings.Contains(strings.ToLower(l.Scope+" "+l.Name), strings.ToLower(strings.TrimSpace(in.Q)))
	})
	out := &pageOutput[limitUse]{}
	if limit := cmp.Or(in.Limit, 100); len(all) > limit {
		all = all[:limit]
		last := &all[limit-1]
		out.Body.Next = strconv.Itoa(int(last.kind)) + "." + strconv.FormatInt(last.ID, 10)
	}
	for i := range all {
		use := s.node.Usage(live.Scope{Kind: all[i].kind, ID: all[i].ID})
		all[i].Calls, all[i].Peak = use.Calls, use.Peak
	}
	out.Body.Items = present(all)
	return out, nil
}

// limitsOf lists the limits that a scope sees, without their use.
func (s *server) limitsOf(ctx context.Context, scope tenant.Scope) (all []limitUse, err error) {
	add := func(kind live.ScopeKind, id int64, name string, customer tenant.CustomerID, calls, cps int) {
		all = append(all, limitUse{Scope: kind.String(), ID: id, Name: name, Customer: customer, MaxCalls: calls, CPS: cps, kind: kind})
	}
	if scope.IsPlatform() {
		calls, cps := s.node.Ceiling()
		add(live.Platform, 0, "", 0, calls, cps)
	}
	if scope.Role() != tenant.RoleCustomer {
		companies, err := s.store.Companies.All(ctx, scope, store.Query{})
		if err != nil {
			return nil, err
		}
		for i := range companies {
			add(live.Company, int64(companies[i].ID), companies[i].Name, 0, companies[i].Channels, companies[i].CPS)
		}
	}
	customers, err := s.store.Customers.All(ctx, scope, store.Query{})
	if err != nil {
		return nil, err
	}
	for i := range customers {
		c := &customers[i]
		add(live.Customer, int64(c.ID), c.Name, 0, c.CallLimit, c.CPS)
	}
	switches, err := s.store.Switches.All(ctx, scope, store.Query{})
	for i := range switches {
		w := &switches[i]
		add(live.Switch, int64(w.ID), w.Name, w.Customer, w.Channels, w.CPS)
	}
	return all, err
}

// limitCursor reads the place after which a page begins.
func limitCursor(text string) (at live.Scope, err error) {
	if text == "" {
		return live.Scope{ID: -1}, nil
	}
	kind, id, ok := strings.Cut(text, ".")
	k, errKind := strconv.ParseUint(kind, 10, 8)
	n, errID := strconv.ParseInt(id, 10, 64)
	if !ok || errKind != nil || errID != nil {
		return at, badCursor()
	}
	return live.Scope{Kind: live.ScopeKind(k), ID: n}, nil
}
