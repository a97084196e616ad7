package api

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/store"
	"tollgate/internal/threat"
)

// stranger is a source whose requests nobody could be found for.
type stranger struct {
	Source      string    `json:"source" doc:"Address and port of the last request."`
	Transport   string    `json:"transport"`
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Count       uint64    `json:"count"`
	RequestLine string    `json:"request_line" doc:"Of the last request, as it came from the wire."`
	UserAgent   string    `json:"user_agent,omitempty"`
	Host        string    `json:"host,omitempty" doc:"That the last request asked for."`
	DidYouMean  string    `json:"did_you_mean,omitempty" doc:"The domain of ours that is most like it."`
	Banned      bool      `json:"banned"`
}

func (s *server) strangers() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/strangers", OperationID: "list-strangers", Tags: []string{"bans"},
		Summary: "List sources whose requests nobody could be found for, the latest first; who is not of the platform sees those that may have meant a domain of his",
	}, s.listStrangers)
}

func (s *server) listStrangers(ctx context.Context, in *listInput) (*pageOutput[stranger], error) {
	scope, err := s.narrowed(ctx, in)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	before := time.Time{}
	if in.Cursor != "" {
		if before, err = time.Parse(time.RFC3339Nano, in.Cursor); err != nil {
			return nil, s.refused(ctx, badCursor())
		}
	}
	var domains map[string]bool // nil: all
	if !scope.IsPlatform() {
		list, err := s.store.Domains.All(ctx, scope, store.Query{})
		if err != nil {
			return nil, s.refused(ctx, err)
		}
		domains = make(map[string]bool, len(list))
		for i := range list {
			domains[list[i].Name] = true
		}
	}
	limit := cmp.Or(in.Limit, 100)
	out := &pageOutput[stranger]{Body: Page[stranger]{Items: []stranger{}}}
	for _, t := range s.node.Strangers() {
		if domains != nil && !domains[t.DidYouMean] || !strangerHolds(&t, in.Q) || !before.IsZero() && !t.Last.Before(before) {
			continue
		}
		if len(out.Body.Items) == limit {
			out.Body.Next = out.Body.Items[limit-1].Last.Format(time.RFC3339Nano)
			break
		}
		out.Body.Items = append(out.Body.Items, stranger{
			Source: t.Source, Transport: t.Transport, First: t.First.UTC(), Last: t.Last.UTC(), Count: t.Count,
			RequestLine: t.RequestLine, UserAgent: t.UserAgent, Host: t.Host, DidYouMean: t.DidYouMean, Banned: t.Banned,
		})
	}
	return out, nil
}

// strangerHolds is the text filter of strangers.
func strangerHolds(t *threat.Stranger, q string) bool {
	q = strings.ToLower(strings.TrimSpace(q))
	for _, text := range []string{t.Source, t.RequestLine, t.UserAgent, t.DidYouMean} {
		if strings.Contains(strings.ToLower(text), q) {
			return true
		}
	}
	return q == ""
}
