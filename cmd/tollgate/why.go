package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tollgate/internal/trace"
)

type whyCommand struct {
	What  string `arg:"" help:"A number, address, Call-ID, user or domain; or the reference that a refused caller read out."`
	Since string `default:"1h" placeholder:"TIME" help:"How far back: 1h, 7d; 1h where absent."`
}

// findings is all that is known of what was asked for.
type findings struct {
	Decisions []trace.Decision `json:"decisions"`
	Strangers []strange        `json:"strangers"`
	Bans      []banned         `json:"bans"`
}

// Run tells what happened to a call or request, and why.
func (c *whyCommand) Run(ctx context.Context, p *program) error {
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	found, err := c.find(ctx, node)
	if err != nil {
		return err
	}
	if len(found.Decisions)+len(found.Strangers)+len(found.Bans) == 0 {
		return fmt.Errorf("nothing is known of %s in the last %s: try --since 7d, or tollgate cdrs --since 30d", plain(c.What), plain(c.Since))
	}
	ladder := ""
	if len(found.Decisions) > 0 && p.cli.Output == "text" {
		data, err := node.do(ctx, http.MethodGet, "/traces/"+found.Decisions[0].ID.String()+"/ladder", nil)
		if err != nil {
			return err
		}
		ladder = string(data)
	}
	return p.print(found, func() { p.recount(found, ladder) })
}

// find gives what was decided, and who is banned or a stranger.
func (c *whyCommand) find(ctx context.Context, node *client) (*findings, error) {
	decisions, err := decided(ctx, node, c.What, c.Since)
	if err != nil {
		return nil, err
	}
	found := &findings{Decisions: decisions, Strangers: []strange{}, Bans: []banned{}}
	if len(c.What) > longestText {
		return found, nil // a Call-ID
	}
	q := url.Values{"q": {c.What}, "limit": {"10"}}.Encode()
	if err := page(ctx, node, "/bans?"+q, &found.Bans); err != nil {
		return nil, err
	}
	return found, page(ctx, node, "/strangers?"+q, &found.Strangers)
}

const (
	// longestText is what a list's text filter takes, in bytes.
	longestText = 200
	// longestCallID is how much of a Call-ID is kept, in bytes.
	longestCallID = 255
	// mostDecided is how many decisions are told: one in full, and ten before it.
	mostDecided = 11
)

// decided gives the newest decisions about what a person typed: those whose reference it is, then
// those that hold it, since five digits may be a number as well.
func decided(ctx context.Context, node *client, what, since string) ([]trace.Decision, error) {
	if what = strings.TrimSpace(what); what == "" {
		return nil, misuse("say what to look for: a number, address, Call-ID, user or reference")
	}
	q := url.Values{"since": {since}, "limit": {strconv.Itoa(mostDecided)}}
	found := []trace.Decision{}
	if _, ok := trace.CanonicalRef(what); ok {
		q.Set("ref", what)
		if err := page(ctx, node, "/decisions?"+q.Encode(), &found); err != nil {
			return nil, err
		}
		q.Del("ref")
	}
	q.Set("q", strings.ToValidUTF8(what[:min(len(what), longestCallID)], ""))
	var more []trace.Decision
	if err := page(ctx, node, "/decisions?"+q.Encode(), &more); err != nil {
		return nil, err
	}
	for i := range more {
		known := slices.ContainsFunc(found, func(d trace.Decision) bool { return d.ID == more[i].ID })
		if !known && len(found) < mostDecided {
			found = append(found, more[i])
		}
	}
	return found, nil
}

// page reads one page of a list.
func page[T any](ctx context.Context, node *client, path string, to *[]T) error {
	var items struct{ Items []T }
	if err := node.get(ctx, path, &items); err != nil {
		return err
	}
	*to = items.Items
	return nil
}

// recount tells what is known, the newest decision in full.
func (p *program) recount(found *findings, ladder string) {
	if len(found.Decisions) > 0 {
		p.decision(&found.Decisions[0])
		fmt.Fprintln(p.stdout)
		p.ladder(ladder)
	}
	for i := range found.Bans {
		b := &found.Bans[i]
		fmt.Fprintf(p.stdout, "%s is banned for %s: %s; %s more. To lift it: tollgate unban %s\n",
			plain(b.Address), plain(b.scope()), plain(b.Reason), short(max(time.Until(b.Until), 0)), plain(b.Address))
	}
	for i := range found.Strangers {
		s := &found.Strangers[i]
		text := "nobody could be found for its requests, the last one " + strconv.Quote(plain(s.RequestLine))
		if hint := s.hint(); hint != "" {
			text += " (" + plain(hint) + ")"
		}
		fmt.Fprintf(p.stdout, "%s is a stranger: %s\n", plain(s.Source), text)
	}
	if len(found.Decisions) > 1 {
		fmt.Fprintln(p.stdout, "\nBefore that:")
		rows := make([][]string, 0, len(found.Decisions)-1)
		for i := range found.Decisions[1:] {
			rows = append(rows, decisionRow(&found.Decisions[i+1]))
		}
		p.table(decisionHeader, rows)
	}
}

// decision prints what was decided, in a sentence and with all that led to it.
func (p *program) decision(d *trace.Decision) {
	who := cmp.Or(d.CustomerName, "Nobody")
	fmt.Fprintf(p.stdout, "%s  %s  %s %s from %s\n", plain(d.Ref), clock(d.At), plain(d.Method), plain(userOf(d.URI)), plain(userOf(d.From)))
	switch {
	case d.Refused && d.Status < 0:
		fmt.Fprintf(p.stdout, "%s: no answer. %s\n", plain(who), plain(d.Sentence))
	case d.Refused:
		fmt.Fprintf(p.stdout, "%s: refused with %d. %s\n", plain(who), d.Status, plain(d.Sentence))
	case d.Ended.IsZero() && d.Status == 0:
		fmt.Fprintf(p.stdout, "%s: let through.\n", plain(who))
	case d.Status > 0:
		fmt.Fprintf(p.stdout, "%s: let through; it ended with %d. %s\n", plain(who), d.Status, plain(ended(d)))
	default:
		fmt.Fprintf(p.stdout, "%s: let through. %s\n", plain(who), plain(ended(d)))
	}
	for _, row := range facts(d) {
		fmt.Fprintf(p.stdout, "  %-13s %s\n", row[0], plain(row[1]))
	}
}

// ended is how a call was.
func ended(d *trace.Decision) string {
	text := d.Sentence
	if d.Reason == "ok" {
		text = ""
		if d.EndedBy != "" {
			text = "The " + d.EndedBy + " ended it."
		}
	}
	if d.Answered {
		text = strings.TrimSpace(text + " They talked for " + short(seconds(d.Duration)) + ".")
	}
	return text
}

// facts are the rows of what led to a decision; those that say nothing are left out.
func facts(d *trace.Decision) [][]string {
	known := d.By
	if d.Domain != "" {
		known += ", " + d.Domain
	}
	if d.Who != "" {
		known += ", " + d.Who
	}
	way := d.Destination
	if d.Group > 0 {
		way = strings.TrimPrefix(way+", group "+strconv.Itoa(d.Group), ", ")
	}
	if d.Target.IsValid() {
		way += ", " + d.TargetTransport + " " + d.Target.String()
	}
	far := d.FarCallID
	if far == d.CallID {
		far = "" // not hidden
	}
	rows := [][]string{
		{"came from", d.Transport + " " + d.Source.String()},
		{"known by", known},
		{"user-agent", d.UserAgent},
		{"passed", strings.Join(d.Passed, ", ")},
		{"rule", d.RuleName},
		{"limit", d.Limit},
		{"counter", d.Counter},
		{"detail", d.Detail},
		{"went to", way},
		{"Call-ID", d.CallID},
		{"and there", far},
	}
	for i := range d.Later {
		r := &d.Later[i]
		text := r.Method + " refused with " + strconv.Itoa(r.Status) + ": " + r.Reason
		if r.RuleName != "" {
			text += ", rule " + strconv.Quote(r.RuleName)
		}
		rows = append(rows, []string{"later", text})
	}
	for _, w := range d.Would {
		rows = append(rows, []string{"only counted", would{w.Reason, w.RuleName}.String()})
	}
	out := rows[:0]
	for _, r := range rows {
		if r[1] != "" {
			out = append(out, r)
		}
	}
	return out
}

type watchCommand struct {
	Text     string `arg:"" optional:"" placeholder:"TEXT" help:"Only what holds this text."`
	Customer string `placeholder:"NAME" help:"Only this customer's."`
	Refused  bool   `help:"Only what is refused."`
}

// Run prints decisions as they are made, until it is interrupted.
func (c *watchCommand) Run(ctx context.Context, p *program) error {
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	query, err := (&filter{Customer: c.Customer}).query(ctx, node)
	if err != nil {
		return err
	}
	if c.Refused {
		query.Set("refused", "true")
	}
	return node.events(ctx, "/events?"+query.Encode(), func(data []byte) error {
		var d trace.Decision
		if err := decode(data, &d); err != nil {
			return err
		}
		if !c.wants(&d) {
			return nil
		}
		if p.cli.Output == "yaml" {
			fmt.Fprintln(p.stdout, "---")
		}
		return p.print(json.RawMessage(data), func() {
			fmt.Fprintf(p.stdout, "%s  %s  %-8s %-7s %-16s %s -> %s  %s  %s\n", plain(d.Ref), d.At.Local().Format("15:04:05.000"), plain(d.Method),
				outcome(&d), plain(d.Reason), plain(userOf(d.From)), plain(userOf(d.URI)), d.Source, plain(d.CustomerName))
		})
	})
}

// wants says that a decision holds the text, in any case.
func (c *watchCommand) wants(d *trace.Decision) bool {
	text := strings.ToLower(c.Text)
	return slices.ContainsFunc([]string{
		d.Ref, d.CustomerName, d.Method, d.Source.String(), d.Target.String(), d.CallID, d.FarCallID, d.From, d.To, d.URI, d.UserAgent,
		d.Who, d.Domain, d.Reason, d.RuleName, d.Destination, strconv.Itoa(d.Status),
	}, func(has string) bool { return strings.Contains(strings.ToLower(has), text) })
}
