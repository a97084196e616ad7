package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/antifraud"
	"tollgate/internal/policy"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// threshold is one of a customer's antifraud thresholds with what it has counted on this node
// since that started.
type threshold struct {
	Customer     tenant.CustomerID `json:"customer_id"`
	CustomerName string            `json:"customer"`
	Method       string            `json:"method" enum:"invite,register,options"`
	Of           int               `json:"threshold"`
	Mode         string            `json:"mode" enum:"enforce,monitor" doc:"monitor: only counted, by its own setting or since the customer is transparent."`
	Triggered    uint64            `json:"triggered" doc:"How often it was reached and enforced."`
	Would        uint64            `json:"would" doc:"How often it was reached and only counted."`
	Refused      uint64            `json:"refused" doc:"What came with a key that was shut."`
	Last         time.Time         `json:"last_hit,omitzero"`
	Sample       *policy.Sample    `json:"last_sample,omitempty" doc:"The call or request that reached it last: From and Request-URI."`
	Keys         []fraudKey        `json:"keys" nullable:"false" doc:"At most five: those that are shut, then those with the highest counts."`
}

// fraudKey is what alike calls or requests have in common.
type fraudKey struct {
	From  string    `json:"from" doc:"The caller: a number in E.164, or a name. The first 31 bytes."`
	To    string    `json:"to" doc:"What is called, less its last two characters."`
	Count int       `json:"count" doc:"Calls that are up or ringing; requests within 10 s."`
	Shut  time.Time `json:"shut_until,omitzero"`
}

// antifraud are the operations on what is counted as fraud.
func (s *server) antifraud() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/antifraud", OperationID: "list-antifraud", Tags: []string{"antifraud"},
		Summary: "List antifraud thresholds with what they have counted; pages are of customers, so one may be empty",
	}, s.listAntifraud)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: root + "/antifraud/open", OperationID: "open-antifraud", Tags: []string{"antifraud"},
		Summary: "Open a key that is shut before its time; what is alike is counted from the beginning",
	}, s.openAntifraud)
}

// openWish names a key as the list of thresholds shows it.
type openWish struct {
	Customer tenant.CustomerID `json:"customer_id"`
	Method   string            `json:"method" enum:"invite,register,options"`
	From     string            `json:"from" maxLength:"31"`
	To       string            `json:"to" maxLength:"31"`
}

type openInput struct{ Body openWish }

// opened says how many keys were shut and no longer are.
type opened struct {
	Opened int `json:"opened" doc:"0: by then none was shut. Long names that begin alike are opened together."`
}

type openOutput struct{ Body opened }

func (s *server) openAntifraud(ctx context.Context, in *openInput) (*openOutput, error) {
	p, wish := principalOf(ctx), &in.Body
	if _, err := s.store.Customers.Get(ctx, p.Scope(), wish.Customer); err != nil {
		return nil, s.refused(ctx, err)
	}
	if fault := p.MayWrite(tenant.KindFraudKey, tenant.ActionDelete); fault != nil {
		return nil, s.refused(ctx, fault)
	}
	out := &openOutput{}
	return out, s.write(ctx, func(tx *store.Tx) error {
		if err := tx.Note(ctx, tenant.ActionDelete, tenant.KindFraudKey, wish.Method+" "+wish.From+" "+wish.To, wish.Customer); err != nil {
			return err
		}
		out.Body.Opened = s.node.OpenAntifraud(wish.Customer, sip.ParseMethod([]byte(strings.ToUpper(wish.Method))), wish.From, wish.To)
		return nil
	})
}

func (s *server) listAntifraud(ctx context.Context, in *listInput) (*pageOutput[threshold], error) {
	scope, err := s.narrowed(ctx, in)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	customers, err := s.store.Customers.List(ctx, scope, store.Query{Q: in.Q, Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	ids := make([]tenant.CustomerID, len(customers.Items))
	names := make(map[tenant.CustomerID]string, len(ids))
	for i := range customers.Items {
		ids[i] = customers.Items[i].ID
		names[ids[i]] = customers.Items[i].Name
	}
	rows := s.node.Antifraud(ids)
	out := &pageOutput[threshold]{Body: Page[threshold]{Items: make([]threshold, len(rows)), Next: customers.Next}}
	for i := range rows {
		out.Body.Items[i] = showThreshold(&rows[i], names[rows[i].Customer])
	}
	return out, nil
}

func showThreshold(r *antifraud.Report, customer string) threshold {
	h := hitsOf(policy.Tally{Last: r.Last, Sample: r.Sample})
	t := threshold{
		Customer: r.Customer, CustomerName: customer, Method: strings.ToLower(r.Method.String()), Of: r.Of, Mode: "enforce",
		Triggered: r.Triggered, Would: r.Would, Refused: r.Refused, Last: h.Last.UTC(), Sample: h.Sample, Keys: []fraudKey{},
	}
	if r.Monitor {
		t.Mode = "monitor"
	}
	for _, k := range r.Keys {
		shown := fraudKey{From: k.From, To: k.To, Count: k.Count}
		if k.Left > 0 {
			shown.Shut = time.Now().Add(k.Left).UTC().Truncate(time.Second)
		}
		t.Keys = append(t.Keys, shown)
	}
	return t
}
