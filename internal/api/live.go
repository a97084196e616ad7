package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/call"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

// live are the operations on what happens now, and on what was done.
func (s *server) live() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/calls", OperationID: "list-calls", Summary: "List live calls, oldest first", Tags: []string{"calls"},
	}, s.calls)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodDelete, Path: root + "/calls/{id}", OperationID: "hang-up-call", Summary: "Hang up a call on both sides", Tags: []string{"calls"},
	}, s.hangup)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/node", OperationID: "get-node", Summary: "What this node is", Tags: []string{"node"},
	}, s.info)
}

// narrowed gives the scope that a list's filters leave; a tenant outside of the principal's is not found.
func (s *server) narrowed(ctx context.Context, in *listInput) (tenant.Scope, error) {
	scope := principalOf(ctx).Scope()
	if in.Company != 0 {
		if _, err := s.store.Companies.Get(ctx, scope, tenant.CompanyID(in.Company)); err != nil {
			return scope, err
		}
		scope = tenant.OfCompany(tenant.CompanyID(in.Company))
	}
	if in.Customer != 0 {
		if _, err := s.store.Customers.Get(ctx, scope, tenant.CustomerID(in.Customer)); err != nil {
			return scope, err
		}
		scope = tenant.OfCustomer(tenant.CustomerID(in.Customer))
	}
	return scope, nil
}

func (s *server) calls(ctx context.Context, in *listInput) (*pageOutput[call.Summary], error) {
	scope, err := s.narrowed(ctx, in)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	keep, err := s.sees(ctx, scope)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	after, err := callCursor(in.Cursor)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	list := s.node.Calls(keep)
	slices.SortFunc(list, func(a, b call.Summary) int { return compareCalls(placeOf(&a), placeOf(&b)) })
	list = slices.DeleteFunc(list, func(c call.Summary) bool { return !holds(&c, in.Q) || compareCalls(placeOf(&c), after) <= 0 })
	limit := cmp.Or(in.Limit, 100)
	out := &pageOutput[call.Summary]{Body: Page[call.Summary]{Items: present(list)}}
	if len(list) > limit {
		out.Body.Items = list[:limit]
		at := placeOf(&list[limit-1])
		out.Body.Next = strconv.FormatInt(at.started, 36) + "." + at.id
	}
	return out, nil
}

// callPlace is where a call stands in the list: by its start, then by its id.
type callPlace struct {
	started int64
	id      string
}

func placeOf(c *call.Summary) callPlace { return callPlace{c.Started.UnixNano(), c.ID} }

func compareCalls(a, b callPlace) int {
	return cmp.Or(cmp.Compare(a.started, b.started), cmp.Compare(a.id, b.id))
}

// callCursor reads the place after which a page begins.
func callCursor(cursor string) (callPlace, error) {
	if cursor == "" {
		return callPlace{started: -1 << 63}, nil
	}
	started, id, ok := strings.Cut(cursor, ".")
	n, err := strconv.ParseInt(started, 36, 64)
	if err != nil || !ok {
		return callPlace{}, badCursor()
	}
	return callPlace{n, id}, nil
}

func badCursor() error {
	return &tenant.Fault{Code: tenant.CodeInvalid, Field: "cursor", Message: "is not one that a list gave", Want: "the next of the page before"}
}

// holds is the text filter of calls; a number is found however it is written.
func holds(c *call.Summary, q string) bool {
	q = strings.ToLower(strings.TrimSpace(q))
	for _, text := range []string{c.ID, c.Name, c.CallID, c.From, c.To, c.Source, c.Destination, c.Target, c.State} {
		if strings.Contains(strings.ToLower(text), q) {
			return true
		}
	}
	digits := trace.Digits(q)
	return q == "" || trace.HasNumber(c.From, digits) || trace.HasNumber(c.To, digits)
}

type callInput struct {
	ID string `path:"id" maxLength:"64"`
}

func (s *server) hangup(ctx context.Context, in *callInput) (*struct{}, error) {
	p := principalOf(ctx)
	allowed, err := s.sees(ctx, p.Scope())
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	const kind tenant.Kind = "call"
	if p.Access == tenant.AccessReadOnly || p.Access == "" {
		there := slices.ContainsFunc(s.node.Calls(allowed), func(c call.Summary) bool { return c.ID == in.ID })
		if there {
			return nil, s.refused(ctx, tenant.Forbidden("read-only access hangs up no calls", "access: operator or admin"))
		}
		return nil, s.refused(ctx, tenant.NotFound(kind))
	}
	if !s.node.Hangup(in.ID, allowed) {
		return nil, s.refused(ctx, tenant.NotFound(kind))
	}
	s.log.Info("call hung up", "call", in.ID, "by", p.Email, "from", p.From)
	return nil, nil
}

type infoOutput struct{ Body Info }

// info counts only those calls that the principal sees, and no bans of the platform's.
func (s *server) info(ctx context.Context, _ *struct{}) (*infoOutput, error) {
	scope := principalOf(ctx).Scope()
	info := s.node.Info()
	info.Listeners = present(info.Listeners)
	if !scope.IsPlatform() {
		keep, err := s.sees(ctx, scope)
		if err != nil {
			return nil, s.refused(ctx, err)
		}
		info.Calls = len(s.node.Calls(keep))
		info.Bans, info.Media.Why = KernelBans{Way: info.Bans.Way}, ""
	}
	return &infoOutput{Body: info}, nil
}
