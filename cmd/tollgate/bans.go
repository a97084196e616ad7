package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

type bansCommand struct{ filter }

// banned is what the table of bans shows.
type banned struct {
	ID       string    `json:"id"`
	Address  string    `json:"address"`
	Customer string    `json:"customer"`
	Reason   string    `json:"reason"`
	Evidence string    `json:"evidence"`
	Until    time.Time `json:"until"`
	Times    int       `json:"times"`
	Hits     uint64    `json:"hits"`
}

// scope is whose traffic the ban acts on.
func (b *banned) scope() string {
	if b.Customer == "" {
		return "everybody"
	}
	return b.Customer
}

// Run lists who is banned.
func (c *bansCommand) Run(ctx context.Context, p *program) error {
	return list(ctx, p, &c.filter, "/bans", []string{"address", "for", "left", "times", "hits", "reason", "evidence"}, func(v *banned) []string {
		left := short(max(time.Until(v.Until), 0))
		return []string{v.Address, v.scope(), left, strconv.Itoa(v.Times), strconv.FormatUint(v.Hits, 10), v.Reason, v.Evidence}
	})
}

type banCommand struct {
	Address  string `arg:"" help:"An address, or a range such as 192.0.2.0/24."`
	For      string `default:"1h" placeholder:"TIME" help:"How long: 30m, 1h, 7d; 1h where absent."`
	Customer string `placeholder:"NAME" help:"Only this customer's traffic; without it everybody's."`
	Reason   string `placeholder:"TEXT" help:"What the list says."`
}

// Run bans, and returns once that is in force.
func (c *banCommand) Run(ctx context.Context, p *program) error {
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	body := map[string]any{"address": c.Address, "for": c.For, "reason": c.Reason}
	if c.Customer != "" {
		id, err := idOf(ctx, node, "customers", c.Customer)
		if err != nil {
			return err
		}
		body["customer_id"] = id
	}
	data, err := node.do(ctx, http.MethodPost, "/bans", body)
	if err != nil {
		return err
	}
	var made banned
	if err := decode(data, &made); err != nil {
		return err
	}
	return p.print(made, func() {
		fmt.Fprintf(p.stdout, "banned %s for %s until %s\n", plain(made.Address), plain(made.scope()), made.Until.Local().Format("2006-01-02 15:04:05"))
	})
}

type unbanCommand struct {
	Address  string `arg:"" help:"The address or range, as bans lists it."`
	Customer string `placeholder:"NAME" help:"Only this customer's ban; without it every ban of just this address."`
}

// Run lifts bans, and returns once nothing is dropped any more.
func (c *unbanCommand) Run(ctx context.Context, p *program) error {
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	query, err := (&filter{Q: c.Address, Customer: c.Customer}).query(ctx, node)
	if err != nil {
		return err
	}
	items, err := node.all(ctx, "/bans", query)
	if err != nil {
		return err
	}
	lifted := []banned{}
	for _, item := range items {
		var v banned
		if decode(item, &v) != nil || !sameRange(v.Address, c.Address) {
			continue
		}
		if _, err := node.do(ctx, http.MethodDelete, "/bans/"+url.PathEscape(v.ID), nil); err != nil {
			return err
		}
		lifted = append(lifted, v)
	}
	if len(lifted) == 0 {
		return fmt.Errorf("%s is not banned", c.Address)
	}
	return p.print(lifted, func() {
		for i := range lifted {
			fmt.Fprintf(p.stdout, "no longer banned: %s for %s\n", plain(lifted[i].Address), plain(lifted[i].scope()))
		}
	})
}

// sameRange says whether two ways to write an address mean one.
func sameRange(a, b string) bool {
	x, errA := netip.ParseAddr(a)
	y, errB := netip.ParseAddr(b)
	return a == b || errA == nil && errB == nil && x.Unmap() == y.Unmap()
}
