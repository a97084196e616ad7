package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/policy"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

const (
	messageTime = 10 * time.Second // that phones have to answer
	// messageRoom is how long a text may be, in bytes: with its headers it fits into a datagram
	// (RFC 3428 8).
	messageRoom = 800
	// messageFrom is who a message is from, where nobody is named.
	messageFrom = "messages"

	actionMessage tenant.Action = "message"
)

type messageInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"800" doc:"What the phone shows, at most 800 bytes of UTF-8."`
		From string `json:"from,omitempty" pattern:"^[A-Za-z0-9+*_.-]{1,64}$" doc:"The name or number that it is from, in the customer's domain; \"messages\" where absent."`
	}
}

// messageResult is what became of a message at one phone.
type messageResult struct {
	Contact   string `json:"contact"`
	Source    string `json:"source"`
	Status    int    `json:"status" doc:"The phone's SIP answer; 408: none in time, 480: nothing could be sent to it."`
	Delivered bool   `json:"delivered"`
}

type messageOutput struct {
	Body struct {
		Delivered bool            `json:"delivered" doc:"At least one phone took it."`
		Reason    string          `json:"reason,omitempty" doc:"Why there was no phone to send it to."`
		Phones    []messageResult `json:"phones"`
	}
}

// messages is the operation that sends a text to a SIP user's phones (mission row U9).
func (s *server) messages() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: root + "/sip-users/{id}/messages", OperationID: "send-SIP-message",
		Summary: "Send a text to a SIP user's registered phones, and say whether it arrived", Tags: []string{"sip-users"},
		MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
	}, s.sendMessage)
}

func (s *server) sendMessage(ctx context.Context, in *messageInput) (*messageOutput, error) {
	if f := checkText(in.Body.Text); f != nil {
		return nil, s.refused(ctx, f)
	}
	var user tenant.SIPUser
	err := s.write(ctx, func(tx *store.Tx) (err error) {
		if user, err = tx.SIPUsers.Get(ctx, tenant.SIPUserID(in.ID)); err != nil {
			return err
		}
		if f := principalOf(ctx).MayWrite(tenant.KindSIPUser, actionMessage); f != nil {
			return f
		}
		return tx.Note(ctx, actionMessage, tenant.KindSIPUser, user.Username, user.Customer)
	})
	if err != nil {
		return nil, err
	}
	from := in.Body.From
	if from == "" {
		from = messageFrom
	}
	ctx, cancel := context.WithTimeout(ctx, messageTime)
	defer cancel()
	out := &messageOutput{}
	out.Body.Phones = []messageResult{}
	for _, d := range s.node.Message(ctx, user.Customer, user.ID, from, in.Body.Text) {
		took := d.Status/100 == 2
		out.Body.Delivered = out.Body.Delivered || took
		out.Body.Phones = append(out.Body.Phones, messageResult{
			Contact: d.Contact.URI, Source: d.Contact.Flow.Remote.String(), Status: d.Status, Delivered: took,
		})
	}
	if len(out.Body.Phones) == 0 {
		out.Body.Reason = policy.UserNotRegistered.Code()
	}
	return out, nil
}

// checkText says what is wrong with a text for phones, nil if nothing is.
func checkText(text string) *tenant.Fault {
	const want = "at most 800 bytes, no control characters but line ends and tabs"
	switch {
	case len(text) > messageRoom:
		return &tenant.Fault{Code: tenant.CodeInvalid, Field: "text", Message: "is too long", Want: want}
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f }):
		return &tenant.Fault{Code: tenant.CodeInvalid, Field: "text", Message: "holds control characters", Want: want}
	}
	return nil
}
