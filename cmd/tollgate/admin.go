package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/tenant"
)

type adminCommand struct {
	ResetPassword resetPasswordCommand `cmd:"" help:"Print a one-time link by which a panel user sets a new password."`
}

type resetPasswordCommand struct {
	User string `arg:"" help:"The user's e-mail address."`
	TOTP bool   `name:"totp" help:"Take away his second factor too, which he has lost."`
}

// Run makes a link; the password that he has works until it is used.
func (c *resetPasswordCommand) Run(ctx context.Context, p *program) error {
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	id, err := userID(ctx, node, c.User)
	if err != nil {
		return err
	}
	if c.TOTP {
		if _, err := node.do(ctx, http.MethodDelete, fmt.Sprintf("/users/%d/totp", id), nil); err != nil {
			return err
		}
	}
	data, err := node.do(ctx, http.MethodPost, fmt.Sprintf("/users/%d/link", id), nil)
	if err != nil {
		return err
	}
	var link api.UserLink
	if err := decode(data, &link); err != nil {
		return err
	}
	return p.print(link, func() {
		fmt.Fprintf(p.stdout, "%s\nvalid once, until %s, for %s\n", plain(link.URL), link.Ends.Local().Format(time.DateTime), plain(link.Email))
	})
}

// userID finds a panel user by his e-mail address.
func userID(ctx context.Context, node *client, email string) (tenant.UserID, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	items, err := node.all(ctx, "/users", url.Values{"q": {email}})
	if err != nil {
		return 0, err
	}
	for _, item := range items {
		var u tenant.User
		if decode(item, &u) == nil && u.Email == email {
			return u.ID, nil
		}
	}
	return 0, fmt.Errorf("%q is none of the panel's users", email)
}
