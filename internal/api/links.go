package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/login"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// links are the operations with one-time links: the first administrator, invitations, lost passwords.
func (s *server) links() {
	op := func(method, path, id, summary string) huma.Operation {
		return huma.Operation{
			Method: method, Path: root + path, OperationID: id, Summary: summary, Tags: []string{"users"},
			MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
		}
	}
	use := op(http.MethodPost, "/setup", "use-link", "Use a one-time link: set a password, or make the platform's first administrator")
	use.Security = nobody()
	huma.Register(s.huma, use, s.useLink)
	huma.Register(s.huma, op(http.MethodPost, "/users/{id}/link", "make-user-link", "Make a one-time link by which a user sets his password"), s.makeLink)
	huma.Register(s.huma, op(http.MethodDelete, "/users/{id}/totp", "remove-user-totp", "Take away a user's second factor, which he has lost"), s.removeTOTP)
}

// SetupPath is where the panel takes a one-time link's token.
const SetupPath = "/#/setup/"

type useLinkInput struct {
	Body struct {
		Token    string `json:"token" maxLength:"100" writeOnly:"true" doc:"Of the link."`
		Email    string `json:"email,omitempty" maxLength:"254" doc:"Of the first administrator; an invited user has his already."`
		Name     string `json:"name,omitempty" maxLength:"64"`
		Password string `json:"password" maxLength:"1000" writeOnly:"true" doc:"10 characters or more."`
	}
}

// linkUsed says with which name to log in.
type linkUsed struct {
	Email string `json:"email"`
}

type linkUsedOutput struct{ Body linkUsed }

func (s *server) useLink(ctx context.Context, in *useLinkInput) (*linkUsedOutput, error) {
	token := login.TokenHash(in.Body.Token)
	id, err := s.store.LinkUser(ctx, token)
	if err != nil {
		return nil, s.refusedLink(ctx, err)
	}
	email := strings.ToLower(strings.TrimSpace(in.Body.Email))
	if id != 0 {
		u, err := s.store.Users.Get(ctx, tenant.Platform(), id)
		if err != nil {
			return nil, s.refusedLink(ctx, err)
		}
		email = u.Email
	}
	if f := tenant.CheckUserPassword(email, in.Body.Password); f != nil {
		return nil, s.refused(ctx, f)
	}
	hash, err := s.hash(ctx, in.Body.Password)
	if err != nil {
		return nil, err
	}
	who := own(tenant.Principal{Kind: tenant.PrincipalUser, Email: email, From: visitorOf(ctx).from, Via: "link"})
	err = s.writeAs(ctx, who, func(tx *store.Tx) error {
		id, err := tx.UseLink(ctx, token)
		if err != nil {
			return err
		}
		if id, err = invited(ctx, tx, id, email, in.Body.Name); err != nil {
			return err
		}
		return tx.SetUserHash(ctx, id, hash, 0)
	})
	if err != nil {
		return nil, s.refusedLink(ctx, err)
	}
	s.log.Info("a one-time link was used", "user", email, "from", who.From)
	return &linkUsedOutput{Body: linkUsed{Email: email}}, nil
}

// refusedLink says of a link that is not found what may be wrong with it.
func (s *server) refusedLink(ctx context.Context, err error) error {
	var p *Problem
	if !errors.Is(err, tenant.ErrNotFound) && (!errors.As(err, &p) || p.Status != http.StatusNotFound) {
		return s.refused(ctx, err)
	}
	p = problem(http.StatusNotFound, "the link was used already, has ended, or was replaced by a later one")
	p.Errors = []Fault{{Code: tenant.CodeNotFound, Field: "token", Message: p.Detail, Want: "a new link"}}
	return p
}

// invited gives whose password is set: the link's user, by the name that he gives himself, or for 0
// the platform's first administrator, who may be there already without a password.
func invited(ctx context.Context, tx *store.Tx, id tenant.UserID, email, name string) (tenant.UserID, error) {
	var u tenant.User
	var err error
	if id != 0 {
		u, err = tx.Users.Get(ctx, id)
	} else {
		u, err = tx.Users.Find(ctx, store.Query{}, email)
	}
	if id == 0 && errors.Is(err, tenant.ErrNotFound) {
		u = tenant.User{Email: email, Name: name, Role: tenant.RolePlatform, Access: tenant.AccessAdmin}
		err := tx.Users.Create(ctx, &u)
		return u.ID, err
	}
	if err != nil {
		return 0, err
	}
	if id == 0 && (u.Role != tenant.RolePlatform || u.Access != tenant.AccessAdmin) {
		return 0, &tenant.Fault{Code: tenant.CodeInUse, Field: "email", Message: "in use by another user", Want: "another e-mail address"}
	}
	u.Name = cmp.Or(name, u.Name)
	u.Disabled = u.Disabled && id != 0
	return u.ID, tx.Users.Update(ctx, &u)
}

// UserLink is a one-time link.
type UserLink struct {
	Email string    `json:"email"`
	URL   string    `json:"url" doc:"Where he sets his password; whoever has it can."`
	Ends  time.Time `json:"ends"`
}

type linkOutput struct{ Body UserLink }

func (s *server) makeLink(ctx context.Context, in *idInput) (*linkOutput, error) {
	out := &linkOutput{}
	return out, s.write(ctx, func(tx *store.Tx) error {
		u, err := tx.Users.Get(ctx, tenant.UserID(in.ID))
		if err != nil {
			return err
		}
		out.Body, err = s.linkFor(ctx, tx, &u)
		return err
	})
}

func (s *server) linkFor(ctx context.Context, tx *store.Tx, u *tenant.User) (UserLink, error) {
	token, ends, err := tx.NewLink(ctx, u.ID)
	return UserLink{Email: u.Email, URL: s.base(ctx) + SetupPath + token, Ends: ends}, err
}

// linksFor makes a link for each of these users, by e-mail address, of the request's principal.
func (s *server) linksFor(ctx context.Context, emails []string) (links []UserLink, err error) {
	if len(emails) == 0 {
		return nil, nil
	}
	err = s.write(ctx, func(tx *store.Tx) error {
		for _, email := range emails {
			u, err := tx.Users.Find(ctx, store.Query{}, email)
			if err != nil {
				return err
			}
			link, err := s.linkFor(ctx, tx, &u)
			if err != nil {
				return err
			}
			links = append(links, link)
		}
		return nil
	})
	return links, err
}

// base is where the panel is: as whoever asks has reached it, or, by the unix socket, as node.yaml says.
func (s *server) base(ctx context.Context) string {
	v := visitorOf(ctx)
	if principalOf(ctx).Kind == tenant.PrincipalLocal || v.host == "" {
		return s.address
	}
	if v.secure {
		return "https://" + v.host
	}
	return "http://" + v.host
}

func (s *server) removeTOTP(ctx context.Context, in *idInput) (*struct{}, error) {
	return nil, s.write(ctx, func(tx *store.Tx) error { return tx.RemoveSecondFactor(ctx, tenant.UserID(in.ID)) })
}
