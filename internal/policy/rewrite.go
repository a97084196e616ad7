package policy

import (
	"bytes"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// Rewriter is the number rewriting of one switch or SIP user, compiled (mission rows A6, A7
// and A14). What arrives loses its prefixes, goes through the rules and is brought from the
// dial pattern to E.164; what is sent goes through the rules, is brought to the dial pattern
// and gets its prefixes. Immutable; nil rewrites nothing.
type Rewriter struct {
	sends   bool // what is sent to an ingress switch, else what arrives
	rules   []rewriteRule
	pattern string // "" = raw
	tech    string
	cli     string
	from    string
}

// The dial patterns (mission row A6). Raw is any other.
const (
	patternE164     = "e164"
	patternPlus     = "+e164"
	patternZeros    = "00"
	patternNational = "national"
)

// CompileRewriter compiles the rewriting of a switch; nil where there is nothing to do.
func CompileRewriter(sw *tenant.Switch) (*Rewriter, error) {
	rules, err := compileRewrites(sw.Rewrite)
	if err != nil {
		return nil, err
	}
	w := &Rewriter{
		sends: sw.Direction == tenant.Ingress, rules: rules, pattern: sw.DialPattern,
		tech: sw.TechPrefix, cli: sw.CLIPrefix, from: sw.ForceFrom,
	}
	if w.pattern == "raw" {
		w.pattern = ""
	}
	if len(rules) == 0 && w.pattern == "" && w.tech == "" && w.cli == "" && w.from == "" {
		return nil, nil
	}
	return w, nil
}

// CompileRewrites compiles a list of rules by itself, such as a SIP user's; nil where it is empty.
func CompileRewrites(list []tenant.Rewrite) (*Rewriter, error) {
	return CompileRewriter(&tenant.Switch{Rewrite: list})
}

// Number is what a party is called by: digits, or a name.
type Number struct {
	Changed bool // by rewriting
	n       uint8
	text    [maxNumber]byte
}

// Bytes is the number without escapes, and without separators where it is digits; it aliases
// n. Empty: there is none, or one too long to be rewritten.
func (n *Number) Bytes() []byte { return n.text[:n.n] }

// set replaces the number; false where the new one is empty or too long.
func (n *Number) set(text []byte) bool {
	if len(text) == 0 || len(text) > maxNumber {
		return false
	}
	if string(text) != string(n.Bytes()) {
		n.n, n.Changed = uint8(copy(n.text[:], text)), true
	}
	return true
}

// Numbers is the numbers of a request on their way through rewriting: first that of the entry
// that sent it, then that of the switch that it goes to. The zero value was not read yet.
type Numbers struct {
	Called    Number
	Calling   Number // of P-Asserted-Identity where an entry sent one, else of From
	From      Number // what From is forced to; empty: Calling
	Asserted  bool   // Calling is that of P-Asserted-Identity
	Global    bool   // Called is E.164 without its "+"
	Emergency bool   // rules and dial patterns leave Called alone
	read      bool
}

// Changed says that something is to be written anew.
func (n *Numbers) Changed() bool { return n.Called.Changed || n.Calling.Changed || n.From.Changed }

// Read takes the numbers of a request, unless that was done already. From an entry, its
// P-Asserted-Identity is believed (RFC 3325 3).
func (n *Numbers) Read(m *sip.Message, entry, emergency bool) {
	if n.read {
		return
	}
	*n = Numbers{read: true, Emergency: emergency}
	n.Called.read(m.RequestURI())
	if pai, ok := nameIn(m, sip.HdrPAI); ok && entry {
		n.Asserted = n.Calling.read(pai)
	}
	if !n.Asserted {
		from, _ := nameIn(m, sip.HdrFrom)
		n.Calling.read(from)
	}
}

// nameIn gives the first URI of a header.
func nameIn(m *sip.Message, header sip.HeaderID) ([]byte, bool) {
	elements := m.Elements(header)
	element, ok := elements.Next()
	name, err := sip.ParseNameAddr(element)
	return name.URI, ok && err == nil
}

// read takes the user part of a URI; false where there is none that can be rewritten.
func (n *Number) read(raw []byte) bool {
	uri, err := sip.ParseURI(raw)
	if err != nil {
		return false
	}
	var context []byte
	if uri.Scheme == sip.SchemeTEL {
		context, _ = uri.Param("phone-context")
	}
	return n.readText(uri.User, context)
}

// readText takes a user part. A global phone-context goes before the number (RFC 3966 5.1.5);
// what is no number is only unescaped.
func (n *Number) readText(user, context []byte) bool {
	var room [3 * maxNumber]byte
	var dialled NumberPlan
	if text, ok := dialled.Append(room[:0], user, context); ok && len(text) <= maxNumber {
		n.n = uint8(copy(n.text[:], text))
		return true
	}
	name, _, _ := bytes.Cut(user, []byte{';'})
	if len(name) > len(room) {
		return false
	}
	text := sip.AppendUnescaped(room[:0], name)
	if len(text) == 0 || len(text) > maxNumber {
		return false
	}
	n.n = uint8(copy(n.text[:], text))
	return true
}

// AppendKey appends Called in the form in which numbers are compared.
func (n *Numbers) AppendKey(dst []byte, plan *NumberPlan) []byte {
	if n.Global {
		return append(append(dst, '+'), n.Called.Bytes()...)
	}
	dst, _ = plan.Append(dst, n.Called.Bytes(), []byte{})
	return dst
}

// RewriteStep is one step of a rewriting, as it is told.
type RewriteStep struct {
	What   string `json:"what"` // destination, cli or from
	By     string `json:"by"`   // tech_prefix, cli_prefix, rule, dial_pattern or force_from
	Rule   int    `json:"rule,omitempty"`
	Before string `json:"before"`
	After  string `json:"after"`
	Text   string `json:"text"` // the rule, pattern or other subject
	Note   Phrase `json:"note"` // what it did, or why nothing; behind Text
}

// Changed says that the step did something.
func (s *RewriteStep) Changed() bool { return s.Before != s.After }

// The words of RewriteStep.
const (
	whatCalled  = "destination"
	whatCalling = "cli"
	whatFrom    = "from"
)

// Apply rewrites numbers that were read, for a customer. Each step is appended to steps
// unless that is nil.
func (w *Rewriter) Apply(n *Numbers, c *Customer, steps *[]RewriteStep) {
	if w == nil {
		return
	}
	if !w.sends {
		w.strip(n, steps)
		n.Emergency = n.Emergency || c.isEmergencyNumber(n.Called.Bytes())
	}
	w.rewrite(n, steps)
	if w.pattern != "" && n.Called.n > 0 {
		w.dial(n, &c.Plan, steps)
	}
	if w.sends {
		w.add(n, steps)
	}
	if w.from != "" {
		before := n.From
		if before.n == 0 {
			before = n.Calling
		}
		n.From.set([]byte(w.from))
		n.From.Changed = true
		told(steps, whatFrom, "force_from", &before, &n.From, "", "From is forced to it")
	}
}

// rewrite goes through the rules, in order, each of them once.
func (w *Rewriter) rewrite(n *Numbers, steps *[]RewriteStep) {
	for i := range w.rules {
		r := &w.rules[i]
		number, what := &n.Calling, whatCalling
		if r.called {
			number, what = &n.Called, whatCalled
		}
		before := *number
		note := r.apply(number, r.called && n.Emergency)
		if steps != nil {
			told(steps, what, "rule", &before, number, r.text, note)
			(*steps)[len(*steps)-1].Rule = i + 1
		}
	}
	n.Global = n.Global && isE164(n.Called.Bytes())
}

// strip takes off the prefixes of what arrives.
func (w *Rewriter) strip(n *Numbers, steps *[]RewriteStep) {
	for _, p := range [...]struct {
		prefix, what, by string
		of               *Number
	}{{w.tech, whatCalled, "tech_prefix", &n.Called}, {w.cli, whatCalling, "cli_prefix", &n.Calling}} {
		if p.prefix == "" {
			continue
		}
		before := *p.of
		note := Phrase("the number does not begin with it")
		if hasPrefix(before.Bytes(), p.prefix) && p.of.set(before.Bytes()[len(p.prefix):]) {
			note = "taken off"
		}
		told(steps, p.what, p.by, &before, p.of, "", note)
	}
}

// add puts the prefixes before what is sent; only a number gets one.
func (w *Rewriter) add(n *Numbers, steps *[]RewriteStep) {
	for _, p := range [...]struct {
		prefix, what, by string
		of               *Number
	}{{w.tech, whatCalled, "tech_prefix", &n.Called}, {w.cli, whatCalling, "cli_prefix", &n.Calling}} {
		if p.prefix == "" {
			continue
		}
		var room [2 * maxNumber]byte
		before := *p.of
		note := Phrase("it is not a number")
		if before.dials() {
			if note = "added"; !p.of.set(append(append(room[:0], p.prefix...), before.Bytes()...)) {
				note = "the result would be longer than 64 characters, so it is left as it is"
			}
		}
		told(steps, p.what, p.by, &before, p.of, "", note)
	}
}

// dials says that it begins as a number does.
func (n *Number) dials() bool {
	return n.n > 0 && dialledBegin(n.text[0])
}

func dialledBegin(c byte) bool { return c >= '0' && c <= '9' || c == '+' || c == '*' || c == '#' }

// told appends a step: what took it, and behind that what it did or why nothing.
func told(steps *[]RewriteStep, what, by string, before, after *Number, text string, note Phrase) {
	if steps == nil {
		return
	}
	*steps = append(*steps, RewriteStep{
		What: what, By: by, Before: string(before.Bytes()), After: string(after.Bytes()), Text: text, Note: note,
	})
}

// In says a step in one line, in a language.
func (s *RewriteStep) In(l Language) string {
	by := s.By
	if s.Rule > 0 {
		by = l.Say("rule %d", s.Rule)
	}
	text := s.Text + l.Say(s.Note)
	if !s.Changed() {
		return l.Say("%s %q stays, %s: %s.", s.What, s.Before, by, text)
	}
	return l.Say("%s %q becomes %q, %s: %s.", s.What, s.Before, s.After, by, text)
}
