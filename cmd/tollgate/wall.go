package main

import (
	"context"
	"strconv"
	"time"
)

// hits is what the tables show of what a rule has matched.
type hits struct {
	Count  uint64    `json:"hits"`
	Last   time.Time `json:"last_hit"`
	Sample *struct {
		Source string `json:"source"`
		Method string `json:"method"`
		Value  string `json:"value"`
	} `json:"last_sample"`
}

// hitsHeader is over the cells of hits.
var hitsHeader = [...]string{"hits", "last", "last sample"}

func (h *hits) cells() []string {
	last, sample := "", ""
	if !h.Last.IsZero() {
		last = short(max(time.Since(h.Last), 0)) + " ago"
	}
	if s := h.Sample; s != nil {
		sample = s.Method + " from " + s.Source + ": " + s.Value
	}
	return []string{strconv.FormatUint(h.Count, 10), last, sample}
}

type firewallCommand struct{ filter }

// firewallRule is what the table of firewall rules shows.
type firewallRule struct {
	Customer string `json:"customer"`
	Priority int    `json:"priority"`
	Name     string `json:"name"`
	Header   string `json:"header"`
	Match    string `json:"match"`
	Value    string `json:"value"`
	Action   string `json:"action"`
	Mode     string `json:"mode"`
	hits
}

// Run lists firewall rules with what they have matched.
func (c *firewallCommand) Run(ctx context.Context, p *program) error {
	header := append([]string{"customer", "priority", "name", "header", "match", "value", "action", "mode"}, hitsHeader[:]...)
	return list(ctx, p, &c.filter, "/firewall-rules", header, func(v *firewallRule) []string {
		row := []string{v.Customer, strconv.Itoa(v.Priority), v.Name, v.Header, v.Match, v.Value, v.Action, v.Mode}
		return append(row, v.cells()...)
	})
}

type blocklistCommand struct{ filter }

// blocklistEntry is what the table of the block list shows.
type blocklistEntry struct {
	Customer string `json:"customer"`
	Domain   string `json:"domain"`
	Prefix   string `json:"prefix"`
	hits
}

// Run lists the block list with what its entries have matched.
func (c *blocklistCommand) Run(ctx context.Context, p *program) error {
	header := append([]string{"customer", "domain", "prefix"}, hitsHeader[:]...)
	return list(ctx, p, &c.filter, "/blocklist", header, func(v *blocklistEntry) []string {
		return append([]string{v.Customer, v.Domain, v.Prefix}, v.cells()...)
	})
}
