package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// audit are the operations on what was done.
func (s *server) audit() {
	path := root + "/audit"
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: "list-audit", Tags: []string{"audit"}, Summary: "List what was changed, by whom and from where, the latest first",
	}, s.listAudit)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: path + "/{id}", OperationID: "get-audit-entry", Tags: []string{"audit"}, Summary: "One change, before and after",
	}, s.getAudit)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: path + "/{id}/undo", OperationID: "undo", Tags: []string{"audit"},
		Summary: "Take a change back, unless there was another one since", MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
	}, s.undo)
}

// auditView is an entry, and whether it can be taken back as far as its kind goes.
type auditView struct {
	store.AuditEntry
	Undoable bool `json:"undoable"`
}

func (s *server) auditView(e *store.AuditEntry) auditView { return auditView{*e, s.undoable(e) == nil} }

func (s *server) listAudit(ctx context.Context, in *listInput) (*pageOutput[auditView], error) {
	scope, err := s.narrowed(ctx, in)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	page, err := s.store.Audit(ctx, scope, in.query())
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &pageOutput[auditView]{Body: Page[auditView]{Items: []auditView{}, Next: page.Next}}
	for i := range page.Items {
		out.Body.Items = append(out.Body.Items, s.auditView(&page.Items[i]))
	}
	return out, nil
}

type auditOutput struct{ Body auditView }

func (s *server) getAudit(ctx context.Context, in *idInput) (*auditOutput, error) {
	e, err := s.store.AuditEntry(ctx, principalOf(ctx).Scope(), in.ID)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &auditOutput{Body: s.auditView(&e)}, nil
}

// undoInput may bring what the audit does not keep.
type undoInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body *struct {
		Password string `json:"password,omitempty" maxLength:"128" writeOnly:"true" doc:"Of a switch that was deleted and is made again."`
	}
}

// undone is what taking back came to.
type undone struct {
	Action   tenant.Action `json:"action" enum:"create,update,delete" doc:"What was done now."`
	Noun     tenant.Kind   `json:"noun"`
	ID       int64         `json:"id"`
	Name     string        `json:"name"`
	Password string        `json:"password,omitempty" doc:"Of a SIP user who was made again: a new one, in this one answer."`
	Missing  string        `json:"missing,omitempty" doc:"What does not come back."`
}

type undoOutput struct{ Body undone }

// undoer takes back what an entry says of one noun.
type undoer func(ctx context.Context, tx *store.Tx, e *store.AuditEntry) (tenant.Action, int64, error)

// undoable gives why an entry cannot be taken back, nil: it may be.
func (s *server) undoable(e *store.AuditEntry) *tenant.Fault {
	never := func(message, want string) *tenant.Fault {
		return &tenant.Fault{Code: tenant.CodeConflict, Noun: e.Noun, Name: e.Name, Message: message, Want: want}
	}
	switch {
	case s.undoes[e.Noun] == nil, e.Action != tenant.ActionCreate && e.Action != tenant.ActionUpdate && e.Action != tenant.ActionDelete:
		return never("this cannot be taken back", "the creation, change or deletion of something")
	case e.Noun == tenant.KindAPIKey && e.Action == tenant.ActionDelete:
		return never("a deleted API key does not come back: only its hash was kept", "a new key")
	}
	return nil
}

func (s *server) undo(ctx context.Context, in *undoInput) (*undoOutput, error) {
	p := principalOf(ctx)
	e, err := s.store.AuditEntry(ctx, p.Scope(), in.ID)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	if f := s.undoable(&e); f != nil {
		return nil, s.refused(ctx, f)
	}
	out := &undoOutput{Body: undone{Noun: e.Noun, Name: e.Name}}
	err = s.write(ctx, func(tx *store.Tx) (err error) {
		out.Body.Password, out.Body.Missing = "", ""
		if out.Body.Action, out.Body.ID, err = s.undoes[e.Noun](ctx, tx, &e); err != nil || out.Body.Action != tenant.ActionCreate {
			return err
		}
		return out.Body.furnish(ctx, tx, in)
	})
	return out, err
}

// furnish gives a noun that was made again what the audit never had of it.
func (u *undone) furnish(ctx context.Context, tx *store.Tx, in *undoInput) error {
	switch u.Noun {
	case tenant.KindSIPUser:
		u.Password = store.GeneratePassword()
		return tx.SetSIPPassword(ctx, tenant.SIPUserID(u.ID), u.Password)
	case tenant.KindSwitch:
		if in.Body != nil && in.Body.Password != "" {
			return tx.SetSwitchPassword(ctx, tenant.SwitchID(u.ID), in.Body.Password)
		}
	case tenant.KindUser:
		u.Missing = "his password: make a link"
	case tenant.KindCustomer:
		u.Missing = "all that the customer owned, such as domains and destinations: apply an export, or restore a backup"
	case tenant.KindCompany:
		u.Missing = "its users, keys and profiles"
	}
	return nil
}

// undo takes back an entry of this noun: what was made is deleted, what was deleted is made again
// (with a new id, since ids are never used twice), what was changed is put back.
func (r *resource[T, V, ID]) undo(ctx context.Context, tx *store.Tx, e *store.AuditEntry) (done tenant.Action, id int64, err error) {
	w := r.writer(tx)
	before, after, err := r.sides(e)
	if err != nil {
		return "", 0, err
	}
	if after == nil {
		*r.id(before) = 0
		err := w.Create(ctx, before)
		return tenant.ActionCreate, int64(*r.id(before)), err
	}
	is, err := w.Get(ctx, ID(e.NounID))
	if errors.Is(err, tenant.ErrNotFound) {
		return "", 0, tx.Changed(ctx, r.noun(after), e.NounID)
	}
	if err != nil {
		return "", 0, err
	}
	if same, err := r.alike(&is, after); err != nil || !same {
		return "", 0, errors.Join(err, tx.Changed(ctx, r.noun(&is), e.NounID))
	}
	if before == nil {
		return tenant.ActionDelete, e.NounID, w.Delete(ctx, ID(e.NounID))
	}
	return tenant.ActionUpdate, e.NounID, w.Update(ctx, before)
}

// sides reads what an entry says of before and after; nil: there was none.
func (r *resource[T, V, ID]) sides(e *store.AuditEntry) (before, after *T, err error) {
	read := func(text string) (*T, error) {
		if text == "" {
			return nil, nil
		}
		v := r.fresh()
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return nil, fmt.Errorf("audit entry %d: %w", e.ID, err)
		}
		*r.id(&v), *r.noun(&v).Meta() = ID(e.NounID), tenant.Stamp{}
		return &v, nil
	}
	if before, err = read(e.Before); err != nil {
		return nil, nil, err
	}
	after, err = read(e.After)
	return before, after, err
}

// alike says whether two are the same but for their stamps.
func (r *resource[T, V, ID]) alike(a, b *T) (bool, error) {
	x, y := *a, *b
	*r.noun(&x).Meta(), *r.noun(&y).Meta() = tenant.Stamp{}, tenant.Stamp{}
	one, errOne := json.Marshal(&x)
	other, errOther := json.Marshal(&y)
	return string(one) == string(other), errors.Join(errOne, errOther)
}
