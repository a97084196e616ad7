package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
)

// binding is a phone that has registered through this node.
type binding struct {
	registrar.Summary
	CustomerName string `json:"customer"`
}

// bindings are the operations on phones that have registered.
func (s *server) bindings() {
	const path = root + "/bindings"
	op := func(method, at, id, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: at, OperationID: id, Summary: summary, Tags: []string{"bindings"}}
	}
	huma.Register(s.huma, op(http.MethodGet, path, "list-bindings", "List phones that have registered, by customer and address of record"), s.listBindings)
	huma.Register(s.huma, op(http.MethodGet, path+"/{id}", "get-binding", "Get a phone's binding"), s.getBinding)
	huma.Register(s.huma, op(http.MethodDelete, path+"/{id}", "end-binding", "End a phone's binding; its next refresh makes it again"), s.endBinding)
}

func (s *server) listBindings(ctx context.Context, in *listInput) (*pageOutput[binding], error) {
	scope, err := s.narrowed(ctx, in)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	keep, err := s.sees(ctx, scope)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	after, err := bindingCursor(in.Cursor)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	limit := cmp.Or(in.Limit, 100)
	list := s.node.Bindings(keep, in.Q, after, limit+1) // one more tells that there is a next page
	next := ""
	if len(list) > limit {
		list = list[:limit]
		next = cursorOf(list[limit-1].Place())
	}
	items, err := s.showBindings(ctx, list)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &pageOutput[binding]{Body: Page[binding]{Items: items, Next: next}}, nil
}

// showBindings adds the customers' names.
func (s *server) showBindings(ctx context.Context, list []registrar.Summary) ([]binding, error) {
	names := map[tenant.CustomerID]string{}
	out := make([]binding, len(list))
	for i := range list {
		name, err := s.nameOf(ctx, names, list[i].Customer)
		if err != nil {
			return nil, err
		}
		out[i] = binding{Summary: list[i], CustomerName: name}
	}
	return out, nil
}

// nameOf gives a customer's name, and notes it in known; "" where the principal does not see him, or
// he was deleted just now.
func (s *server) nameOf(ctx context.Context, known map[tenant.CustomerID]string, id tenant.CustomerID) (string, error) {
	if name, ok := known[id]; ok {
		return name, nil
	}
	c, err := s.store.Customers.Get(ctx, principalOf(ctx).Scope(), id)
	if err != nil && !errors.Is(err, tenant.ErrNotFound) {
		return "", err
	}
	known[id] = c.Name
	return c.Name, nil
}

// cursorOf is a place as text. An address of record may hold any byte.
func cursorOf(p registrar.Place) string {
	return strconv.FormatInt(int64(p.Customer), 36) + "." + p.ID + "." + base64.RawURLEncoding.EncodeToString([]byte(p.AOR))
}

// bindingCursor reads the place after which a page begins.
func bindingCursor(cursor string) (registrar.Place, error) {
	if cursor == "" {
		return registrar.Place{}, nil
	}
	customer, rest, _ := strings.Cut(cursor, ".")
	id, coded, ok := strings.Cut(rest, ".")
	n, err := strconv.ParseInt(customer, 36, 64)
	aor, wrong := base64.RawURLEncoding.DecodeString(coded)
	if err != nil || wrong != nil || !ok {
		return registrar.Place{}, badCursor()
	}
	return registrar.Place{Customer: tenant.CustomerID(n), AOR: string(aor), ID: id}, nil
}

type bindingInput struct {
	ID string `path:"id" maxLength:"64"`
}

// kindBinding is what the sentence says that was not found.
const kindBinding tenant.Kind = "binding"

// findBinding gives one that the principal sees.
func (s *server) findBinding(ctx context.Context, id string) (registrar.Summary, error) {
	keep, err := s.sees(ctx, principalOf(ctx).Scope())
	if err != nil {
		return registrar.Summary{}, err
	}
	b, ok := s.node.Binding(id)
	if !ok || !keep(b.Customer) {
		return registrar.Summary{}, tenant.NotFound(kindBinding)
	}
	return b, nil
}

type bindingOutput struct{ Body binding }

func (s *server) getBinding(ctx context.Context, in *bindingInput) (*bindingOutput, error) {
	b, err := s.findBinding(ctx, in.ID)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	shown, err := s.showBindings(ctx, []registrar.Summary{b})
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &bindingOutput{Body: shown[0]}, nil
}

func (s *server) endBinding(ctx context.Context, in *bindingInput) (*struct{}, error) {
	p := principalOf(ctx)
	if p.Access == tenant.AccessReadOnly || p.Access == "" {
		if _, err := s.findBinding(ctx, in.ID); err != nil {
			return nil, s.refused(ctx, err)
		}
		return nil, s.refused(ctx, tenant.Forbidden("read-only access ends no bindings", "access: operator or admin"))
	}
	allowed, err := s.sees(ctx, p.Scope())
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	if !s.node.Unbind(in.ID, allowed) {
		return nil, s.refused(ctx, tenant.NotFound(kindBinding))
	}
	s.log.Info("binding ended", "binding", in.ID, "by", p.Email, "from", p.From)
	return nil, nil
}
