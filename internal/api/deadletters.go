package api

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/cdr"
	"tollgate/internal/tenant"
)

// ErrNoWebhook says that nobody is sent call records.
var ErrNoWebhook error = &tenant.Fault{Code: tenant.CodeInvalid, Message: "no webhook is configured", Want: "cdr: {webhook: {url, secret}} in node.yaml"}

// deadLetter is a call record that the webhook's receiver would not have.
type deadLetter struct {
	Record cdr.CDR   `json:"record"`
	Failed time.Time `json:"failed" doc:"When it was given up."`
	Error  string    `json:"error"`
	Asked  time.Time `json:"asked,omitzero" doc:"Since when it is to be sent again; absent: it is not."`
}

// deadLetters are the operations on call records that the webhook could not deliver. They are the platform's.
func (s *server) deadLetters() {
	const path = root + "/cdrs/dead-letters"
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: "list-dead-letters", Tags: []string{"cdrs"},
		Summary: "List call records that the webhook's receiver would not have, oldest first; for platform users",
	}, s.listDeadLetters)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: path + "/retry", OperationID: "retry-dead-letters", Tags: []string{"cdrs"},
		Summary: "Have the webhook send all of them again; for platform users",
	}, s.retryDeadLetters)
}

type deadLettersInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" doc:"Items on a page; 100 where absent."`
	Cursor string `query:"cursor" maxLength:"19" doc:"The next of the page before."`
}

func (s *server) listDeadLetters(ctx context.Context, in *deadLettersInput) (*pageOutput[deadLetter], error) {
	if !principalOf(ctx).Scope().IsPlatform() {
		return nil, s.refused(ctx, tenant.Forbidden("dead letters are the platform's", "a platform user"))
	}
	after := int64(0)
	if in.Cursor != "" {
		var err error
		if after, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil || after < 0 {
			return nil, s.refused(ctx, badCursor())
		}
	}
	limit := cmp.Or(in.Limit, 100)
	list, err := s.store.DeadCDRs(ctx, after, limit, false)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &pageOutput[deadLetter]{Body: Page[deadLetter]{Items: make([]deadLetter, len(list))}}
	for i := range list {
		d := &list[i]
		out.Body.Items[i] = deadLetter{Record: cdr.Read(&d.CDR), Failed: d.Failed, Error: d.Error, Asked: d.Asked}
	}
	if len(list) == limit {
		out.Body.Next = strconv.FormatInt(list[limit-1].Seq, 10)
	}
	return out, nil
}

type retryOutput struct {
	Body struct {
		Records int64 `json:"records" doc:"That are sent again."`
	}
}

func (s *server) retryDeadLetters(ctx context.Context, _ *struct{}) (*retryOutput, error) {
	p := principalOf(ctx)
	if !p.Scope().IsPlatform() || p.Access == tenant.AccessReadOnly {
		return nil, s.refused(ctx, tenant.Forbidden("dead letters are the platform's", "a platform user with access: operator or admin"))
	}
	n, err := s.node.RetryDeadLetters(ctx)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &retryOutput{}
	out.Body.Records = n
	return out, nil
}
