package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/tenant"
)

// hangupWish names calls that are to end.
type hangupWish struct {
	IDs    []string `json:"ids" minItems:"1" maxItems:"1000" nullable:"false"`
	Reason string   `json:"reason,omitempty" maxLength:"200" doc:"For the log; neither party is told."`
}

// hangupResult says which calls ended.
type hangupResult struct {
	Count int      `json:"count"`
	Gone  []string `json:"gone" nullable:"false" doc:"Of which there was no call any more."`
}

type hangupInput struct{ Body hangupWish }

type hangupOutput struct{ Body hangupResult }

// hangups is the operation that ends many calls.
func (s *server) hangups() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: root + "/calls/hangup", OperationID: "hang-up-calls", Tags: []string{"calls"},
		Summary: "Hang up calls on both sides, those that are there", MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
	}, s.hangupMany)
}

func (s *server) hangupMany(ctx context.Context, in *hangupInput) (*hangupOutput, error) {
	p := principalOf(ctx)
	if p.Access == tenant.AccessReadOnly || p.Access == "" {
		return nil, s.refused(ctx, tenant.Forbidden("read-only access hangs up no calls", "access: operator or admin"))
	}
	allowed, err := s.sees(ctx, p.Scope())
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &hangupOutput{Body: hangupResult{Gone: []string{}}}
	for _, id := range in.Body.IDs {
		if len(id) <= 64 && s.node.Hangup(id, allowed) {
			out.Body.Count++
			s.log.Info("call hung up", "call", id, "by", p.Email, "from", p.From, "reason", in.Body.Reason)
			continue
		}
		out.Body.Gone = append(out.Body.Gone, id)
	}
	return out, nil
}
