package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// orderWish is a list in the order that it is to have.
type orderWish struct {
	Customer tenant.CustomerID `json:"customer_id" minimum:"1"`
	IDs      []int64           `json:"ids" minItems:"1" maxItems:"10000" nullable:"false" doc:"All of them, the first one first."`
}

type orderInput struct{ Body orderWish }

// place is where a noun stands among its like.
type place struct{ priority, position *int }

// ordered is a noun that is evaluated in order.
type ordered[T any, ID ~int64] struct {
	writer func(*store.Tx) store.Writer[T, ID]
	id     func(*T) ID
	place  func(*T) place
	group  func(*T) int // only those of one are in order to each other
	noun   tenant.Kind
}

// orders are the operations that put what was dragged where it was dropped.
func (s *server) orders() {
	op := func(path, id, summary string) huma.Operation {
		return huma.Operation{
			Method: http.MethodPut, Path: root + "/" + path + "/order", OperationID: id, Summary: summary, Tags: []string{path},
			MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
		}
	}
	const how = "; each gets the priority of who stood in its place"
	huma.Register(s.huma, op("routing-rules", "order-routing-rules", "Put all routing rules of a customer into an order"+how), reorder(s, ordered[tenant.RoutingRule, tenant.RuleID]{
		writer: func(tx *store.Tx) store.Writer[tenant.RoutingRule, tenant.RuleID] { return tx.RoutingRules },
		id:     func(v *tenant.RoutingRule) tenant.RuleID { return v.ID },
		place:  func(v *tenant.RoutingRule) place { return place{&v.Priority, &v.Position} },
		group:  func(*tenant.RoutingRule) int { return 0 },
		noun:   tenant.KindRouting,
	}))
	huma.Register(s.huma, op("firewall-rules", "order-firewall-rules", "Put all firewall rules of a customer into an order"+how), reorder(s, ordered[tenant.FirewallRule, tenant.RuleID]{
		writer: func(tx *store.Tx) store.Writer[tenant.FirewallRule, tenant.RuleID] { return tx.FirewallRules },
		id:     func(v *tenant.FirewallRule) tenant.RuleID { return v.ID },
		place:  func(v *tenant.FirewallRule) place { return place{&v.Priority, &v.Position} },
		group:  func(*tenant.FirewallRule) int { return 0 },
		noun:   tenant.KindFirewall,
	}))
	huma.Register(s.huma, op("destinations", "order-destinations", "Put all destinations of one group of a customer into an order"+how), reorder(s, ordered[tenant.Destination, tenant.DestinationID]{
		writer: func(tx *store.Tx) store.Writer[tenant.Destination, tenant.DestinationID] { return tx.Destinations },
		id:     func(v *tenant.Destination) tenant.DestinationID { return v.ID },
		place:  func(v *tenant.Destination) place { return place{&v.Priority, &v.Position} },
		group:  func(v *tenant.Destination) int { return v.Group },
		noun:   tenant.KindDestination,
	}))
}

func reorder[T any, ID ~int64](s *server, o ordered[T, ID]) func(context.Context, *orderInput) (*bulkOutput, error) {
	return func(ctx context.Context, in *orderInput) (*bulkOutput, error) {
		err := s.write(ctx, func(tx *store.Tx) error {
			all, err := o.writer(tx).All(ctx, store.Query{Customer: in.Body.Customer})
			if err != nil {
				return err
			}
			list, err := o.arranged(all, in.Body.IDs)
			if err != nil {
				return err
			}
			for i := range list {
				if err := o.writer(tx).Update(ctx, &list[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		return &bulkOutput{Body: bulkResult{Count: len(in.Body.IDs)}}, nil
	}
}

// arranged gives those that the ids name, in their order, each with the priority of who stood
// there and a position of its own. A list that is not whole is one that somebody else has changed.
func (o *ordered[T, ID]) arranged(all []T, ids []int64) ([]T, error) {
	byID := make(map[ID]T, len(all))
	for i := range all {
		byID[o.id(&all[i])] = all[i]
	}
	list := make([]T, 0, len(ids))
	for _, id := range ids {
		v, ok := byID[ID(id)]
		if !ok {
			return nil, tenant.NotFound(o.noun)
		}
		delete(byID, ID(id)) // twice is not found either
		list = append(list, v)
	}
	group := o.group(&list[0])
	missing := slices.ContainsFunc(list, func(v T) bool { return o.group(&v) != group })
	for _, v := range byID {
		missing = missing || o.group(&v) == group
	}
	if missing {
		return nil, &tenant.Fault{Code: tenant.CodeChanged, Field: "ids", Noun: o.noun, Message: "are not all there are: the list was changed meanwhile", Want: "each of them once, as they are now"}
	}
	priorities := make([]int, len(list))
	for i := range list {
		priorities[i] = *o.place(&list[i]).priority
	}
	slices.SortFunc(priorities, cmp.Compare)
	for i := range list {
		at := o.place(&list[i])
		*at.priority, *at.position = priorities[i], i+1
	}
	return list, nil
}
