package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/cdr"
	"tollgate/internal/registrar"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

const (
	// mostOfAKind is how many things of one kind a search gives.
	mostOfAKind = 8
	// findPatience is how long traces and records are each looked through: what is older than
	// they reach by then is found on their own pages.
	findPatience = 100 * time.Millisecond
)

// NodeFind is the node as a search asks it.
type NodeFind interface {
	// SearchBindings gives phones that have registered whose address of record holds a text, or
	// that are at an address.
	SearchBindings(keep func(tenant.CustomerID) bool, text string, most int) []registrar.Summary
}

// found is one thing that a search has found.
type foundItem struct {
	Kind         string            `json:"kind" enum:"customer,domain,sip-user,switch,destination,did,user,call,binding,ban,decision,cdr" doc:"What it is, and which page shows it."`
	ID           string            `json:"id"`
	Label        string            `json:"label"`
	Detail       string            `json:"detail,omitempty" doc:"More to tell it by."`
	Customer     tenant.CustomerID `json:"customer_id,omitempty"`
	CustomerName string            `json:"customer,omitempty"`
	At           time.Time         `json:"at,omitzero" doc:"When it was, of what happened."`
}

// findAnswer is all that a search has found.
type findAnswer struct {
	Items   []foundItem `json:"items" nullable:"false" doc:"At most 8 of a kind."`
	Partial bool        `json:"partial" doc:"Traces or records were not looked through to the end."`
}

// finds is the operation behind the one search box.
func (s *server) finds() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/find", OperationID: "find", Tags: []string{"tools"},
		Summary: "Look for a number, address, Call-ID, user, reference, name or domain in all there is",
	}, s.find)
}

type findInput struct {
	Customer int64  `query:"customer" minimum:"1" doc:"Only what belongs to this customer."`
	Company  int64  `query:"company" minimum:"1" doc:"Only what belongs to this company."`
	Q        string `query:"q" maxLength:"200" doc:"What to look for; nothing is found where it is absent."`
}

type findOutput struct{ Body findAnswer }

// search is one search on its way.
type search struct {
	s     *server
	scope tenant.Scope
	q     string // as it was asked
	plain string // the same, a number as it is stored
	keep  func(tenant.CustomerID) bool
	names map[tenant.CustomerID]string
	out   findAnswer
}

func (s *server) find(ctx context.Context, in *findInput) (*findOutput, error) {
	scope, err := s.narrowed(ctx, &listInput{Customer: in.Customer, Company: in.Company})
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	f := &search{s: s, scope: scope, q: strings.TrimSpace(in.Q), names: map[tenant.CustomerID]string{}, out: findAnswer{Items: []foundItem{}}}
	f.plain = unplussed(f.q)
	if f.keep, err = s.sees(ctx, scope); err != nil {
		return nil, s.refused(ctx, err)
	}
	if f.q == "" {
		return &findOutput{Body: f.out}, nil
	}
	for _, look := range []func(context.Context) error{f.nouns, f.live, f.decisions, f.records} {
		if err := look(ctx); err != nil {
			return nil, s.refused(ctx, err)
		}
	}
	for i := range f.out.Items {
		item := &f.out.Items[i]
		if item.Customer != 0 && item.CustomerName == "" {
			if item.CustomerName, err = s.nameOf(ctx, f.names, item.Customer); err != nil {
				return nil, s.refused(ctx, err)
			}
		}
	}
	return &findOutput{Body: f.out}, nil
}

func (f *search) add(item foundItem) { f.out.Items = append(f.out.Items, item) }

// nouns looks through what is configured.
func (f *search) nouns(ctx context.Context) error {
	s := f.s.store
	return errors.Join(
		findNouns(ctx, f, s.Customers, func(v *tenant.Customer) foundItem {
			return foundItem{Kind: "customer", ID: number(v.ID), Label: v.Name, Customer: v.ID, CustomerName: v.Name}
		}),
		findNouns(ctx, f, s.Domains, func(v *tenant.Domain) foundItem {
			return foundItem{Kind: "domain", ID: number(v.ID), Label: v.Name, Customer: v.Customer}
		}),
		findNouns(ctx, f, s.SIPUsers, func(v *tenant.SIPUser) foundItem {
			return foundItem{Kind: "sip-user", ID: number(v.ID), Label: v.Username, Customer: v.Customer}
		}),
		findNouns(ctx, f, s.DIDs, func(v *tenant.DID) foundItem {
			return foundItem{Kind: "did", ID: number(v.ID), Label: v.Number, Customer: v.Customer}
		}),
		findNouns(ctx, f, s.Switches, func(v *tenant.Switch) foundItem {
			return foundItem{Kind: "switch", ID: number(v.ID), Label: v.Name, Detail: v.Direction, Customer: v.Customer}
		}),
		findNouns(ctx, f, s.Destinations, func(v *tenant.Destination) foundItem {
			return foundItem{Kind: "destination", ID: number(v.ID), Label: v.Name, Detail: v.Host, Customer: v.Customer}
		}),
		findNouns(ctx, f, s.Users, func(v *tenant.User) foundItem {
			return foundItem{Kind: "user", ID: number(v.ID), Label: v.Email, Detail: v.Name, Customer: v.Customer}
		}),
	)
}

func number[ID ~int64](id ID) string { return strconv.FormatInt(int64(id), 10) }

// unplussed gives the digits of a number that has a first +, as phones show it: lists and most URIs
// have them only. Anything else stays as it is.
func unplussed(q string) string {
	rest, plus := strings.CutPrefix(q, "+")
	digits := tenant.StripNumber(rest)
	if plus && digits != "" && strings.Trim(digits, "0123456789") == "" {
		return digits
	}
	return q
}

// findNouns looks through one noun.
func findNouns[T any, ID ~int64](ctx context.Context, f *search, reader store.Reader[T, ID], item func(*T) foundItem) error {
	page, err := reader.List(ctx, f.scope, store.Query{Q: f.plain, Limit: mostOfAKind})
	for i := range page.Items {
		f.add(item(&page.Items[i]))
	}
	return err
}

// live looks through calls, phones and bans.
func (f *search) live(ctx context.Context) error {
	n, l := 0, languageOf(ctx)
	for _, c := range f.s.node.Calls(f.keep) {
		if n < mostOfAKind && holds(&c, f.plain) {
			n++
			f.add(foundItem{Kind: "call", ID: c.ID, Label: c.From, Detail: c.To, Customer: c.Customer, CustomerName: c.Name, At: c.Started})
		}
	}
	for _, b := range f.s.node.SearchBindings(f.keep, f.q, mostOfAKind) {
		f.add(foundItem{Kind: "binding", ID: b.ID, Label: b.AOR, Detail: b.Source, Customer: b.Customer, At: b.Since})
	}
	n = 0
	for _, b := range f.s.node.Bans(f.keep) {
		if n < mostOfAKind && banHolds(&b, f.q, l) {
			n++
			f.add(foundItem{Kind: "ban", ID: b.ID.String(), Label: addressOf(b.Prefix), Detail: banSentence(&b, l), Customer: b.Customer, At: b.Since.UTC()})
		}
	}
	return nil
}

// decisions looks through what was decided, by text and by reference.
func (f *search) decisions(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	queries := []trace.Query{{Text: f.q, Keep: f.keep, Limit: mostOfAKind}}
	if ref, ok := trace.CanonicalRef(f.q); ok {
		queries = append([]trace.Query{{Ref: ref, Keep: f.keep, Limit: mostOfAKind}}, queries...)
	}
	seen := map[trace.ID]bool{}
	for _, q := range queries {
		list, _, err := f.s.node.Decisions(ctx, q)
		if errors.Is(err, context.DeadlineExceeded) {
			f.out.Partial = true
			return nil
		}
		if err != nil {
			return err
		}
		for i := range list {
			d := &list[i]
			if len(seen) == mostOfAKind || seen[d.ID] {
				continue
			}
			seen[d.ID] = true
			f.add(foundItem{Kind: eventDecision, ID: d.ID.String(), Label: d.From, Detail: sentenceIn(ctx, d.Reason, d.Sentence), Customer: d.Customer, CustomerName: d.CustomerName, At: d.At})
		}
	}
	return nil
}

// records looks through call records, the latest first.
func (f *search) records(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	n := 0
	err := f.s.store.LatestCDRs(ctx, f.scope, 0, func(r *store.CDR) bool {
		if c := cdr.Read(r); c.Holds(f.plain) {
			n++
			f.add(foundItem{Kind: "cdr", ID: strconv.FormatInt(c.Seq, 10), Label: c.From, Detail: c.URI, Customer: c.Customer, CustomerName: c.CustomerName, At: c.Started})
		}
		return n < mostOfAKind && ctx.Err() == nil
	})
	if ctx.Err() != nil {
		f.out.Partial = true
		return nil
	}
	return err
}
