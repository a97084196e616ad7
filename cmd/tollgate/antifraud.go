package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

type antifraudCommand struct{ filter }

// threshold is what the table of antifraud shows.
type threshold struct {
	Customer  string `json:"customer"`
	Method    string `json:"method"`
	Of        int    `json:"threshold"`
	Mode      string `json:"mode"`
	Triggered uint64 `json:"triggered"`
	Would     uint64 `json:"would"`
	Refused   uint64 `json:"refused"`
	Keys      []struct {
		From  string    `json:"from"`
		To    string    `json:"to"`
		Count int       `json:"count"`
		Shut  time.Time `json:"shut_until"`
	} `json:"keys"`
	hits
}

// Run lists antifraud thresholds with what they have counted.
func (c *antifraudCommand) Run(ctx context.Context, p *program) error {
	header := []string{"customer", "method", "threshold", "mode", "reached", "would have", "refused", "last", "last sample", "keys now"}
	return list(ctx, p, &c.filter, "/antifraud", header, func(v *threshold) []string {
		count := func(n uint64) string { return strconv.FormatUint(n, 10) }
		row := []string{v.Customer, v.Method, strconv.Itoa(v.Of), v.Mode, count(v.Triggered), count(v.Would), count(v.Refused)}
		return append(append(row, v.cells()[1:]...), v.keys())
	})
}

// keys tells the keys with the most calls or requests, and those that are shut.
func (v *threshold) keys() string {
	all := make([]string, len(v.Keys))
	for i, k := range v.Keys {
		all[i] = fmt.Sprintf("%s to %s: %d", k.From, k.To, k.Count)
		if !k.Shut.IsZero() {
			all[i] += ", shut for " + short(max(time.Until(k.Shut), 0))
		}
	}
	return strings.Join(all, "; ")
}
