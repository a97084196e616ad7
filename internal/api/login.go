package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/login"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// nobody is the security of operations that need neither key nor session.
func nobody() []map[string][]string { return []map[string][]string{{}} }

// sessions are the operations of logging in and out.
func (s *server) sessions() {
	op := func(method, id, summary string, status int) huma.Operation {
		return huma.Operation{
			Method: method, Path: root + "/session", OperationID: id, Summary: summary, Tags: []string{"session"},
			DefaultStatus: status, MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime, Security: nobody(),
		}
	}
	huma.Register(s.huma, op(http.MethodPost, "log-in", "Log in: sets the session cookie", http.StatusOK), s.logIn)
	huma.Register(s.huma, op(http.MethodGet, "get-session", "Who is logged in, and how long the session lasts", http.StatusOK), s.getSession)
	huma.Register(s.huma, op(http.MethodDelete, "log-out", "Log out", http.StatusNoContent), s.logOut)
	s.passkeySessions()
	s.ownSessions()
}

type loginInput struct {
	Body struct {
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"1000" writeOnly:"true"`
		Code     string `json:"code,omitempty" maxLength:"64" writeOnly:"true" doc:"Of the second factor, or a recovery code."`
	}
}

// sessionView says who is logged in.
type sessionView struct {
	Kind         tenant.PrincipalKind `json:"kind" enum:"user,key,local"`
	Email        string               `json:"email" doc:"A user's; else what the key or login is called."`
	Name         string               `json:"name"`
	Role         tenant.Role          `json:"role" enum:"platform,company,customer"`
	Access       tenant.Access        `json:"access" enum:"admin,operator,read-only"`
	Only         string               `json:"only,omitempty" doc:"An API key's: wall."`
	Company      tenant.CompanyID     `json:"company_id,omitempty"`
	CompanyName  string               `json:"company,omitempty"`
	Customer     tenant.CustomerID    `json:"customer_id,omitempty"`
	CustomerName string               `json:"customer,omitempty"`
	IdleEnds     time.Time            `json:"idle_ends,omitzero" doc:"When the session ends, if its user does nothing; requests with X-Tollgate-Action: 1 put it off."`
	Ends         time.Time            `json:"ends,omitzero" doc:"When it ends in any case."`
	SecondsLeft  int                  `json:"seconds_left,omitempty" doc:"Until idle_ends; each answer has it as X-Tollgate-Session-Seconds, too."`
	TOTP         bool                 `json:"totp" doc:"Whether there is a second factor."`
	Language     string               `json:"language"`
	Theme        string               `json:"theme"`
	Contacts     string               `json:"contacts" doc:"The operator's, for people."`
	Version      string               `json:"version"`
}

type sessionOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      sessionView
}

type cookieOutput struct {
	SetCookie string `header:"Set-Cookie"`
}

// cookie is the session's cookie; token "" takes it away.
func cookie(v *visitor, token string) string {
	c := http.Cookie{
		Name: cookieName, Value: token, Path: "/", HttpOnly: true, Secure: v.secure, SameSite: http.SameSiteStrictMode,
		MaxAge: int(login.Absolute.Seconds()),
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c.String()
}

// unauthorized is a refusal of what somebody says to prove who he is; field "": of all of it.
func unauthorized(detail string, code tenant.Code, field, want string) error {
	p := problem(http.StatusUnauthorized, detail)
	if field != "" {
		p.Errors = []Fault{{Code: code, Field: field, Message: detail, Want: want}}
	}
	return p
}

func wrongLogin() error {
	return unauthorized("name or password is not right", "", "", "")
}

func later(wait time.Duration, detail string) error {
	seconds := int((wait + time.Second - 1) / time.Second)
	return huma.ErrorWithHeaders(problem(http.StatusTooManyRequests, detail+"; try again in "+strconv.Itoa(seconds)+" s"),
		http.Header{"Retry-After": {strconv.Itoa(seconds)}})
}

// busyWait is what somebody is told who asks while too many passwords are being hashed.
const busyWait = 2 * time.Second

func (s *server) logIn(ctx context.Context, in *loginInput) (*sessionOutput, error) {
	v := visitorOf(ctx)
	user, err := s.proven(ctx, v, in.Body.Email, in.Body.Password, func(u *tenant.User) error {
		return s.secondFactor(ctx, u, in.Body.Code)
	})
	if err != nil {
		return nil, err
	}
	return s.begun(ctx, v, &user)
}

// begun begins the session of a user who has proven who he is.
func (s *server) begun(ctx context.Context, v *visitor, user *tenant.User) (*sessionOutput, error) {
	token, hash := login.NewToken()
	old := ""
	if v.token != "" {
		old = login.TokenHash(v.token)
	}
	session, err := s.store.NewSession(ctx, user.ID, hash, old, v.from, v.agent)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	s.log.Info("log-in", "user", user.Email, "from", v.from)
	v.session = &session
	p := store.UserPrincipal(user)
	p.From = v.from
	view, err := s.view(ctx, p, user)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &sessionOutput{SetCookie: cookie(v, token), Body: *view}, nil
}

// proven gives the user who has this name and password, and whom more lets in. Whether it is the name
// or the password that is wrong cannot be told, by the answer or by its time.
func (s *server) proven(ctx context.Context, v *visitor, email, password string, more func(*tenant.User) error) (u tenant.User, err error) {
	name := strings.ToLower(strings.TrimSpace(email))
	u, hash, familiar, err := s.candidate(ctx, name, v.from)
	if err != nil {
		return u, s.refused(ctx, err)
	}
	if wait := s.throttle.Begin(v.from, name, familiar); wait > 0 {
		return u, later(wait, "too many tries")
	}
	right, err := s.hasher.Holds(ctx, hash, password)
	switch {
	case errors.Is(err, login.ErrBusy):
		s.throttle.Succeeded(v.from, name, familiar)
		return u, later(busyWait, "too many log-ins at once")
	case err != nil:
		return u, s.refused(ctx, err)
	case !right:
		s.log.Warn("log-in refused", "name", name, "from", v.from)
		return u, wrongLogin()
	}
	if err := more(&u); err != nil {
		return u, err
	}
	s.throttle.Succeeded(v.from, name, familiar)
	return u, nil
}

// candidate is the user whom a name could mean, with the hash of his password; the zero one and "" for
// one who is not there, has no password, or may not come in. The same questions are asked for each.
func (s *server) candidate(ctx context.Context, name, from string) (u tenant.User, hash string, familiar bool, err error) {
	u, err = s.store.Users.Find(ctx, tenant.Platform(), store.Query{}, name)
	if err != nil && !errors.Is(err, tenant.ErrNotFound) {
		return u, "", false, err
	}
	if hash, err = s.store.UserHash(ctx, u.ID); err != nil {
		return u, "", false, err
	}
	if familiar, err = s.store.Familiar(ctx, u.ID, from); u.Disabled {
		hash = ""
	}
	return u, hash, familiar, err
}

// secondFactor wants the code of a user who has one.
func (s *server) secondFactor(ctx context.Context, u *tenant.User, code string) error {
	f, err := s.store.SecondFactor(ctx, u.ID)
	if err != nil {
		return s.refused(ctx, err)
	}
	if !f.Confirmed {
		return nil
	}
	if strings.TrimSpace(code) == "" {
		return unauthorized("a code is needed too", tenant.CodeRequired, "code", "what the authenticator shows now, or a recovery code")
	}
	ok, err := s.store.TakeCode(ctx, u.ID, code)
	if err != nil {
		return s.refused(ctx, err)
	}
	if !ok {
		s.log.Warn("log-in refused: wrong code", "user", u.Email, "from", visitorOf(ctx).from)
		return unauthorized("the code is not right, or was used already", tenant.CodeInvalid, "code", "the next one that the authenticator shows, or a recovery code")
	}
	return nil
}

func (s *server) getSession(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
	p := principalOf(ctx)
	if p.Kind == "" {
		return nil, unauthorized("nobody is logged in", "", "", "")
	}
	var user tenant.User
	if p.UserID != 0 {
		var err error
		if user, err = s.store.Users.Get(ctx, tenant.Platform(), p.UserID); err != nil {
			return nil, s.refused(ctx, err)
		}
	}
	view, err := s.view(ctx, p, &user)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &sessionOutput{Body: *view}, nil
}

// view says who a principal is; user is the zero one for whoever is none.
func (s *server) view(ctx context.Context, p tenant.Principal, user *tenant.User) (*sessionView, error) {
	out := &sessionView{
		Kind: p.Kind, Email: p.Email, Name: user.Name, Role: p.Role, Access: p.Access, Only: p.Only, Company: p.Company, Customer: p.Customer,
		Contacts: s.contact, Version: s.node.Info().Version,
	}
	if err := s.belongings(ctx, out); err != nil {
		return nil, err
	}
	if session := visitorOf(ctx).session; session != nil {
		out.IdleEnds, out.Ends, out.SecondsLeft = session.Ends(), session.Began.Add(login.Absolute), secondsLeft(session)
	}
	if p.UserID == 0 {
		return out, nil
	}
	taste, err := s.store.Taste(ctx, p.UserID)
	if err != nil {
		return nil, err
	}
	f, err := s.store.SecondFactor(ctx, p.UserID)
	out.Language, out.Theme, out.TOTP = taste.Language, taste.Theme, f.Confirmed
	return out, err
}

// belongings fills in the names of company and customer. A customer's user is told his company's too.
func (s *server) belongings(ctx context.Context, out *sessionView) error {
	if out.Company != 0 {
		c, err := s.store.Companies.Get(ctx, tenant.Platform(), out.Company)
		if err != nil {
			return err
		}
		out.CompanyName = c.Name
	}
	if out.Customer != 0 {
		c, err := s.store.Customers.Get(ctx, tenant.Platform(), out.Customer)
		if err != nil {
			return err
		}
		out.CustomerName = c.Name
	}
	return nil
}

func (s *server) logOut(ctx context.Context, _ *struct{}) (*cookieOutput, error) {
	v := visitorOf(ctx)
	if v.session != nil {
		err := s.store.EndSession(ctx, v.session.User, v.session.ID)
		if err != nil && !errors.Is(err, tenant.ErrNotFound) {
			return nil, s.refused(ctx, err)
		}
	}
	return &cookieOutput{SetCookie: cookie(v, "")}, nil
}
