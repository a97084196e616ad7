package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// transparentWish switches transparent mode (mission row T3).
type transparentWish struct {
	Customer tenant.CustomerID `json:"customer_id,omitempty" doc:"Whose mode; or all."`
	All      bool              `json:"all,omitempty" doc:"All customers that you, a panel user, manage; each one's own mode stays as it is."`
	On       bool              `json:"on"`
	For      string            `json:"for,omitempty" maxLength:"32" example:"30m" doc:"How long; absent: until it is switched off."`
}

// transparency is transparent mode as it is now.
type transparency struct {
	On    bool      `json:"on"`
	Until time.Time `json:"until,omitzero" doc:"When it ends by itself; absent: it does not."`
}

// transparent is the operation that switches transparent mode.
func (s *server) transparent() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: root + "/transparent", OperationID: "set-transparent", Tags: []string{"customers"},
		Summary: "Switch transparent mode on or off: no firewall, block list, antifraud, call limit, hiding or keepalive; what would have been refused is counted",
	}, s.setTransparent)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/transparent", OperationID: "count-transparent", Tags: []string{"customers"},
		Summary: "How many customers you manage: whom the mode would be switched for, for all",
	}, s.countTransparent)
}

type reachOutput struct{ Body reach }

// reach is whom the mode for all is about.
type reach struct {
	Customers int `json:"customers"`
}

func (s *server) countTransparent(ctx context.Context, _ *struct{}) (*reachOutput, error) {
	ids, err := s.store.CustomerIDs(ctx, principalOf(ctx).Scope())
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &reachOutput{Body: reach{Customers: len(ids)}}, nil
}

type transparentInput struct{ Body transparentWish }

type transparentOutput struct{ Body transparency }

func (s *server) setTransparent(ctx context.Context, in *transparentInput) (*transparentOutput, error) {
	wish, p := &in.Body, principalOf(ctx)
	if fault := p.MayWrite(tenant.KindCustomer, tenant.ActionUpdate); fault != nil {
		return nil, s.refused(ctx, fault)
	}
	until, faults := wish.until(p)
	if len(faults) > 0 {
		return nil, s.refused(ctx, faults)
	}
	err := s.write(ctx, func(tx *store.Tx) error {
		if wish.All {
			u, err := tx.Users.Get(ctx, p.UserID)
			if err != nil {
				return err
			}
			u.Transparent, u.TransparentUntil = wish.On, until
			return tx.Users.Update(ctx, &u)
		}
		c, err := tx.Customers.Get(ctx, wish.Customer)
		if err != nil {
			return err
		}
		c.Transparent, c.TransparentUntil = wish.On, until
		return tx.Customers.Update(ctx, &c)
	})
	if err != nil {
		return nil, err
	}
	return &transparentOutput{Body: transparency{On: wish.On, Until: until}}, nil
}

// until is when a wish's mode is to end, or all that is wrong with it.
func (w *transparentWish) until(p tenant.Principal) (end time.Time, faults tenant.Faults) {
	add := func(field, message, want string) {
		faults = append(faults, &tenant.Fault{Code: tenant.CodeInvalid, Noun: tenant.KindCustomer, Field: field, Message: message, Want: want})
	}
	switch {
	case w.All == (w.Customer != 0):
		add("customer_id", "says not whose mode to switch", "either customer_id or all: true")
	case w.All && p.UserID == 0:
		add("all", "is for panel users, who manage some customers", "customer_id, one after the other")
	}
	if w.For == "" {
		return end, faults
	}
	length, fault := tenant.ParseDuration(w.For)
	if fault != nil || length < time.Second || length > maxTransparent {
		add("for", "is not a time from 1s to a year", "such as 30m or 2h")
		return end, faults
	}
	if w.On {
		end = time.Now().Add(length).UTC().Round(time.Millisecond)
	}
	return end, faults
}

const maxTransparent = 365 * 24 * time.Hour
