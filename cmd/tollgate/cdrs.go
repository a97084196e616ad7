package main

import (
	"cmp"
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type cdrsCommand struct {
	filter
	Since string `default:"24h" placeholder:"TIME" help:"Only what ended since then: how long ago (1h, 7d), or 2026-11-22T20:15:00Z. 24h where absent."`
}

// cdr is what the table of call records shows.
type cdr struct {
	Seq         int64     `json:"seq"`
	Ref         string    `json:"ref"`
	Customer    string    `json:"customer"`
	Direction   string    `json:"direction"`
	From        string    `json:"from"`
	URI         string    `json:"uri"`
	Source      string    `json:"source"`
	Switch      string    `json:"switch"`
	User        string    `json:"user"`
	CalledUser  string    `json:"called_user"`
	Destination string    `json:"destination"`
	Target      string    `json:"target"`
	Started     time.Time `json:"started"`
	Answered    time.Time `json:"answered"`
	Setup       float64   `json:"setup_seconds"`
	Duration    float64   `json:"duration_seconds"`
	Status      int       `json:"status"`
	Reason      string    `json:"reason"`
	EndedBy     string    `json:"ended_by"`
	sound
}

// Run lists the records of calls that are over, oldest first.
func (c *cdrsCommand) Run(ctx context.Context, p *program) error {
	c.more = url.Values{"since": {c.Since}}
	header := []string{"seq", "ref", "customer", "direction", "started", "setup", "talked", "status", "reason", "ended by", "from", "to", "source", "destination"}
	header = append(header, soundHeader()...)
	return list(ctx, p, &c.filter, "/cdrs", header, func(v *cdr) []string {
		talked, from, to := "", cmp.Or(v.User, v.Switch), cmp.Or(v.CalledUser, v.Destination)
		if !v.Answered.IsZero() {
			talked = short(seconds(v.Duration))
		}
		if v.Target != "" {
			to = strings.TrimSpace(to + " " + v.Target)
		}
		started := v.Started.Local().Format("2006-01-02 15:04:05")
		return append([]string{
			strconv.FormatInt(v.Seq, 10), v.Ref, v.Customer, v.Direction, started, short(seconds(v.Setup)), talked,
			strconv.Itoa(v.Status), v.Reason, v.EndedBy, v.From, v.URI, strings.TrimSpace(from + " " + v.Source), to,
		}, v.cells()...)
	})
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
