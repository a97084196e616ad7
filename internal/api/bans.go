package api

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/ban"
	"tollgate/internal/policy"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// banned is a ban that stands on this node.
type banned struct {
	ID           string            `json:"id"`
	Address      string            `json:"address" doc:"An address, or a range."`
	Customer     tenant.CustomerID `json:"customer_id,omitempty" doc:"Whose traffic it acts on; absent: everybody's."`
	CustomerName string            `json:"customer,omitempty"`
	Reason       string            `json:"reason" doc:"A person's words, or why Tollgate itself did it."`
	Sentence     string            `json:"sentence" doc:"The reason in words: of what Tollgate did in the language asked for."`
	Evidence     string            `json:"evidence,omitempty" doc:"What the source sent, as it came from the wire."`
	Since        time.Time         `json:"since"`
	Until        time.Time         `json:"until"`
	Times        int               `json:"times,omitempty" doc:"How often Tollgate itself banned it of late; absent: a person did."`
	Hits         uint64            `json:"hits" doc:"Datagrams, messages and connections that were dropped for it."`
}

// bans are the operations on who is banned here.
func (s *server) bans() {
	const path = root + "/bans"
	op := func(method, at, id, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: at, OperationID: id, Summary: summary, Tags: []string{"bans"}}
	}
	huma.Register(s.huma, op(http.MethodGet, path, "list-bans", "List bans, oldest first"), s.listBans)
	create := op(http.MethodPost, path, "create-ban", "Ban an address or a range; in place of one that stands for it")
	create.DefaultStatus = http.StatusCreated
	huma.Register(s.huma, create, s.createBan)
	huma.Register(s.huma, op(http.MethodDelete, path+"/{id}", "delete-ban", "Lift a ban"), s.deleteBan)
}

func (s *server) listBans(ctx context.Context, in *listInput) (*pageOutput[banned], error) {
	scope, err := s.narrowed(ctx, in)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	keep, err := s.sees(ctx, scope)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	after, err := callCursor(in.Cursor) // the same: a time and an id
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	list := slices.DeleteFunc(s.node.Bans(keep), func(b ban.Ban) bool {
		return !banHolds(&b, in.Q, languageOf(ctx)) || compareCalls(placeOfBan(&b), after) <= 0
	})
	slices.SortFunc(list, func(a, b ban.Ban) int { return compareCalls(placeOfBan(&a), placeOfBan(&b)) })
	limit := cmp.Or(in.Limit, 100)
	next := ""
	if len(list) > limit {
		list = list[:limit]
		at := placeOfBan(&list[limit-1])
		next = strconv.FormatInt(at.started, 36) + "." + at.id
	}
	names := map[tenant.CustomerID]string{}
	items := make([]banned, len(list))
	for i := range list {
		if items[i], err = s.showBan(ctx, names, &list[i]); err != nil {
			return nil, s.refused(ctx, err)
		}
	}
	return &pageOutput[banned]{Body: Page[banned]{Items: items, Next: next}}, nil
}

func placeOfBan(b *ban.Ban) callPlace { return callPlace{b.Since.UnixNano(), b.ID.String()} }

// addressOf is a range as people write it: one address without its mask.
func addressOf(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// banSentence is why somebody is banned, for people: a code of ours as its sentence, a person's words as they are.
func banSentence(b *ban.Ban, l policy.Language) string {
	if b.Times == 0 {
		return b.Reason // a person's
	}
	if r, ok := policy.ReasonOf(b.Reason); ok {
		return r.In(l)
	}
	return l.Retell(b.Reason)
}

// banHolds is the text filter of bans; an address finds the ranges that it is in.
func banHolds(b *ban.Ban, q string, l policy.Language) bool {
	q = strings.ToLower(strings.TrimSpace(q))
	if addr, err := netip.ParseAddr(q); err == nil {
		return b.Prefix.Contains(addr.Unmap())
	}
	for _, text := range []string{b.ID.String(), addressOf(b.Prefix), b.Reason, banSentence(b, l), string(b.Evidence)} {
		if strings.Contains(strings.ToLower(text), q) {
			return true
		}
	}
	return q == ""
}

func (s *server) showBan(ctx context.Context, names map[tenant.CustomerID]string, b *ban.Ban) (banned, error) {
	out := banned{
		ID: b.ID.String(), Address: addressOf(b.Prefix), Customer: b.Customer, Reason: b.Reason, Sentence: banSentence(b, languageOf(ctx)), Evidence: string(b.Evidence),
		Since: b.Since.UTC(), Until: b.Until.UTC(), Times: b.Times, Hits: b.Hits,
	}
	if b.Customer == 0 {
		return out, nil
	}
	name, err := s.nameOf(ctx, names, b.Customer)
	out.CustomerName = name
	return out, err
}

// banWish is what a ban is made of.
type banWish struct {
	Address  string            `json:"address" maxLength:"64" doc:"An address, or a range such as 192.0.2.0/24; wider than /24 (IPv6: /48) is for platform users."`
	Customer tenant.CustomerID `json:"customer_id,omitempty" doc:"Whose traffic it acts on; absent: everybody's, or your own."`
	For      string            `json:"for,omitempty" maxLength:"32" example:"1h" doc:"How long; an hour where absent."`
	Reason   string            `json:"reason,omitempty" maxLength:"500"`
}

type banInput struct{ Body banWish }

type banOutput struct{ Body banned }

const kindBan = tenant.KindBan

func (s *server) createBan(ctx context.Context, in *banInput) (*banOutput, error) {
	p := principalOf(ctx)
	if p.Role == tenant.RoleCustomer && in.Body.Customer == 0 {
		in.Body.Customer = p.Customer
	}
	if err := s.mayBan(ctx, in.Body.Customer, tenant.ActionCreate); err != nil {
		return nil, s.refused(ctx, err)
	}
	wish, faults := in.Body.wish(p)
	if len(faults) > 0 {
		return nil, s.refused(ctx, faults)
	}
	var made ban.Ban
	err := s.write(ctx, func(tx *store.Tx) (err error) {
		label := addressOf(wish.Prefix)
		if err := tx.Note(ctx, tenant.ActionCreate, kindBan, label, wish.Customer); err != nil {
			return err
		}
		made, err = s.node.Ban(wish)
		if errors.Is(err, ban.ErrProtected) || errors.Is(err, ban.ErrFull) {
			return &tenant.Fault{Code: tenant.CodeInvalid, Noun: kindBan, Name: label, Field: "address", Message: err.Error()}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	shown, err := s.showBan(ctx, map[tenant.CustomerID]string{}, &made)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &banOutput{Body: shown}, nil
}

// mayBan gives the error of who may not ban for a customer, or with 0 for everybody.
func (s *server) mayBan(ctx context.Context, customer tenant.CustomerID, a tenant.Action) error {
	p := principalOf(ctx)
	if fault := p.MayWrite(kindBan, a); fault != nil {
		return fault
	}
	if customer == 0 && p.Role != tenant.RolePlatform {
		return tenant.Forbidden("only the platform bans for everybody", "customer_id: one of your customers")
	}
	if customer != 0 {
		if _, err := s.store.Customers.Get(ctx, p.Scope(), customer); err != nil {
			return err
		}
	}
	return nil
}

// wish reads what a ban is made of, or gives all that is wrong with it.
func (w *banWish) wish(p tenant.Principal) (out ban.Wish, faults tenant.Faults) {
	add := func(code tenant.Code, field, message, want string) {
		faults = append(faults, &tenant.Fault{Code: code, Noun: kindBan, Name: w.Address, Field: field, Message: message, Want: want})
	}
	cidr := tenant.CanonicalCIDR(w.Address)
	prefix, err := netip.ParsePrefix(cidr)
	switch {
	case err != nil || tenant.CheckCIDR(w.Address) != nil:
		add(tenant.CodeInvalid, "address", "is not an address or a range", "such as 192.0.2.1 or 192.0.2.0/24")
	case tenant.Wide(cidr) && p.Role != tenant.RolePlatform:
		add(tenant.CodeForbidden, "address", "is wider than /24 (IPv6: /48), which only the platform may ban", "narrower ranges")
	}
	length, fault := tenant.ParseDuration(cmp.Or(w.For, "1h"))
	if fault != nil || length < time.Second || length > ban.Longest {
		add(tenant.CodeInvalid, "for", "is not a time from 1s to ten years", "such as 30m, 1h or 7d")
	}
	return ban.Wish{Prefix: prefix, Customer: w.Customer, Reason: cmp.Or(w.Reason, "banned by "+p.Email), For: length}, faults
}

type banID struct {
	ID string `path:"id" maxLength:"64"`
}

func (s *server) deleteBan(ctx context.Context, in *banID) (*struct{}, error) {
	p := principalOf(ctx)
	sees, err := s.sees(ctx, p.Scope())
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	var id ban.ID
	raw, err := hex.DecodeString(in.ID)
	if err != nil || copy(id[:], raw) != len(id) || len(raw) != len(id) {
		return nil, s.refused(ctx, tenant.NotFound(kindBan))
	}
	list := slices.DeleteFunc(s.node.Bans(sees), func(b ban.Ban) bool { return b.ID != id })
	if len(list) == 0 {
		return nil, s.refused(ctx, tenant.NotFound(kindBan))
	}
	if fault := p.MayWrite(kindBan, tenant.ActionDelete); fault != nil {
		return nil, s.refused(ctx, fault)
	}
	err = s.write(ctx, func(tx *store.Tx) error {
		if err := tx.Note(ctx, tenant.ActionDelete, kindBan, addressOf(list[0].Prefix), list[0].Customer); err != nil {
			return err
		}
		if !s.node.Unban(id, sees) {
			return tenant.NotFound(kindBan)
		}
		return nil
	})
	return nil, err
}
