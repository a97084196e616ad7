package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/login"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// passkeySession is where one logs in by a passkey, below root.
const passkeySession = "/session/passkey"

// What a challenge is for.
const (
	toLogIn = "log in"
	toAdd   = "add to " // and the user, and the session
)

// passkeyBody is more than any answer of an authenticator has.
const passkeyBody = 64 << 10

// webAuthn is an answer of the browser's, as PublicKeyCredential.toJSON gives it. Browsers add fields.
type webAuthn map[string]any

// ownPasskeys are the operations on a user's passkeys.
func (s *server) ownPasskeys(op func(method, at, id, summary string) huma.Operation) {
	add := op(http.MethodPost, "/passkeys", "add-my-passkey", "Add a passkey: what the authenticator has answered, and a name for it")
	add.DefaultStatus, add.MaxBodyBytes = http.StatusCreated, passkeyBody
	huma.Register(s.huma, op(http.MethodGet, "/passkeys", "list-my-passkeys", "Your passkeys"), s.listPasskeys)
	huma.Register(s.huma, op(http.MethodPost, "/passkeys/begin", "begin-my-passkey",
		"Begin to add a passkey: what to ask an authenticator; good once, for 5 minutes, in this session"), s.beginPasskey)
	huma.Register(s.huma, add, s.addPasskey)
	huma.Register(s.huma, op(http.MethodDelete, "/passkeys/{id}", "delete-my-passkey", "Delete one of your passkeys"), s.deletePasskey)
}

// passkeySessions are the operations of logging in by a passkey.
func (s *server) passkeySessions() {
	op := func(at, id, summary string) huma.Operation {
		return huma.Operation{
			Method: http.MethodPost, Path: root + passkeySession + at, OperationID: id, Summary: summary, Tags: []string{"session"},
			MaxBodyBytes: passkeyBody, BodyReadTimeout: bodyTime, Security: nobody(), DefaultStatus: http.StatusOK,
		}
	}
	huma.Register(s.huma, op("/begin", "begin-passkey-log-in", "Begin to log in by a passkey: what to ask an authenticator; good once, for 5 minutes"), s.beginPasskeyLogIn)
	huma.Register(s.huma, op("", "log-in-by-passkey", "Log in by a passkey, instead of password and code: sets the session cookie"), s.logInByPasskey)
}

// site is the panel as the visitor's browser reaches it.
func (s *server) site(ctx context.Context) (login.Site, error) {
	site, ok := login.SiteOf(s.base(ctx))
	if !ok {
		return site, s.refused(ctx, &tenant.Fault{
			Code: tenant.CodeConflict, Message: "browsers have no passkeys for a panel that is reached by an IP address",
			Want: "the panel by its host name over https, or by localhost",
		})
	}
	return site, nil
}

// myselfHere is who asks, and where passkeys of his would be for.
func (s *server) myselfHere(ctx context.Context) (u tenant.User, site login.Site, err error) {
	if u, err = s.myself(ctx); err == nil {
		site, err = s.site(ctx)
	}
	return u, site, err
}

// toAddAs is what the challenge for a new passkey is for: this user's, in this session.
func toAddAs(v *visitor, u *tenant.User) string {
	session := int64(0)
	if v.session != nil {
		session = v.session.ID
	}
	return toAdd + strconv.FormatInt(int64(u.ID), 10) + " in " + strconv.FormatInt(session, 10)
}

// credentialRef names a passkey to a browser.
type credentialRef struct {
	Type string `json:"type" enum:"public-key"`
	ID   string `json:"id" doc:"Base64url."`
}

// creationOptions is what a browser is asked for a new passkey.
type creationOptions struct {
	RP struct {
		ID   string `json:"id" doc:"The host by which the panel is reached; the passkey is good there only."`
		Name string `json:"name"`
	} `json:"rp"`
	User struct {
		ID          string `json:"id" doc:"Base64url; chance."`
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
	} `json:"user"`
	Challenge  string                `json:"challenge" doc:"Base64url."`
	Parameters []credentialParameter `json:"pubKeyCredParams" nullable:"false"`
	Timeout    int64                 `json:"timeout" doc:"Milliseconds."`
	Exclude    []credentialRef       `json:"excludeCredentials" nullable:"false" doc:"Those that there are."`
	Selection  struct {
		ResidentKey        string `json:"residentKey"`
		RequireResidentKey bool   `json:"requireResidentKey"`
		UserVerification   string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Attestation string `json:"attestation"`
}

type credentialParameter struct {
	Type      string `json:"type" enum:"public-key"`
	Algorithm int64  `json:"alg"`
}

type creationOutput struct {
	Body struct {
		Options creationOptions `json:"options" doc:"For PublicKeyCredential.parseCreationOptionsFromJSON."`
	}
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// beginPasskey wants the password: a passkey outlives the session that adds it.
func (s *server) beginPasskey(ctx context.Context, in *proofInput) (*creationOutput, error) {
	u, site, err := s.myselfHere(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.again(ctx, &u, "password", in.Body.Password); err != nil {
		return nil, err
	}
	handle, errHandle := s.store.PasskeyHandle(ctx, u.ID)
	has, err := s.store.Passkeys(ctx, u.ID)
	if err := errors.Join(errHandle, err); err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &creationOutput{}
	o := &out.Body.Options
	o.RP.ID, o.RP.Name = site.Host, "Tollgate"
	o.User.ID, o.User.Name, o.User.DisplayName = base64url(handle), u.Email, u.Email
	o.Challenge = base64url(s.passkeys.Challenge(site, toAddAs(visitorOf(ctx), &u)))
	o.Timeout, o.Attestation = login.ChallengeLasts.Milliseconds(), "none"
	o.Selection.ResidentKey, o.Selection.RequireResidentKey, o.Selection.UserVerification = "required", true, "required"
	for _, a := range login.PasskeyAlgorithms() {
		o.Parameters = append(o.Parameters, credentialParameter{"public-key", a})
	}
	o.Exclude = []credentialRef{}
	for i := range has {
		if has[i].Host == site.Host {
			o.Exclude = append(o.Exclude, credentialRef{"public-key", base64url(has[i].Credential)})
		}
	}
	return out, nil
}

// myPasskey is one of a user's passkeys.
type myPasskey struct {
	ID    int64     `json:"id"`
	Name  string    `json:"name"`
	Host  string    `json:"host" doc:"By which the panel has to be reached for it."`
	Added time.Time `json:"added"`
	Used  time.Time `json:"used,omitzero" doc:"Its last log-in."`
}

func passkeyView(p *login.Passkey) myPasskey {
	return myPasskey{ID: p.ID, Name: p.Name, Host: p.Host, Added: p.Added, Used: p.Used}
}

type passkeyInput struct {
	Body struct {
		Name       string   `json:"name" maxLength:"64"`
		Credential webAuthn `json:"credential" writeOnly:"true" doc:"The browser's answer, as PublicKeyCredential.toJSON gives it."`
	}
}

type passkeyOutput struct{ Body myPasskey }

func (s *server) addPasskey(ctx context.Context, in *passkeyInput) (*passkeyOutput, error) {
	u, site, err := s.myselfHere(ctx)
	if err != nil {
		return nil, err
	}
	if faults := tenant.CheckName("name", in.Body.Name); faults != nil { // before the challenge is spent
		return nil, s.refused(ctx, faults)
	}
	answer, errAnswer := json.Marshal(in.Body.Credential)
	handle, err := s.store.PasskeyHandle(ctx, u.ID)
	if err := errors.Join(errAnswer, err); err != nil {
		return nil, s.refused(ctx, err)
	}
	made, err := s.passkeys.Made(site, toAddAs(visitorOf(ctx), &u), handle, answer)
	if errors.Is(err, login.ErrPasskey) {
		s.log.Warn("passkey refused", "user", u.Email, "from", visitorOf(ctx).from, "why", err.Error())
		err = &tenant.Fault{Code: tenant.CodeInvalid, Field: "credential", Message: "is not a right answer to what was asked, or comes too late", Want: "begin again"}
	}
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	made.Name = in.Body.Name
	err = s.writeAs(ctx, own(principalOf(ctx)), func(tx *store.Tx) error { return tx.AddPasskey(ctx, u.ID, &made) })
	return &passkeyOutput{Body: passkeyView(&made)}, err
}

func (s *server) listPasskeys(ctx context.Context, _ *struct{}) (*pageOutput[myPasskey], error) {
	u, err := s.myself(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.store.Passkeys(ctx, u.ID)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &pageOutput[myPasskey]{Body: Page[myPasskey]{Items: []myPasskey{}}}
	for i := range list {
		out.Body.Items = append(out.Body.Items, passkeyView(&list[i]))
	}
	return out, nil
}

func (s *server) deletePasskey(ctx context.Context, in *idInput) (*struct{}, error) {
	u, err := s.myself(ctx)
	if err != nil {
		return nil, err
	}
	return nil, s.writeAs(ctx, own(principalOf(ctx)), func(tx *store.Tx) error { return tx.DeletePasskey(ctx, u.ID, in.ID) })
}

// requestOptions is what a browser is asked for to log in. It names no passkey: they find themselves.
type requestOptions struct {
	RPID             string `json:"rpId"`
	Challenge        string `json:"challenge" doc:"Base64url."`
	Timeout          int64  `json:"timeout" doc:"Milliseconds."`
	UserVerification string `json:"userVerification"`
}

type requestOutput struct {
	Body struct {
		Options requestOptions `json:"options" doc:"For PublicKeyCredential.parseRequestOptionsFromJSON."`
	}
}

func (s *server) beginPasskeyLogIn(ctx context.Context, _ *struct{}) (*requestOutput, error) {
	site, err := s.site(ctx)
	if err != nil {
		return nil, err
	}
	out := &requestOutput{}
	out.Body.Options = requestOptions{
		RPID: site.Host, Challenge: base64url(s.passkeys.Challenge(site, toLogIn)),
		Timeout: login.ChallengeLasts.Milliseconds(), UserVerification: "required",
	}
	return out, nil
}

type passkeyLogInInput struct {
	Body struct {
		Credential webAuthn `json:"credential" writeOnly:"true" doc:"The browser's answer, as PublicKeyCredential.toJSON gives it."`
		Email      string   `json:"email,omitempty" maxLength:"254" doc:"Whose passkey it has to be; a page asks that again whose session has ended."`
	}
}

// wrongPasskey is the one answer to a passkey that is not known, proves nothing, or comes too late.
func wrongPasskey() error {
	return unauthorized("the passkey is not one that opens this panel, or its answer came too late", "", "", "")
}

func (s *server) logInByPasskey(ctx context.Context, in *passkeyLogInInput) (*sessionOutput, error) {
	v := visitorOf(ctx)
	site, err := s.site(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := json.Marshal(in.Body.Credential)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	claim, err := login.ReadClaim(answer)
	if err != nil {
		return nil, s.refused(ctx, &tenant.Fault{Code: tenant.CodeInvalid, Field: "credential", Message: "is not an authenticator's answer", Want: "what PublicKeyCredential.toJSON gives"})
	}
	key, user, err := s.store.PasskeyOf(ctx, claim.Credential)
	known := err == nil
	if err != nil && !errors.Is(err, tenant.ErrNotFound) {
		return nil, s.refused(ctx, err)
	}
	name, familiar := "a passkey", false
	if known {
		name = user.Email
		if familiar, err = s.store.Familiar(ctx, user.ID, v.from); err != nil {
			return nil, s.refused(ctx, err)
		}
	}
	if wait := s.throttle.Begin(v.from, name, familiar); wait > 0 {
		return nil, later(wait, "too many tries")
	}
	switch {
	case !known:
		err = login.ErrPasskey
	case in.Body.Email != "" && in.Body.Email != user.Email:
		err = errOthers
	default:
		err = s.holds(ctx, site, claim, &key)
	}
	if err != nil {
		return nil, s.refusedPasskey(ctx, name, err)
	}
	s.throttle.Succeeded(v.from, name, familiar)
	return s.begun(ctx, v, &user)
}

var (
	errOthers = errors.New("it is another user's")
	errCount  = errors.New("its signature count did not rise, or it was deleted meanwhile")
)

// holds judges a claim and notes the use of the passkey.
func (s *server) holds(ctx context.Context, site login.Site, claim login.Claim, key *login.Passkey) error {
	if err := s.passkeys.Holds(site, toLogIn, claim, key); err != nil {
		return err
	}
	ok, err := s.store.UsePasskey(ctx, key)
	if err == nil && !ok {
		err = errCount
	}
	return err
}

// refusedPasskey logs why a passkey does not let in, and tells nobody else.
func (s *server) refusedPasskey(ctx context.Context, name string, err error) error {
	if !errors.Is(err, login.ErrPasskey) && !errors.Is(err, errOthers) && !errors.Is(err, errCount) {
		return s.refused(ctx, err)
	}
	s.log.Warn("log-in refused", "name", name, "from", visitorOf(ctx).from, "why", err.Error())
	return wrongPasskey()
}
