package main

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tollgate/internal/trace"
)

type decisionsCommand struct {
	filter
	Since   string `default:"1h" placeholder:"TIME" help:"Only what was there since then: how long ago (1h, 7d), or 2026-11-22T20:15:00Z. 1h where absent."`
	Reason  string `placeholder:"WORD" help:"Only with this reason, such as firewall."`
	Refused bool   `help:"Only what Tollgate refused."`
}

// Run lists what was let through and refused, the latest first.
func (c *decisionsCommand) Run(ctx context.Context, p *program) error {
	c.more = url.Values{"since": {c.Since}}
	if c.Reason != "" {
		c.more.Set("reason", c.Reason)
	}
	if c.Refused {
		c.more.Set("refused", "true")
	}
	return list(ctx, p, &c.filter, "/decisions", decisionHeader, decisionRow)
}

var decisionHeader = []string{"ref", "at", "customer", "method", "status", "reason", "rule", "from", "to", "source", "destination"}

func decisionRow(d *trace.Decision) []string {
	return []string{
		d.Ref, clock(d.At), d.CustomerName, d.Method, outcome(d), d.Reason, d.RuleName,
		userOf(d.From), userOf(d.URI), d.Source.String(), d.Destination,
	}
}

// clock is a time as tables show it.
func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// outcome is the final status as people read it.
func outcome(d *trace.Decision) string {
	switch {
	case d.Status < 0:
		return "silence"
	case d.Status > 0:
		return strconv.Itoa(d.Status)
	case d.Ended.IsZero():
		return "goes on"
	}
	return "passed"
}

// userOf is what a table shows of a From, To or URI: the URI without brackets and parameters.
func userOf(value string) string {
	if _, after, found := strings.Cut(value, "<"); found {
		value, _, _ = strings.Cut(after, ">")
	}
	value, _, _ = strings.Cut(value, ";")
	return value
}

type strangersCommand struct{ filter }

// strange is what the table of strangers shows.
type strange struct {
	Source      string    `json:"source"`
	Transport   string    `json:"transport"`
	Last        time.Time `json:"last"`
	Count       uint64    `json:"count"`
	RequestLine string    `json:"request_line"`
	UserAgent   string    `json:"user_agent"`
	DidYouMean  string    `json:"did_you_mean"`
	Banned      bool      `json:"banned"`
}

// hint says what may be wrong.
func (s *strange) hint() string {
	switch {
	case s.Banned && s.DidYouMean != "":
		return "banned; did you mean " + s.DidYouMean + "?"
	case s.Banned:
		return "banned"
	case s.DidYouMean != "":
		return "did you mean " + s.DidYouMean + "?"
	}
	return ""
}

// Run lists sources whose requests nobody could be found for.
func (c *strangersCommand) Run(ctx context.Context, p *program) error {
	header := []string{"source", "over", "last", "requests", "asked", "user-agent", ""}
	return list(ctx, p, &c.filter, "/strangers", header, func(s *strange) []string {
		return []string{s.Source, s.Transport, clock(s.Last), strconv.FormatUint(s.Count, 10), s.RequestLine, s.UserAgent, s.hint()}
	})
}

type limitsCommand struct{ filter }

// Run lists what limits calls, and how far each limit is used.
func (c *limitsCommand) Run(ctx context.Context, p *program) error {
	type use struct {
		Scope    string `json:"scope"`
		Name     string `json:"name"`
		Calls    int    `json:"calls"`
		Peak     int    `json:"peak"`
		MaxCalls int    `json:"max_calls"`
		CPS      int    `json:"cps"`
	}
	most := func(n int) string {
		if n == 0 {
			return "unlimited"
		}
		return strconv.Itoa(n)
	}
	header := []string{"scope", "name", "calls", "peak", "at most", "new a second"}
	return list(ctx, p, &c.filter, "/limits", header, func(u *use) []string {
		return []string{u.Scope, u.Name, strconv.Itoa(u.Calls), strconv.Itoa(u.Peak), most(u.MaxCalls), most(u.CPS)}
	})
}
