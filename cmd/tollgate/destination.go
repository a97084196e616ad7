package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

// destinationArgs name a destination.
type destinationArgs struct {
	Destination string `arg:"" help:"Its name."`
	Customer    string `placeholder:"NAME" help:"Whose it is; needed where several customers have one of that name."`
}

type disableCommand struct{ destinationArgs }

// Run takes a destination out of use, and returns once no new call goes there.
func (c *disableCommand) Run(ctx context.Context, p *program) error {
	return c.set(ctx, p, true, "is disabled: nothing new goes there; calls that are up stay")
}

type enableCommand struct{ destinationArgs }

// Run takes a destination into use again.
func (c *enableCommand) Run(ctx context.Context, p *program) error {
	return c.set(ctx, p, false, "is enabled")
}

func (c *destinationArgs) set(ctx context.Context, p *program, disabled bool, done string) error {
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	query, err := (&filter{Q: c.Destination, Customer: c.Customer}).query(ctx, node)
	if err != nil {
		return err
	}
	items, err := node.all(ctx, "/destinations", query)
	if err != nil {
		return err
	}
	var found []int64
	for _, item := range items {
		var v struct {
			ID   int64  `json:"id"`
			Name string `json:"name"`
		}
		if decode(item, &v) == nil && v.Name == c.Destination {
			found = append(found, v.ID)
		}
	}
	switch len(found) {
	case 0:
		return fmt.Errorf("%q is none of the destinations", c.Destination)
	case 1:
	default:
		return fmt.Errorf("%d customers have a destination %q: say whose with --customer", len(found), c.Destination)
	}
	if _, err := node.do(ctx, http.MethodPatch, "/destinations/"+strconv.FormatInt(found[0], 10), map[string]any{"disabled": disabled}); err != nil {
		return err
	}
	return p.print(map[string]any{"destination": c.Destination, "disabled": disabled}, func() {
		fmt.Fprintf(p.stdout, "%s %s\n", plain(c.Destination), done)
	})
}
