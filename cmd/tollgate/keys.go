package main

import (
	"context"
	"fmt"
	"net/http"

	"tollgate/internal/tenant"
)

type keysCommand struct {
	List   listKeysCommand  `cmd:"" default:"withargs" help:"List API keys."`
	Create createKeyCommand `cmd:"" help:"Make an API key, and print it this once."`
}

type listKeysCommand struct{ filter }

// Run lists the API keys.
func (c *listKeysCommand) Run(ctx context.Context, p *program) error {
	return list(ctx, p, &c.filter, "/api-keys", []string{"id", "name", "role", "access", "begins with"},
		func(v *tenant.APIKey) []string {
			return []string{fmt.Sprint(v.ID), v.Name, string(v.Role), string(v.Access), v.Hint}
		})
}

type createKeyCommand struct {
	Name     string `arg:"" help:"What it is for."`
	Role     string `enum:"platform,company,customer" default:"platform" help:"What it sees: platform, company or customer."`
	Access   string `enum:"admin,operator,read-only" default:"read-only" help:"What it may do: admin, operator or read-only."`
	Company  string `placeholder:"NAME" help:"Whose it is, with --role company."`
	Customer string `placeholder:"NAME" help:"Whose it is, with --role customer."`
}

// Run makes a key.
func (c *createKeyCommand) Run(ctx context.Context, p *program) error {
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	body := map[string]any{"name": c.Name, "role": c.Role, "access": c.Access}
	for field, of := range map[string]struct{ nouns, name string }{"company_id": {"companies", c.Company}, "customer_id": {"customers", c.Customer}} {
		if of.name == "" {
			continue
		}
		if body[field], err = idOf(ctx, node, of.nouns, of.name); err != nil {
			return err
		}
	}
	var made struct {
		tenant.APIKey
		Key string `json:"key"`
	}
	data, err := node.do(ctx, http.MethodPost, "/api-keys", body)
	if err == nil {
		err = decode(data, &made)
	}
	if err != nil {
		return err
	}
	return p.print(made, func() { fmt.Fprintln(p.stdout, made.Key) })
}
