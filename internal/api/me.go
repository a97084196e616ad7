package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/login"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// me are the operations on what is a panel user's own.
func (s *server) me() {
	op := func(method, at, id, summary string) huma.Operation {
		return huma.Operation{
			Method: method, Path: root + "/me" + at, OperationID: id, Summary: summary, Tags: []string{"me"},
			MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
		}
	}
	huma.Register(s.huma, op(http.MethodGet, "", "get-me", "Your own details"), s.getMe)
	huma.Register(s.huma, op(http.MethodPatch, "", "change-me", "Change your own details"), s.changeMe)
	huma.Register(s.huma, op(http.MethodPut, "/password", "change-my-password", "Change your password: all your other sessions end"), s.changePassword)
	huma.Register(s.huma, op(http.MethodPost, "/totp", "begin-totp", "Begin a second factor: what to tell an authenticator, this once"), s.beginTOTP)
	huma.Register(s.huma, op(http.MethodPost, "/totp/confirm", "confirm-totp", "Put it in force with a code; gives the recovery codes, this once"), s.confirmTOTP)
	s.ownPasskeys(op)
	huma.Register(s.huma, op(http.MethodPost, "/totp/disable", "disable-totp", "Do without a second factor"), s.disableTOTP)
}

// own is the principal of a user who changes what is his own, whatever his access. Whoever writes
// with it touches that user only.
func own(p tenant.Principal) tenant.Principal {
	p.Role, p.Access, p.Company, p.Customer = tenant.RolePlatform, tenant.AccessAdmin, 0, 0
	return p
}

// myself gives the user who asks; 403 where a key or a socket does.
func (s *server) myself(ctx context.Context) (tenant.User, error) {
	p := principalOf(ctx)
	if p.UserID == 0 {
		return tenant.User{}, problem(http.StatusForbidden, "only a panel user who has logged in has this")
	}
	u, err := s.store.Users.Get(ctx, tenant.Platform(), p.UserID)
	return u, s.refused(ctx, err)
}

// myDetails are a panel user's own.
type myDetails struct {
	ID       tenant.UserID     `json:"id"`
	Email    string            `json:"email"`
	Name     string            `json:"name"`
	Role     tenant.Role       `json:"role" enum:"platform,company,customer"`
	Access   tenant.Access     `json:"access" enum:"admin,operator,read-only"`
	Company  tenant.CompanyID  `json:"company_id,omitempty"`
	Customer tenant.CustomerID `json:"customer_id,omitempty"`
	Language string            `json:"language" doc:"\"\": as the browser says."`
	Theme    string            `json:"theme" doc:"\"\": as the browser says."`
	TOTP     bool              `json:"totp"`
	Recovery int               `json:"recovery_codes_left"`
}

type meOutput struct{ Body myDetails }

func (s *server) getMe(ctx context.Context, _ *struct{}) (*meOutput, error) {
	u, err := s.myself(ctx)
	if err != nil {
		return nil, err
	}
	taste, errTaste := s.store.Taste(ctx, u.ID)
	f, err := s.store.SecondFactor(ctx, u.ID)
	if err = errors.Join(errTaste, err); err != nil {
		return nil, s.refused(ctx, err)
	}
	return &meOutput{Body: myDetails{
		ID: u.ID, Email: u.Email, Name: u.Name, Role: u.Role, Access: u.Access, Company: u.Company, Customer: u.Customer,
		Language: taste.Language, Theme: taste.Theme, TOTP: f.Confirmed, Recovery: len(f.Recovery),
	}}, nil
}

type changeMeInput struct {
	Body struct {
		Name     *string `json:"name,omitempty"`
		Language *string `json:"language,omitempty" enum:",en,it"`
		Theme    *string `json:"theme,omitempty" enum:",light,dark"`
	}
}

func (s *server) changeMe(ctx context.Context, in *changeMeInput) (*meOutput, error) {
	u, err := s.myself(ctx)
	if err != nil {
		return nil, err
	}
	if in.Body.Name != nil && *in.Body.Name != u.Name {
		err := s.writeAs(ctx, own(principalOf(ctx)), func(tx *store.Tx) error {
			u, err := tx.Users.Get(ctx, u.ID)
			if err != nil {
				return err
			}
			u.Name = *in.Body.Name
			return tx.Users.Update(ctx, &u)
		})
		if err != nil {
			return nil, err
		}
	}
	taste, err := s.store.Taste(ctx, u.ID)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	was := taste
	for field, to := range map[*string]*string{in.Body.Language: &taste.Language, in.Body.Theme: &taste.Theme} {
		if field != nil {
			*to = *field
		}
	}
	if taste != was {
		if err := s.store.SetTaste(ctx, u.ID, taste); err != nil {
			return nil, s.refused(ctx, err)
		}
	}
	return s.getMe(ctx, nil)
}

type changePasswordInput struct {
	Body struct {
		Old string `json:"old" maxLength:"1000" writeOnly:"true"`
		New string `json:"new" maxLength:"1000" writeOnly:"true" doc:"10 characters or more."`
	}
}

func (s *server) changePassword(ctx context.Context, in *changePasswordInput) (*struct{}, error) {
	u, err := s.myself(ctx)
	if err != nil {
		return nil, err
	}
	if f := tenant.CheckUserPassword(u.Email, in.Body.New); f != nil {
		f.Field = "new"
		return nil, s.refused(ctx, f)
	}
	if err := s.again(ctx, &u, "old", in.Body.Old); err != nil {
		return nil, err
	}
	hash, err := s.hash(ctx, in.Body.New)
	if err != nil {
		return nil, err
	}
	but := int64(0)
	if session := visitorOf(ctx).session; session != nil {
		but = session.ID
	}
	return nil, s.writeAs(ctx, own(principalOf(ctx)), func(tx *store.Tx) error { return tx.SetUserHash(ctx, u.ID, hash, but) })
}

// again wants the password of a user who has logged in already; field is where he sends it. It is
// throttled as a log-in is: who holds a session does not hold the password.
func (s *server) again(ctx context.Context, u *tenant.User, field, password string) error {
	_, err := s.proven(ctx, visitorOf(ctx), u.Email, password, func(*tenant.User) error { return nil })
	var p *Problem
	if errors.As(err, &p) && p.Status == http.StatusUnauthorized {
		return s.refused(ctx, &tenant.Fault{Code: tenant.CodeInvalid, Field: field, Message: "is not your password", Want: "the one that you log in with"})
	}
	return err
}

// hash is Hasher.Hash, with its errors as answers.
func (s *server) hash(ctx context.Context, password string) (string, error) {
	hash, err := s.hasher.Hash(ctx, password)
	if errors.Is(err, login.ErrBusy) {
		return "", later(busyWait, "too many log-ins at once")
	}
	return hash, s.refused(ctx, err)
}

type enrolmentOutput struct{ Body login.Enrolment }

func (s *server) beginTOTP(ctx context.Context, _ *struct{}) (*enrolmentOutput, error) {
	u, err := s.myself(ctx)
	if err != nil {
		return nil, err
	}
	f, e, err := login.NewSecondFactor(u.Email)
	if err == nil {
		err = s.store.BeginSecondFactor(ctx, u.ID, f)
	}
	return &enrolmentOutput{Body: e}, s.refused(ctx, err)
}

type codeInput struct {
	Body struct {
		Code string `json:"code" maxLength:"64" writeOnly:"true"`
	}
}

type recoveryOutput struct {
	Body struct {
		Codes []string `json:"recovery_codes" nullable:"false" doc:"Each opens once, instead of a code."`
	}
}

func (s *server) confirmTOTP(ctx context.Context, in *codeInput) (*recoveryOutput, error) {
	u, err := s.myself(ctx)
	if err != nil {
		return nil, err
	}
	out := &recoveryOutput{}
	return out, s.writeAs(ctx, own(principalOf(ctx)), func(tx *store.Tx) (err error) {
		out.Body.Codes, err = tx.ConfirmSecondFactor(ctx, u.ID, in.Body.Code)
		return err
	})
}

type proofInput struct {
	Body struct {
		Password string `json:"password" maxLength:"1000" writeOnly:"true"`
	}
}

func (s *server) disableTOTP(ctx context.Context, in *proofInput) (*struct{}, error) {
	u, err := s.myself(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.again(ctx, &u, "password", in.Body.Password); err != nil {
		return nil, err
	}
	return nil, s.writeAs(ctx, own(principalOf(ctx)), func(tx *store.Tx) error { return tx.RemoveSecondFactor(ctx, u.ID) })
}

// mySession is one of a user's sessions.
type mySession struct {
	ID      int64     `json:"id"`
	Current bool      `json:"current" doc:"The one that asks."`
	Began   time.Time `json:"began"`
	Used    time.Time `json:"used"`
	Ends    time.Time `json:"ends"`
	From    string    `json:"from"`
	Agent   string    `json:"agent" doc:"What the browser calls itself."`
}

// ownSessions are the operations on a user's sessions.
func (s *server) ownSessions() {
	path := root + "/me/sessions"
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: "list-my-sessions", Summary: "Your sessions", Tags: []string{"me"},
	}, s.listSessions)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodDelete, Path: path + "/{id}", OperationID: "end-my-session", Summary: "End one of your sessions", Tags: []string{"me"},
	}, s.endSession)
}

func (s *server) listSessions(ctx context.Context, _ *struct{}) (*pageOutput[mySession], error) {
	u, err := s.myself(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.store.Sessions(ctx, u.ID)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &pageOutput[mySession]{Body: Page[mySession]{Items: []mySession{}}}
	current := visitorOf(ctx).session
	for i := range list {
		v := &list[i]
		out.Body.Items = append(out.Body.Items, mySession{
			ID: v.ID, Current: current != nil && current.ID == v.ID, Began: v.Began, Used: v.Used, Ends: v.Ends(), From: v.From, Agent: v.Agent,
		})
	}
	return out, nil
}

func (s *server) endSession(ctx context.Context, in *idInput) (*struct{}, error) {
	u, err := s.myself(ctx)
	if err != nil {
		return nil, err
	}
	return nil, s.refused(ctx, s.store.EndSession(ctx, u.ID, in.ID))
}
