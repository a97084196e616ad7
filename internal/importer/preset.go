package importer

import (
	"crypto/md5" //nolint:gosec // its size
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
)

// preset is one form of file.
type preset struct {
	list    string   // of tenants.yaml, that its lines belong to
	sql     string   // the table's name in a dump; "" = CSV only
	columns []column // that are read
	needs   []string // columns that must be there
	passed  []string // columns that say nothing, so that nobody is told that they are not read
	convert func(r *reading, t *table) []row
}

// column is one that is read; without a kind the preset reads it by itself.
type column struct {
	name string
	kind kind
}

type kind int

const (
	special kind = iota
	textual
	dialled // digits, mostly
	number
	flag
	several // values with blanks, commas or semicolons between them
	secret
)

func presets() map[string]*preset {
	return map[string]*preset{
		"users":                usersCSV(),
		"switches":             switchesCSV(),
		"dids":                 {list: "dids", columns: []column{{"number", dialled}, {"sip_user", textual}, {"switch", textual}}, needs: []string{"number"}},
		"blocklist":            {list: "blocklist", columns: []column{{"prefix", dialled}, {"domain", textual}, {"mode", textual}}, needs: []string{"prefix"}},
		"kamailio-subscriber":  kamailioSubscriber(),
		"kamailio-address":     kamailioAddress(),
		"kamailio-dispatcher":  kamailioDispatcher(),
		"fusionpbx-extensions": fusionExtensions(),
	}
}

// Presets lists what can be imported.
func Presets() []string { return slices.Sorted(maps.Keys(presets())) }

func presetList() string { return strings.Join(Presets(), ", ") }

// foreign says whether somebody else made the form: his files have columns that mean nothing here.
func (p *preset) foreign() bool { return p.convert != nil }

func (p *preset) knows(name string) bool {
	return slices.ContainsFunc(p.columns, func(c column) bool { return c.name == name })
}

// wants says what a header is to be.
func (p *preset) wants() string {
	names := make([]string, len(p.columns))
	for i, c := range p.columns {
		names[i] = c.name
	}
	of := "a first line that names the columns, of "
	if p.sql != "" {
		of = "a dump of the table " + p.sql + ", or CSV with a first line that names the columns, of "
	}
	return of + strings.Join(names, ", ")
}

func (p *preset) rows(r *reading, t *table) []row {
	if p.convert != nil {
		return p.convert(r, t)
	}
	var out []row
	for i := range t.records {
		rec := &t.records[i]
		b := newBuilder(r, rec)
		for _, c := range p.columns {
			b.typed(t, rec, c)
		}
		b.hash(t, rec)
		out = b.done(out)
	}
	return out
}

func usersCSV() *preset {
	return &preset{list: "sip_users", needs: []string{"username"}, columns: []column{
		{"username", dialled},
		{"password", secret},
		{"ha1", special},
		{"realm", special},
		{"profile", textual},
		{"channels", number},
		{"cps", number},
		{"protocol", textual},
		{"allow_from", several},
		{"nat_ping", textual},
		{"retain_did", flag},
		{"smart_extension", flag},
		{"restricted_codecs", several},
		{"latching", textual},
		{"voicemail.enabled", flag},
		{"voicemail.email", textual},
		{"voicemail.pin", secret},
	}}
}

func switchesCSV() *preset {
	return &preset{list: "switches", needs: []string{"name", "direction"}, columns: []column{
		{"name", textual},
		{"direction", textual},
		{"addresses", several},
		{"host", textual},
		{"port", number},
		{"channels", number},
		{"cps", number},
		{"protocol", textual},
		{"dial_pattern", textual},
		{"tech_prefix", textual},
		{"cli_prefix", textual},
		{"force_from", textual},
		{"force_nat", flag},
		{"intercept_reinvite", flag},
		{"cli_authentication", flag},
		{"restricted_codecs", several},
		{"latching", textual},
		{"manufacturer", textual},
		{"version", textual},
		{"username", textual},
		{"password", secret},
		{"realm", textual},
		{"register", flag},
		{"outbound_proxies", several},
	}}
}

// builder makes one row.
type builder struct {
	r      *reading
	row    row
	faults int // of the reading when it began
}

func newBuilder(r *reading, rec *record) *builder {
	b := &builder{r: r, faults: len(r.faults)}
	b.row.Line, b.row.Column, b.row.lines = rec.at.line, rec.at.column, []place{rec.at}
	return b
}

// done adds the row to the others, unless something is wrong with it.
func (b *builder) done(rows []row) []row {
	if len(b.r.faults) > b.faults {
		return rows
	}
	return append(rows, b.row)
}

// set adds a cell; a dot in the key leads into a mapping.
func (b *builder) set(key string, at place, v any) {
	outer, inner, nested := strings.Cut(key, ".")
	if !nested {
		b.row.Cells = append(b.row.Cells, tenantfile.Cell{Key: key, Value: v, Line: at.line, Column: at.column})
		return
	}
	cell := tenantfile.Cell{Key: inner, Value: v, Line: at.line, Column: at.column}
	for i := range b.row.Cells {
		if c := &b.row.Cells[i]; c.Key == outer {
			m, _ := c.Value.(tenantfile.Map)
			c.Value = append(m, cell)
			return
		}
	}
	b.set(outer, at, tenantfile.Map{cell})
}

// typed reads a cell by its column's kind. An empty one says nothing.
func (b *builder) typed(t *table, rec *record, c column) {
	v := t.get(rec, c.name)
	if v.text == "" {
		return
	}
	switch c.kind {
	case textual:
		b.text(c.name, v)
	case dialled:
		b.dialled(c.name, v)
	case number:
		b.number(c.name, v)
	case flag:
		b.flag(c.name, v)
	case several:
		b.several(c.name, v)
	case secret:
		b.set(c.name, v.at, t.raw(rec, c.name).text)
	case special:
	}
}

// text takes a value that is none of a spreadsheet's formulas. An apostrophe before what begins
// like one is a spreadsheet's own mark of text, and that of Tollgate's CSV: it is taken off.
func (b *builder) text(key string, v value) {
	text := v.text
	if after, marked := strings.CutPrefix(text, "'"); marked && strings.IndexAny(after, "=+-@") == 0 {
		text = after
	}
	if text == v.text && formula(text) {
		b.r.fault(v.at, tenant.CodeInvalid, key, shown(text)+" begins like a formula of a spreadsheet", "the plain text; if it is meant so, with ' before it")
		return
	}
	b.set(key, v.at, text)
}

// dialled is text for what is dialled. A spreadsheet that has taken it for a quantity writes 1001.0 or 3.90401E+11: there
// the point is no separator, and not all that follows is a digit of the number.
func (b *builder) dialled(key string, v value) {
	if counted.MatchString(v.text) {
		b.r.fault(v.at, tenant.CodeInvalid, key, shown(v.text)+" is a number as spreadsheets count", "the digits alone, from a column that is text")
		return
	}
	b.text(key, v)
}

var counted = regexp.MustCompile(`^[0-9]+([.,]0+|([.,][0-9]+)?[eE]\+[0-9]+)$`)

// formula says whether a spreadsheet would compute a value. What begins with + and goes on as a
// number or word is none: +39040, +e164.
func formula(v string) bool {
	switch v[0] {
	case '=', '@':
		return true
	case '-', '+':
		return strings.ContainsAny(v[1:], "=@|!()'\"+*/")
	}
	return false
}

func (b *builder) number(key string, v value) {
	n, err := strconv.Atoi(v.text)
	if err != nil || strconv.Itoa(n) != v.text {
		b.r.fault(v.at, tenant.CodeInvalid, key, shown(v.text)+" is no whole number", "such as 10")
		return
	}
	b.set(key, v.at, n)
}

func (b *builder) flag(key string, v value) {
	on, ok := truth(v.text)
	if !ok {
		b.r.fault(v.at, tenant.CodeInvalid, key, shown(v.text)+" is neither true nor false", "true or false")
		return
	}
	b.set(key, v.at, on)
}

// truth reads what CSV and databases write for yes and no.
func truth(v string) (on, ok bool) {
	switch strings.ToLower(v) {
	case "true", "yes", "1", "t", "y", "on":
		return true, true
	case "false", "no", "0", "f", "n", "off":
		return false, true
	}
	return false, false
}

func (b *builder) several(key string, v value) {
	list := tenantfile.List{}
	for part := range strings.FieldsFuncSeq(v.text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) }) {
		list = append(list, tenantfile.Cell{Value: part, Line: v.at.line, Column: v.at.column})
	}
	b.set(key, v.at, list)
}

// hash takes ha1 and realm in the place of a password.
func (b *builder) hash(t *table, rec *record) {
	ha1, realm := t.get(rec, "ha1"), t.get(rec, "realm")
	if ha1.text == "" {
		return
	}
	if t.raw(rec, "password").text != "" {
		b.r.fault(ha1.at, tenant.CodeConflict, "password", "both a password and a hash", "one of them")
		return
	}
	if realm.text == "" {
		realm.text = b.r.into.realm
	}
	b.ha1(ha1, realm.text)
}

// ha1 sets the hash of a password, which holds the realm.
func (b *builder) ha1(v value, realm string) {
	if len(v.text) == 2*md5.Size && !b.r.into.onlyMD5 && !b.r.toldMD5 {
		b.r.toldMD5 = true
		b.r.note(v.at, "password", "is an MD5 hash, as others may be after it: it answers no SHA-256, which phones are asked for first", "digest: [md5] at the customer, until the passwords are set anew")
	}
	b.set("password", v.at, tenantfile.Map{
		{Key: "ha1", Value: v.text, Line: v.at.line, Column: v.at.column},
		{Key: "realm", Value: realm, Line: v.at.line, Column: v.at.column},
	})
}

// password sets one that is another system's; there the word generate is a password like others.
func (b *builder) password(v value) {
	if v.text == "generate" {
		b.r.fault(v.at, tenant.CodeInvalid, "password", "the password is the word generate", "another one")
		return
	}
	b.set("password", v.at, v.text)
}

// ours says whether a domain is one of the customer's, and tells where it is not.
func (b *builder) ours(v value) bool {
	name := tenant.CanonicalHost(v.text)
	if name == b.r.into.realm || slices.Contains(b.r.into.domains, name) {
		return true
	}
	want := "a domain of the customer first"
	if len(b.r.into.domains) > 0 {
		want = "one of " + strings.Join(b.r.into.domains[:min(5, len(b.r.into.domains))], ", ") + ", or the customer whose domain it is"
	}
	b.r.fault(v.at, tenant.CodeUnknown, "domain", shown(v.text)+" is no domain of this customer", want)
	return false
}
