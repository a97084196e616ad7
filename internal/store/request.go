package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// ChannelRequest is what a customer asks of his company: more channels.
type ChannelRequest struct {
	ID       int64             `json:"id"`
	Customer tenant.CustomerID `json:"customer_id"`
	Name     string            `json:"customer" doc:"The customer's name."`
	Channels int               `json:"channels" doc:"How many he wants to have."`
	Text     string            `json:"text"`
	Who      string            `json:"who"`
	At       time.Time         `json:"at"`
}

const kindRequest tenant.Kind = "request"

// maxRequests is how many a customer has open at once.
const maxRequests = 10

// NewRequest keeps a request, audits it, and sets its id.
func (t *Tx) NewRequest(ctx context.Context, r *ChannelRequest) error {
	if t.principal.Access == tenant.AccessReadOnly || t.principal.Access == "" {
		return tenant.Forbidden("read-only access asks for nothing", "access: operator or admin")
	}
	c, err := t.customer(ctx, r.Customer)
	if err != nil {
		return err
	}
	n, err := t.db.NewSelect().TableExpr("channel_requests").Where("customer_id = ?", int64(c.ID)).Count(ctx)
	if err != nil {
		return err
	}
	if n >= maxRequests {
		return &tenant.Fault{Code: tenant.CodeConflict, Noun: kindRequest, Message: fmt.Sprintf("%d requests are waiting already", n), Want: "an answer to one of them"}
	}
	r.Name, r.Who, r.At = c.Name, t.principal.Email, t.now.UTC()
	err = t.db.NewRaw("INSERT INTO channel_requests (customer_id, channels, text, who, at) VALUES (?, ?, ?, ?, ?) RETURNING id",
		int64(c.ID), r.Channels, r.Text, r.Who, r.At.UnixMicro()).Scan(ctx, &r.ID)
	if err != nil {
		return err
	}
	return t.recordRequest(tenant.ActionRequest, r, &c)
}

func (t *Tx) recordRequest(a tenant.Action, r *ChannelRequest, c *tenant.Customer) error {
	text, err := json.Marshal(r)
	e := AuditEntry{Action: a, Noun: kindRequest, NounID: r.ID, Name: c.Name, Company: c.Company, Customer: c.ID}
	if a == tenant.ActionDelete {
		e.Before = string(text)
	} else {
		e.After = string(text)
	}
	t.record(e)
	return err
}

// DeleteRequest takes one off the list: it was answered, or withdrawn.
func (t *Tx) DeleteRequest(ctx context.Context, id int64) error {
	list, err := requests(ctx, t.db, t.scope, Query{}, id)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return tenant.NotFound(kindRequest)
	}
	if t.principal.Access == tenant.AccessReadOnly || t.principal.Access == "" {
		return tenant.Forbidden("read-only access changes nothing", "access: operator or admin")
	}
	if _, err := t.db.NewRaw("DELETE FROM channel_requests WHERE id = ?", id).Exec(ctx); err != nil {
		return err
	}
	c, err := t.customer(ctx, list[0].Customer)
	if err != nil {
		return err
	}
	return t.recordRequest(tenant.ActionDelete, &list[0], &c)
}

// Requests lists what waits within the scope, the oldest first.
func (s *Store) Requests(ctx context.Context, scope tenant.Scope, q Query) (p Page[ChannelRequest], err error) {
	if q.Customer != 0 {
		if _, err := s.Customers.Get(ctx, scope, q.Customer); err != nil {
			return p, err
		}
	}
	if q.Company != 0 {
		if _, err := s.Companies.Get(ctx, scope, q.Company); err != nil {
			return p, err
		}
	}
	p.Items, err = requests(ctx, s.r, scope, q, 0)
	if err != nil {
		return p, s.explain(err)
	}
	if limit := q.limit(); len(p.Items) > limit {
		p.Items = p.Items[:limit]
		p.Next = cursor(p.Items[limit-1].ID)
	}
	return p, nil
}

// requests reads a page and one more; id: only that one.
func requests(ctx context.Context, db bun.IDB, scope tenant.Scope, q Query, id int64) ([]ChannelRequest, error) {
	after, err := q.after()
	if err != nil {
		return nil, err
	}
	var rows []struct {
		ID, CustomerID, Channels, At int64
		Text, Who, Name              string
	}
	sel := db.NewSelect().TableExpr("channel_requests").Column("id", "customer_id", "channels", "text", "who", "at").
		ColumnExpr("(SELECT natural_key FROM customers WHERE customers.id = customer_id) AS name")
	sel = narrowed(within(sel, ownedByCustomer, scope), ownedByCustomer, q)
	if text := searchText(q.Q); text != "" {
		sel = matchingExpr(sel, "LOWER(text || ' ' || who || ' ' || (SELECT natural_key FROM customers WHERE customers.id = customer_id))", text)
	}
	if id != 0 {
		sel = sel.Where("id = ?", id)
	}
	if err := sel.Where("id > ?", after).OrderExpr("id").Limit(int64(q.limit())+1).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make([]ChannelRequest, len(rows))
	for i, r := range rows {
		out[i] = ChannelRequest{
			ID: r.ID, Customer: tenant.CustomerID(r.CustomerID), Name: r.Name, Channels: int(r.Channels), Text: r.Text, Who: r.Who,
			At: time.UnixMicro(r.At).UTC(),
		}
	}
	return out, nil
}
