package policy

import (
	"cmp"
	"net"
	"strconv"

	"tollgate/internal/tenant"
)

// Step is one step of an explanation.
type Step struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text"`
}

// Explained is one destination of the group in an explanation.
type Explained struct {
	ID      tenant.DestinationID `json:"id"`
	Name    string               `json:"name"`
	Address string               `json:"address"` // host:port
	Proto   string               `json:"protocol"`
	Tried   int                  `json:"tried"` // 1 = first; 0 = not at all
	Reason  Reason               `json:"reason"`
	Text    string               `json:"text"`
}

// Explanation is what would happen to a request, and why.
type Explanation struct {
	Customer     tenant.CustomerID `json:"customer_id,omitempty"`
	CustomerName string            `json:"customer,omitempty"`
	Direction    Direction         `json:"direction"`
	By           How               `json:"by"`
	Domain       string            `json:"domain,omitempty"`
	Emergency    bool              `json:"emergency"`
	Foreign      bool              `json:"foreign"`
	Steps        []Step            `json:"steps"`
	Passed       []string          `json:"passed"`          // the steps that it passes, by their names, as a decision has them
	Would        []ToldSpared      `json:"would,omitempty"` // what would have refused it, but is only counted
	Candidates   []Explained       `json:"candidates"`
	Verdict      Verdict           `json:"verdict"`
	Sentence     string            `json:"sentence,omitempty"` // the verdict's, where it refuses
	Language     Language          `json:"-"`                  // of its texts
}

// ToldSpared is a refusal that did not happen, with what it would have said.
type ToldSpared struct {
	Spared
	Sentence string `json:"sentence"`
}

// ToldSpared tells of what would have refused the request, but is only counted.
func (e *Explanation) ToldSpared(list []Spared) {
	for _, s := range list {
		e.Would = append(e.Would, ToldSpared{s, s.Reason.In(e.Language)})
	}
}

// Told is one step of a request's way as it is told: its name and verdict, and what it found.
// An empty text, where nothing was refused, is not worth telling.
func (e *Explanation) Told(name string, v Verdict, text string) {
	v.Detail = e.Language.Retell(v.Detail)
	if e.Verdict, e.Sentence = v, ""; v.Refused() {
		e.Sentence = v.Reason.In(e.Language)
		text = cmp.Or(text, e.Sentence)
	}
	if text != "" {
		e.Steps = append(e.Steps, Step{name, v, text})
	}
}

// ToldIdentity tells what Identify found.
func (e *Explanation) ToldIdentity(id *Identity, v Verdict) {
	e.identity(id)
	e.Told("identify", v, e.Language.identity(id, v))
}

// ToldFirewall tells what Firewall found.
func (e *Explanation) ToldFirewall(id *Identity, v Verdict) {
	e.Told("firewall", v, e.Language.firewall(id, v))
}

// ToldBlocklist tells what Blocklist found.
func (e *Explanation) ToldBlocklist(id *Identity, v Verdict) {
	e.Told("blocklist", v, e.Language.blocklist(id, v))
}

// ToldRoute tells what Route found.
func (e *Explanation) ToldRoute(id *Identity, c *Candidates, v Verdict) {
	e.Foreign = c.Foreign
	e.Told("route", v, e.Language.route(id, c, v))
	e.candidates(c)
}

// ToldReserve tells whether there is room for a call, and which candidates have none.
func (e *Explanation) ToldReserve(c *Candidates, v Verdict, text string) {
	e.Told("reserve", v, text)
	if !v.Refused() && len(e.Candidates) > 0 {
		e.candidates(c)
	}
}

// Explain runs the steps that policy decides alone, and tells what they found. Not for the
// hot path.
func (s *Snapshot) Explain(r *Request) Explanation {
	var id Identity
	var e Explanation
	e.ToldIdentity(&id, s.Identify(r, &id))
	if e.Verdict.Refused() {
		return e
	}
	var c Candidates
	e.ToldRoute(&id, &c, s.Route(r, &id, &c))
	return e
}

func (e *Explanation) identity(id *Identity) {
	e.Direction, e.By, e.Domain, e.Emergency = id.Direction, id.By, id.Domain, id.Emergency
	if id.Customer != nil {
		e.Customer, e.CustomerName = id.Customer.Settings.ID, id.Customer.Settings.Name
	}
}

func (e *Explanation) candidates(c *Candidates) {
	e.Candidates = make([]Explained, 0, c.N+c.NSkipped)
	for i, d := range c.All() {
		text := e.Language.Say("Tried as number %d.", i+1)
		if c.AllDown {
			text += e.Language.Say(" It is down, as all of them are.")
		}
		e.Candidates = append(e.Candidates, explained(d, i+1, OK, text))
	}
	for _, skip := range c.Skipped[:c.NSkipped] {
		e.Candidates = append(e.Candidates, explained(skip.Destination, 0, skip.Reason, e.Language.Say("Not tried. ")+skip.Reason.In(e.Language)))
	}
}

func explained(d *Destination, tried int, why Reason, text string) Explained {
	port := d.Port
	if port == 0 {
		port = d.DefaultPort()
	}
	return Explained{
		ID: d.ID, Name: d.Name, Address: net.JoinHostPort(d.Host, strconv.Itoa(int(port))), Proto: d.Protocol,
		Tried: tried, Reason: why, Text: text,
	}
}

// identity tells what Identify found.
func (l Language) identity(id *Identity, v Verdict) string {
	if id.Customer == nil {
		return v.Reason.In(l)
	}
	text := l.Say("Customer %q", id.Customer.Settings.Name)
	if id.Domain != "" {
		text += l.Say(", by the domain %q", id.Domain)
	}
	if id.Entry != nil {
		text += l.Say("; the source is his entry %q, which sends calls to us", id.Entry.Name)
	}
	switch {
	case id.Source != nil:
		text += l.Say("; it comes from his destination %q, so it goes out", id.Source.Name)
	case id.By == ByBinding:
		text += l.Say("; it comes from one of his registered phones")
	case id.Entry == nil:
		text += l.Say("; it comes from outside")
	}
	if id.Emergency {
		text += l.Say("; it calls an emergency number")
	}
	if v.Refused() {
		return text + ". " + v.Reason.In(l)
	}
	return text + "."
}

// route tells what Route found.
func (l Language) route(id *Identity, c *Candidates, v Verdict) string {
	text := l.group(id, c)
	switch {
	case c.Foreign:
		text += l.Say("The host of the Request-URI is a foreign one: the request goes there.")
	case v.Refused():
		text += v.Reason.In(l)
	case c.DID != "":
		text += l.Say("It goes there.")
	default:
		text += l.Say("%d to try, %s.", c.N, l.order(id.Customer))
	}
	return text
}

// group tells how the group was chosen.
func (l Language) group(id *Identity, c *Candidates) string {
	rules := len(id.Customer.routing.rules)
	switch {
	case c.DID != "":
		return l.Say("%s is a DID that leads to a switch. ", c.DID)
	case id.Smart() && c.Group != 0:
		return l.Say("The SIP user is a smart extension: it goes to the destination marked class 5. ")
	case c.Group == 0 && rules == 0:
		return ""
	case c.Group == 0:
		return l.Say("None of %d routing rules matches. ", rules)
	case c.Rule != 0:
		for i := range id.Customer.routing.rules {
			if r := &id.Customer.routing.rules[i]; r.ID == c.Rule {
				return l.Say("Routing rule %q (%s, %s %q) leads to group %d. ", r.Name, r.Header, r.Match, r.Value, c.Group)
			}
		}
	case id.Emergency && c.Group == id.Customer.emergencyGroup():
		return l.Say("Emergency calls go to group %d. ", c.Group)
	case rules == 0:
		return l.Say("There are no routing rules: group %d. ", c.Group)
	case !id.Customer.Settings.DestinationGroupsEnabled:
		return l.Say("Destination groups are off, so routing rules are ignored: group %d. ", c.Group)
	}
	return l.Say("None of %d routing rules matches: group %d. ", rules, c.Group)
}

func (l Language) order(c *Customer) string {
	if c.balanced {
		return l.Say("balanced")
	}
	return l.Say("by priority")
}
