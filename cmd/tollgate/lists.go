package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tollgate/internal/tenant"
)

// filter narrows a list.
type filter struct {
	Q        string     `arg:"" optional:"" placeholder:"TEXT" help:"Only what holds this text."`
	Customer string     `placeholder:"NAME" help:"Only this customer's."`
	more     url.Values // that only one list has
}

// query is the filter as the API takes it.
func (f *filter) query(ctx context.Context, c *client) (url.Values, error) {
	q := url.Values{}
	maps.Copy(q, f.more)
	if f.Q != "" {
		q.Set("q", f.Q)
	}
	if f.Customer == "" {
		return q, nil
	}
	id, err := idOf(ctx, c, "customers", f.Customer)
	if err != nil {
		return nil, err
	}
	q.Set("customer", strconv.FormatInt(id, 10))
	return q, nil
}

// idOf finds a company or customer by its name.
func idOf(ctx context.Context, c *client, nouns, name string) (int64, error) {
	items, err := c.all(ctx, "/"+nouns, url.Values{"q": {name}})
	if err != nil {
		return 0, err
	}
	for _, item := range items {
		var v struct {
			ID   int64  `json:"id"`
			Name string `json:"name"`
		}
		if decode(item, &v) == nil && v.Name == name {
			return v.ID, nil
		}
	}
	return 0, fmt.Errorf("%q is none of the %s", name, nouns)
}

// list prints all of a list: as the API's items, or as a table with a row for each.
func list[T any](ctx context.Context, p *program, f *filter, path string, header []string, row func(*T) []string) error {
	c, err := p.client(ctx)
	if err != nil {
		return err
	}
	query, err := f.query(ctx, c)
	if err != nil {
		return err
	}
	items, err := c.all(ctx, path, query)
	if err != nil {
		return err
	}
	return p.print(items, func() {
		rows := make([][]string, 0, len(items))
		for _, item := range items {
			var v T
			if err := json.Unmarshal(item, &v); err != nil {
				continue // a newer node's
			}
			rows = append(rows, row(&v))
		}
		p.table(header, rows)
	})
}

type callsCommand struct{ filter }

// call is what the table of calls shows.
type call struct {
	ID          string    `json:"id"`
	Customer    string    `json:"customer"`
	Direction   string    `json:"direction"`
	State       string    `json:"state"`
	From        string    `json:"from"`
	To          string    `json:"to"`
	Source      string    `json:"source"`
	Destination string    `json:"destination"`
	Target      string    `json:"target"`
	Started     time.Time `json:"started"`
	Answered    time.Time `json:"answered"`
	sound
}

// Run lists the live calls.
func (c *callsCommand) Run(ctx context.Context, p *program) error {
	header := append([]string{"id", "customer", "direction", "state", "for", "from", "to", "source", "destination"}, soundHeader()...)
	return list(ctx, p, &c.filter, "/calls", header,
		func(v *call) []string {
			since, to := v.Answered, v.Destination
			if since.IsZero() {
				since = v.Started
			}
			if v.Target != "" {
				to += " " + v.Target
			}
			return append([]string{v.ID, v.Customer, v.Direction, v.State, short(time.Since(since)), v.From, v.To, v.Source, to}, v.cells()...)
		})
}

// short is a time to the second, or in milliseconds below that.
func short(d time.Duration) string {
	if d < time.Second {
		return d.Truncate(time.Millisecond).String()
	}
	return tenant.FormatDuration(d.Truncate(time.Second))
}

type hangupCommand struct {
	ID string `arg:"" help:"The call's id, as calls lists it."`
}

// Run ends a call.
func (c *hangupCommand) Run(ctx context.Context, p *program) error {
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	if _, err := node.do(ctx, http.MethodDelete, "/calls/"+url.PathEscape(c.ID), nil); err != nil {
		return err
	}
	return p.print(map[string]string{"id": c.ID}, func() { fmt.Fprintln(p.stdout, "hung up", plain(c.ID)) })
}

type bindingsCommand struct{ filter }

// binding is what the table of bindings shows.
type binding struct {
	User      string    `json:"user"`
	AOR       string    `json:"aor"`
	Contact   string    `json:"contact"`
	Source    string    `json:"source"`
	Transport string    `json:"transport"`
	NAT       bool      `json:"nat"`
	Reachable bool      `json:"reachable"`
	Expires   time.Time `json:"expires"`
	UserAgent string    `json:"user_agent"`
}

// Run lists the phones that have registered.
func (c *bindingsCommand) Run(ctx context.Context, p *program) error {
	return list(ctx, p, &c.filter, "/bindings", []string{"aor", "user", "contact", "source", "transport", "nat", "reachable", "expires in", "user agent"},
		func(v *binding) []string {
			left := short(max(time.Until(v.Expires), 0))
			return []string{v.AOR, v.User, v.Contact, v.Source, v.Transport, yes(v.NAT), yes(v.Reachable), left, v.UserAgent}
		})
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

type destinationsCommand struct{ filter }

// destination is what the table of destinations shows.
type destination struct {
	Customer string `json:"customer"`
	Group    int    `json:"group"`
	Priority int    `json:"priority"`
	Name     string `json:"name"`
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Protocol string `json:"protocol"`
	Switch   int64  `json:"switch_id"`
	Disabled bool   `json:"disabled"`
	State    struct {
		Status    string    `json:"status"`
		Since     time.Time `json:"since"`
		RTT       float64   `json:"rtt_ms"`
		LastCode  int       `json:"last_code"`
		Addresses []string  `json:"addresses"`
	} `json:"state"`
	Registration *struct {
		Registered bool      `json:"registered"`
		Until      time.Time `json:"until"`
		LastCode   int       `json:"last_code"`
		Next       time.Time `json:"next_attempt"`
	} `json:"registration"`
	Clash *struct {
		Count     int       `json:"count"`
		Last      time.Time `json:"last"`
		From      string    `json:"from"`
		To        string    `json:"to"`
		Customers []string  `json:"customers"`
	} `json:"clash"`
}

// Run lists the destinations, and says of each clash what would help, and where we are registered.
func (c *destinationsCommand) Run(ctx context.Context, p *program) error {
	var notes []string
	err := list(ctx, p, &c.filter, "/destinations", []string{"customer", "group", "priority", "name", "address", "state", "for", "rtt", "last answer"},
		func(v *destination) []string {
			if v.Clash != nil {
				notes = append(notes, v.clash())
			}
			if v.Registration != nil {
				notes = append(notes, v.registration())
			}
			return []string{v.Customer, strconv.Itoa(v.Group), strconv.Itoa(v.Priority), v.Name, v.address(), v.status(), v.since(), v.rtt(), v.lastCode()}
		})
	for _, note := range notes {
		fmt.Fprintf(p.stdout, "\n%s\n", plain(note))
	}
	return err
}

// clash says what came from the destination's address that could be another customer's as well.
func (v *destination) clash() string {
	c := v.Clash
	text := fmt.Sprintf("Clash at %s of %s: %s has the same address, and nothing told whose %d requests were, the last %s ago",
		v.Name, v.Customer, strings.Join(c.Customers, ", "), c.Count, short(time.Since(c.Last)))
	if c.To != "" {
		text += fmt.Sprintf(" from %s to %s", c.From, c.To)
	}
	return text + ". They were refused with 403. It helps if the PBX puts the customer's domain into Request-URI, From or P-Asserted-Identity."
}

// registration says how ours does at the switch that the destination is.
func (v *destination) registration() string {
	r := v.Registration
	switch {
	case r.Registered:
		return fmt.Sprintf("Registered at %s of %s until %s.", v.Name, v.Customer, r.Until.Local().Format(time.DateTime))
	case r.LastCode == 0:
		return fmt.Sprintf("Not registered at %s of %s: no answer. The next attempt is in %s.", v.Name, v.Customer, short(time.Until(r.Next)))
	}
	return fmt.Sprintf("Not registered at %s of %s: answered %d. The next attempt is in %s.", v.Name, v.Customer, r.LastCode, short(time.Until(r.Next)))
}

func (v *destination) address() string {
	if v.Switch != 0 {
		return "switch " + strconv.FormatInt(v.Switch, 10)
	}
	at := v.Host
	if v.Port != 0 {
		at += ":" + strconv.Itoa(v.Port)
	}
	at = v.Protocol + " " + at
	for _, a := range v.State.Addresses {
		if a != v.Host && a != v.Host+":"+strconv.Itoa(v.Port) {
			at += " " + a
		}
	}
	return at
}

func (v *destination) status() string {
	if v.Disabled {
		return "disabled"
	}
	return v.State.Status
}

func (v *destination) since() string {
	if v.State.Since.IsZero() {
		return ""
	}
	return short(time.Since(v.State.Since))
}

func (v *destination) rtt() string {
	if v.State.RTT == 0 {
		return ""
	}
	return strconv.FormatFloat(v.State.RTT, 'f', 1, 64) + " ms"
}

func (v *destination) lastCode() string {
	if v.State.LastCode == 0 {
		return ""
	}
	return strconv.Itoa(v.State.LastCode)
}
