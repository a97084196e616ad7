package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// apiKey is an API key; the key itself is there only in the answer that makes it.
type apiKey struct {
	tenant.APIKey
	Key      string    `json:"key,omitempty" readOnly:"true" doc:"The key itself, in this one answer."`
	LastUsed time.Time `json:"last_used,omitzero" readOnly:"true" doc:"To the minute; absent: never."`
}

func (s *server) showKeys(ctx context.Context, items []tenant.APIKey) ([]apiKey, error) {
	ids := make([]tenant.KeyID, len(items))
	for i := range items {
		ids[i] = items[i].ID
	}
	uses, err := s.store.KeyUses(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]apiKey, len(items))
	for i := range items {
		out[i] = apiKey{APIKey: items[i], LastUsed: uses[items[i].ID]}
	}
	return out, nil
}

func makeKey(ctx context.Context, tx *store.Tx, v *tenant.APIKey) (func(*apiKey), error) {
	key, err := tx.NewAPIKey(ctx, v)
	return func(k *apiKey) { k.Key = key }, err
}

// sipUser is a SIP user; a password is there only in the answer that made it.
type sipUser struct {
	tenant.SIPUser
	Password string `json:"password,omitempty" readOnly:"true" doc:"A generated password, in this one answer."`
}

func showSIPUsers(_ context.Context, items []tenant.SIPUser) ([]sipUser, error) {
	out := make([]sipUser, len(items))
	for i := range items {
		out[i].SIPUser = items[i]
	}
	return out, nil
}

// userPassword hashes a password before the write that stores it, which others wait for.
func (s *server) userPassword(ctx context.Context, body object) (extra[tenant.User, tenant.User], error) {
	password, has := take(body, "password")
	if !has {
		return nil, nil
	}
	hash := ""
	// Whoever may not set one gets no hash made, which is dear: the write will refuse him.
	if password != "" && principalOf(ctx).MayWrite(tenant.KindUser, tenant.ActionPassword) == nil {
		var err error
		if hash, err = s.hash(ctx, password); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, tx *store.Tx, v *tenant.User) (func(*tenant.User), error) {
		if f := tenant.CheckUserPassword(v.Email, password); f != nil && password != "" {
			return nil, f
		}
		return nil, tx.SetUserHash(ctx, v.ID, hash, 0)
	}, nil
}

func switchPassword(_ context.Context, body object) (extra[tenant.Switch, Switch], error) {
	password, has := take(body, "password")
	return func(ctx context.Context, tx *store.Tx, v *tenant.Switch) (func(*Switch), error) {
		if !has {
			return nil, nil
		}
		return nil, tx.SetSwitchPassword(ctx, v.ID, password)
	}, nil
}

func sipSecrets(_ context.Context, body object) (extra[tenant.SIPUser, sipUser], error) {
	password, has := take(body, "password")
	generate, _ := body["generate_password"].(bool)
	delete(body, "generate_password")
	if generate && has {
		return nil, &tenant.Fault{Code: tenant.CodeConflict, Field: "generate_password", Message: "password and generate_password exclude each other", Want: "one of them"}
	}
	pin, hasPIN := "", false
	if voicemail, ok := body["voicemail"].(object); ok {
		pin, hasPIN = take(voicemail, "pin")
	}
	if generate {
		password = store.GeneratePassword()
	}
	return func(ctx context.Context, tx *store.Tx, v *tenant.SIPUser) (func(*sipUser), error) {
		if hasPIN {
			if err := tx.SetVoicemailPIN(ctx, v.ID, pin); err != nil {
				return nil, err
			}
		}
		if !has && !generate {
			return nil, nil
		}
		return func(u *sipUser) {
			if generate {
				u.Password = password
			}
		}, tx.SetSIPPassword(ctx, v.ID, password)
	}, nil
}

type passwordInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Password string `json:"password,omitempty" writeOnly:"true" maxLength:"128" doc:"The new one; one is made where it is absent."`
	}
}

type passwordOutput struct {
	Body struct {
		Password string `json:"password,omitempty" doc:"The one that was made, in this one answer."`
	}
}

// passwords are the operations that set one.
func (s *server) passwords() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: root + "/sip-users/{id}/password", OperationID: "set-SIP-user-password",
		Summary: "Set a SIP user's password, or have one made", Tags: []string{"sip-users"}, MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
	}, func(ctx context.Context, in *passwordInput) (*passwordOutput, error) {
		out := &passwordOutput{}
		password := in.Body.Password
		if password == "" {
			password = store.GeneratePassword()
			out.Body.Password = password
		}
		return out, s.write(ctx, func(tx *store.Tx) error {
			u, err := tx.SIPUsers.Get(ctx, tenant.SIPUserID(in.ID))
			if err != nil {
				return err
			}
			return tx.SetSIPPassword(ctx, u.ID, password)
		})
	})
}
