package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// requests are the operations with which a customer asks his company for more channels.
func (s *server) requests() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: root + "/me/requests", OperationID: "request-channels", Tags: []string{"requests"},
		Summary: "Ask your company for more channels", DefaultStatus: http.StatusCreated, MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
	}, s.ask)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/requests", OperationID: "list-requests", Tags: []string{"requests"}, Summary: "List what customers ask for",
	}, s.listRequests)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodDelete, Path: root + "/requests/{id}", OperationID: "delete-request", Tags: []string{"requests"},
		Summary: "Take a request off the list: it was answered, or withdrawn",
	}, func(ctx context.Context, in *idInput) (*struct{}, error) {
		return nil, s.write(ctx, func(tx *store.Tx) error { return tx.DeleteRequest(ctx, in.ID) })
	})
}

type askInput struct {
	Body struct {
		Channels int    `json:"channels" minimum:"1" maximum:"1000000" doc:"How many you want to have."`
		Text     string `json:"text,omitempty" maxLength:"1000"`
	}
}

type askOutput struct{ Body store.ChannelRequest }

func (s *server) ask(ctx context.Context, in *askInput) (*askOutput, error) {
	p := principalOf(ctx)
	if p.Role != tenant.RoleCustomer {
		return nil, problem(http.StatusForbidden, "a customer's own user asks for channels; you may set call_limit")
	}
	out := &askOutput{Body: store.ChannelRequest{Customer: p.Customer, Channels: in.Body.Channels, Text: in.Body.Text}}
	return out, s.write(ctx, func(tx *store.Tx) error { return tx.NewRequest(ctx, &out.Body) })
}

func (s *server) listRequests(ctx context.Context, in *listInput) (*pageOutput[store.ChannelRequest], error) {
	page, err := s.store.Requests(ctx, principalOf(ctx).Scope(), in.query())
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &pageOutput[store.ChannelRequest]{Body: Page[store.ChannelRequest]{Items: present(page.Items), Next: page.Next}}, nil
}
