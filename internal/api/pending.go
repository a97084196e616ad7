package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// The bounds of the time within which an apply has to be confirmed.
const (
	shortestConfirm = time.Second
	longestConfirm  = 24 * time.Hour
)

// pending are the operations on an apply that goes back unless it is confirmed.
func (s *server) pending() {
	path := root + "/apply/pending"
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: "get-pending-apply", Tags: []string{"file"},
		Summary: "The apply that goes back unless it is confirmed; 404 where none waits",
	}, s.getPending)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: path + "/{id}/confirm", OperationID: "confirm-apply", Tags: []string{"file"},
		Summary: "Confirm it: it stays", MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
	}, s.confirmApply)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: path + "/{id}/revert", OperationID: "revert-apply", Tags: []string{"file"},
		Summary: "Have it go back now; what others have changed since stays and is named", MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
	}, s.revertApply)
}

type pendingOutput struct{ Body store.Pending }

type revertOutput struct{ Body store.WentBack }

func (s *server) getPending(ctx context.Context, _ *struct{}) (*pendingOutput, error) {
	none := tenant.NotFound("pending apply")
	if principalOf(ctx).Role != tenant.RolePlatform {
		return nil, s.refused(ctx, none)
	}
	p, err := s.store.Pending(ctx)
	if err == nil && p == nil {
		err = none
	}
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &pendingOutput{Body: *p}, nil
}

func (s *server) confirmApply(ctx context.Context, in *idInput) (*pendingOutput, error) {
	p, err := s.store.Confirm(ctx, principalOf(ctx), in.ID)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	s.log.Info("apply confirmed", "file", p.File, "by", principalOf(ctx).Email)
	return &pendingOutput{Body: *p}, nil
}

func (s *server) revertApply(ctx context.Context, in *idInput) (*revertOutput, error) {
	back, err := s.store.GoBack(ctx, principalOf(ctx), in.ID)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	s.log.Info("apply taken back", "file", back.Pending.File, "by", principalOf(ctx).Email, "nouns", back.Nouns, "left", len(back.Left))
	return &revertOutput{Body: *back}, s.applied(ctx, back.Revision)
}

// waits gives what waits to be confirmed and was made by a revision, and has the node know of it; nil:
// nothing was changed, or it is decided already.
func (s *server) waits(ctx context.Context, revision int64) (*store.Pending, error) {
	p, err := s.store.Pending(ctx)
	if err != nil || p == nil || p.Revision != revision {
		return nil, s.refused(ctx, err)
	}
	s.log.Warn("apply waits to be confirmed", "file", p.File, "by", p.Who, "until", p.Until)
	return p, nil
}

// confirmBy is when an apply is to go back; zero: it stays.
func (in *applyInput) confirmBy(p tenant.Principal) (until time.Time, fault *tenant.Fault) {
	if in.ConfirmWithin == "" {
		return until, nil
	}
	length, wrong := tenant.ParseDuration(in.ConfirmWithin)
	switch {
	case wrong != nil || length < shortestConfirm || length > longestConfirm:
		return until, &tenant.Fault{Code: tenant.CodeInvalid, Field: "confirm_within", Message: "is not a time from 1s to 24h", Want: "such as 5m"}
	case p.Role != tenant.RolePlatform:
		return until, tenant.Forbidden("only the platform applies for a while: what waits to be confirmed holds up every other apply", "an apply without confirm_within")
	}
	return time.Now().Add(length).Round(time.Millisecond), nil
}
