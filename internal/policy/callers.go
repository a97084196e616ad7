package policy

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// callers is by which calling numbers a customer is told apart from others at his address
// (mission row A12): exact ones, his DIDs among them, and regexes.
type callers struct {
	clis     []tenant.CLI // as they came, to see whether they changed
	dids     []tenant.DID
	exact    map[string]struct{} // without "+"
	regexes  *headerRules        // nil if there are none
	patterns *patterns
	rooms    sync.Pool // of *callerRoom: the regexp package lets what it reads escape to the heap
}

// callerRoom is where a calling number is brought to the forms in which it is looked for.
type callerRoom struct {
	text    scratch
	numbers Numbers
}

// compileCallers compiles CLIs; unchanged ones are taken over from was, which may be nil.
func compileCallers(a *tenant.Account, plan *NumberPlan, was *callers, samePlan bool) (*callers, error) {
	if was != nil && samePlan && slices.Equal(a.CLIs, was.clis) && slices.Equal(a.DIDs, was.dids) {
		return was, nil
	}
	c := &callers{clis: slices.Clone(a.CLIs), dids: slices.Clone(a.DIDs), exact: make(map[string]struct{})}
	c.rooms.New = func() any { return new(callerRoom) }
	var rules []rule
	var old *patterns
	if c.patterns = newPatterns(); was != nil {
		old = was.patterns
	}
	for i := range a.CLIs {
		cli := &a.CLIs[i]
		if cli.Match != matchRegex {
			key, _ := plan.Append(nil, []byte(cli.Value), []byte{})
			c.exact[string(withoutPlus(key))] = struct{}{}
			c.exact[strings.TrimPrefix(cli.Value, "+")] = struct{}{}
			continue
		}
		compiled, err := c.patterns.compile(matchRegex, cli.Value, old)
		if err != nil {
			return nil, fmt.Errorf("CLI: %w", err)
		}
		rules = append(rules, rule{rank: i, header: headerFrom, pattern: compiled})
	}
	for i := range a.DIDs {
		c.exact[didKey(&a.DIDs[i])] = struct{}{}
	}
	if len(rules) > 0 {
		c.regexes = new(headerRules)
		c.regexes.compile(rules)
	}
	return c, nil
}

// any reports whether there is something to tell the customer by.
func (c *callers) any() bool { return len(c.exact) > 0 || c.regexes != nil }

// knows reports whether a calling number is one of the customer's.
func (c *Customer) knows(cli *sip.URI) bool {
	return c.callers.has(&c.Plan, cli) || c.callers.matches(&c.Plan, cli)
}

// has reports whether a calling number is one of the exact ones.
func (c *callers) has(plan *NumberPlan, cli *sip.URI) bool {
	if len(c.exact) == 0 || cli == nil {
		return false
	}
	var room numberRoom
	global, dialled, ok := plan.forms(&room, cli)
	if !ok {
		return false
	}
	_, inGlobal := c.exact[string(global)]
	_, inDialled := c.exact[string(dialled)]
	return inGlobal || inDialled
}

// matches reports whether a regex matches a calling number, as it was received or in E.164.
// Regexes that together would cost too much on this number match nothing.
func (c *callers) matches(plan *NumberPlan, cli *sip.URI) bool {
	if c.regexes == nil || cli == nil || len(cli.User) > maxValue {
		return false
	}
	room, _ := c.rooms.Get().(*callerRoom)
	defer c.rooms.Put(room)
	if c.regexes.firstPattern(sip.AppendUnescaped(room.text[:0], cli.User)) >= 0 {
		return true
	}
	number, ok := plan.AppendURI(room.text[:0], cli)
	return ok && c.regexes.firstPattern(number) >= 0
}

// numberRoom is where forms puts a number.
type numberRoom [4 * maxNumber]byte

// forms gives the number that a URI names in the two forms by which DIDs and calling numbers
// are looked up: in E.164 as far as the plan tells, and its digits as they were dialled; both
// without a "+", since carriers send E.164 without one, too. Not ok: it names none.
func (p *NumberPlan) forms(room *numberRoom, u *sip.URI) (global, dialled []byte, ok bool) {
	const split = 3 * maxNumber
	if global, ok = p.AppendURI(room[:0:split], u); !ok {
		return nil, nil, false
	}
	dialled, digits, _ := readNumber(room[split:split], u.User)
	return withoutPlus(global), withoutPlus(dialled[:digits]), true
}

func withoutPlus(number []byte) []byte {
	if len(number) > 0 && number[0] == '+' {
		return number[1:]
	}
	return number
}

// caller is the number that calls: that of P-Asserted-Identity, else that of From (mission row
// A14). It is read when it is first asked for, since most entries ask for none.
type caller struct {
	uri   sip.URI
	read  bool
	named bool
}

// of gives the number of a request; nil where there is none.
func (c *caller) of(m *sip.Message) *sip.URI {
	if !c.read {
		c.uri, c.named = callerOf(m)
		c.read = true
	}
	if !c.named {
		return nil
	}
	return &c.uri
}

// callerOf reads the number that calls.
func callerOf(m *sip.Message) (cli sip.URI, ok bool) {
	for _, header := range [...]sip.HeaderID{sip.HdrPAI, sip.HdrFrom} {
		elements := m.Elements(header)
		for range maxNamed {
			element, more := elements.Next()
			if !more {
				break
			}
			name, err := sip.ParseNameAddr(element)
			if err != nil {
				continue
			}
			if uri, err := sip.ParseURI(name.URI); err == nil && len(uri.User) > 0 {
				return uri, true
			}
		}
	}
	return cli, false
}
