package api

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/live"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// limitUse is a limit, and how far it is used now.
type limitUse struct {
	Scope    string            `json:"scope" enum:"platform,company,customer,switch,profile"`
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
	limit := cmp.Or(in.Limit, 100)
	all, err := s.limitsOf(ctx, scope, after, in.Q, limit+1)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &pageOutput[limitUse]{}
	if len(all) > limit {
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

// limitsOf lists at most so many of the limits behind a place that a scope sees and a text is
// found in, without their use.
func (s *server) limitsOf(ctx context.Context, scope tenant.Scope, after live.Scope, q string, most int) (all []limitUse, err error) {
	if scope.IsPlatform() && after.Kind < live.Platform && strings.Contains(live.Platform.String(), strings.ToLower(strings.TrimSpace(q))) {
		calls, cps := s.node.Ceiling()
		all = append(all, limitUse{Scope: live.Platform.String(), MaxCalls: calls, CPS: cps, kind: live.Platform})
	}
	if scope.Role() != tenant.RoleCustomer {
		all, err = limitsFrom(ctx, s.store.Companies, scope, all, walk{live.Company, after, q, most}, func(v *tenant.Company) limitUse {
			return limitUse{ID: int64(v.ID), Name: v.Name, MaxCalls: v.Channels, CPS: v.CPS}
		})
	}
	if err == nil {
		all, err = limitsFrom(ctx, s.store.Customers, scope, all, walk{live.Customer, after, q, most}, func(v *tenant.Customer) limitUse {
			return limitUse{ID: int64(v.ID), Name: v.Name, MaxCalls: v.CallLimit, CPS: v.CPS}
		})
	}
	if err == nil {
		all, err = limitsFrom(ctx, s.store.Switches, scope, all, walk{live.Switch, after, q, most}, func(v *tenant.Switch) limitUse {
			return limitUse{ID: int64(v.ID), Name: v.Name, Customer: v.Customer, MaxCalls: v.Channels, CPS: v.CPS}
		})
	}
	if err == nil && scope.Role() != tenant.RoleCustomer { // what it holds is of other customers, too
		all, err = limitsFrom(ctx, s.store.SIPProfiles, scope, all, walk{live.Profile, after, q, most}, func(v *tenant.SIPProfile) limitUse {
			return limitUse{ID: int64(v.ID), Name: v.Name, MaxCalls: v.Capacity}
		})
	}
	return all, err
}

// walk is where a list of limits has come to.
type walk struct {
	kind  live.ScopeKind
	after live.Scope
	q     string
	most  int // limits in all
}

// limitsFrom appends the limits of one kind of noun, page by page: no more is read than is shown.
func limitsFrom[T any, ID ~int64](ctx context.Context, from store.Reader[T, ID], scope tenant.Scope, all []limitUse, w walk, of func(*T) limitUse) ([]limitUse, error) {
	if w.after.Kind > w.kind {
		return all, nil
	}
	query := store.Query{Q: w.q}
	if w.after.Kind == w.kind {
		query.Cursor = store.After(w.after.ID)
	}
	for len(all) < w.most {
		query.Limit = w.most - len(all)
		page, err := from.List(ctx, scope, query)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			l := of(&page.Items[i])
			l.Scope, l.kind = w.kind.String(), w.kind
			all = append(all, l)
		}
		if query.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	return all, nil
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
