// Package importer brings what others wrote into one customer: CSV of SIP users, switches, DIDs and
// block list entries, tables of Kamailio (subscriber, address, dispatcher) and extensions of
// FusionPBX, as CSV or as an SQL dump.
//
// A preset turns each line into a noun as tenants.yaml would have it; package tenantfile compares
// them with what stands and applies them, all in one transaction. Whatever is not taken is told
// with its line, its column, why, and what would be right. What an import does not name stays.
//
// It is not its job to judge nouns (package tenant) or to store them (package store). A file is
// hostile: CSV as in RFC 4180, plain UTF-8, bounded in bytes and lines; no SQL is run, it is only read.
package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
)

// SizeLimit is how many bytes a file may have.
const SizeLimit = 100 << 20

// The other limits of a file.
const (
	recordLimit = 200_000
	columnLimit = 200
)

// rounds is how often what is left is looked at again once bad lines are out. Nearly all that is
// wrong is told at once; what only the store can judge comes one by one.
const rounds = 50

// Source is what is imported, and how.
type Source struct {
	Preset   string
	File     string // what faults call it
	Data     []byte
	Customer tenant.CustomerID
	SkipBad  bool // take the good lines; else one bad line refuses the file
}

// Import is a file that was compared with what stands, and not applied yet.
type Import struct {
	Plan    *tenantfile.Plan
	Lines   int               // that the file has, without its header
	Taken   int               // of them
	Skipped tenantfile.Faults // why the others are not, in order of place; empty unless Source.SkipBad
	Notes   tenantfile.Faults // what is left out on purpose or taken otherwise than it stands
	Ignored []string          // columns that hold something and are not read

	src  Source
	opt  tenantfile.Options
	into target
	list string
	rows []row
	bad  tenantfile.Faults
}

// row is one noun of the file; some need several lines.
type row struct {
	tenantfile.Row
	lines []place
}

// target is the customer that gets all of it.
type target struct {
	name, realm string
	domains     []string
	onlyMD5     bool // phones are asked for nothing better
}

// New reads a file and compares it with the store. An error is tenantfile.Faults (every line that
// cannot be taken), a fault of package tenant where there is no such customer or preset, or the store's own.
func New(ctx context.Context, st *store.Store, src Source, opt tenantfile.Options) (*Import, error) {
	opt.Principal.Via = "import"
	preset, ok := presets()[src.Preset]
	if !ok {
		return nil, &tenant.Fault{Code: tenant.CodeUnknown, Field: "preset", Message: "there is no such preset", Want: "one of " + presetList()}
	}
	accounts, err := st.FullAccounts(ctx, opt.Principal.Scope(), []tenant.CustomerID{src.Customer})
	if err != nil {
		return nil, err
	}
	if len(accounts) == 0 {
		return nil, tenant.NotFound(tenant.KindCustomer)
	}
	if f := opt.Principal.MayWrite(tenant.KindSIPUser, tenant.ActionCreate); f != nil { // as for all that can be imported
		return nil, f
	}
	im := &Import{src: src, opt: opt, into: targetOf(accounts[0]), list: preset.list}
	rd := &reading{file: src.File, into: im.into}
	if t := rd.table(preset, src.Data); t != nil {
		im.rows = preset.rows(rd, t)
		im.Ignored = rd.ignored(t, preset)
	}
	im.Lines = rd.lines
	im.bad, im.Notes = rd.faults, inOrder(rd.notes)
	if rd.broken {
		return nil, inOrder(im.bad)
	}
	return im, im.plan(ctx, st)
}

func targetOf(a *tenant.Account) target {
	t := target{name: a.Customer.Name, realm: a.Customer.Realm, onlyMD5: slices.Equal(a.Customer.Digest, []string{"md5"})}
	for _, d := range a.Domains {
		t.domains = append(t.domains, d.Name)
	}
	return t
}

// plan compares what is left of the rows with the store, until nothing is wrong with them.
func (im *Import) plan(ctx context.Context, st *store.Store) error {
	for range rounds {
		plan, err := tenantfile.New(ctx, st, tenantfile.Rows(im.src.File, im.into.name, im.list, im.plain()), im.opt)
		var faults tenantfile.Faults
		if err != nil && !errors.As(err, &faults) {
			return err
		}
		if len(faults) == 0 && (len(im.bad) == 0 || im.src.SkipBad) {
			im.settle(plan)
			return nil
		}
		if !im.src.SkipBad || !im.skip(faults) {
			return inOrder(append(slices.Clone(im.bad), faults...))
		}
	}
	return inOrder(im.bad)
}

func (im *Import) plain() []tenantfile.Row {
	out := make([]tenantfile.Row, len(im.rows))
	for i := range im.rows {
		out[i] = im.rows[i].Row
	}
	return out
}

func (im *Import) settle(plan *tenantfile.Plan) {
	im.Plan, im.Taken, im.Skipped = plan, 0, inOrder(slices.Clone(im.bad))
	for i := range im.rows {
		im.Taken += len(im.rows[i].lines)
	}
}

// skip takes the rows out that faults are about; false where a fault is about none of them. Who has
// no channels left is only known once all else that is bad is out.
func (im *Import) skip(faults tenantfile.Faults) bool {
	capacity := func(f *tenantfile.Fault) bool { return f.Code == tenant.CodeNoCapacity }
	if !slices.ContainsFunc(faults, func(f *tenantfile.Fault) bool { return !capacity(f) }) {
		capacity = func(*tenantfile.Fault) bool { return false }
	}
	owner := newOwners(im.rows)
	drop := map[int]*tenantfile.Fault{}
	for _, f := range faults {
		if capacity(f) {
			continue
		}
		i, ok := owner.of(place{f.Line, f.Column})
		if !ok {
			return false
		}
		if drop[i] == nil {
			drop[i] = f
		}
		im.bad = append(im.bad, f)
	}
	left := im.rows[:0:0]
	for i := range im.rows {
		if f := drop[i]; f == nil {
			left = append(left, im.rows[i])
		} else {
			im.tellOthers(&im.rows[i], f)
		}
	}
	im.rows = left
	return len(drop) > 0
}

// tellOthers tells why the other lines of a row that is not taken are not taken either.
func (im *Import) tellOthers(r *row, f *tenantfile.Fault) {
	for _, at := range r.lines {
		if at.line == f.Line {
			continue
		}
		im.bad = append(im.bad, &tenantfile.Fault{
			File: im.src.File, Line: at.line, Column: at.column, Code: tenant.CodeReferenced,
			Message: fmt.Sprintf("belongs to the same one as line %d, which is not taken", f.Line), Want: "put that line right",
		})
	}
}

// Apply does what was planned. Where the store refuses lines only now, they are skipped as the source allows.
func (im *Import) Apply(ctx context.Context, st *store.Store) (*tenantfile.Result, error) {
	for range rounds {
		done, err := im.Plan.Apply(ctx, st)
		var faults tenantfile.Faults
		if err == nil || !errors.As(err, &faults) || !im.src.SkipBad || !im.skip(faults) {
			return done, err
		}
		if err := im.plan(ctx, st); err != nil {
			return nil, err
		}
	}
	return nil, inOrder(im.bad)
}

// owners finds the row that a place belongs to.
type owners struct {
	at  []place
	row []int
}

func newOwners(rows []row) *owners {
	type start struct {
		at  place
		row int
	}
	var starts []start
	for i := range rows {
		for _, at := range rows[i].lines {
			starts = append(starts, start{at, i})
		}
	}
	slices.SortFunc(starts, func(a, b start) int { return a.at.compare(b.at) })
	o := &owners{}
	for _, s := range starts {
		o.at, o.row = append(o.at, s.at), append(o.row, s.row)
	}
	return o
}

// of gives the row whose line begins last before a place. Places of faults are those of cells or of lines.
func (o *owners) of(at place) (int, bool) {
	i, exact := slices.BinarySearchFunc(o.at, at, place.compare)
	if !exact {
		i--
	}
	if i < 0 || o.at[i].line == 0 {
		return 0, false
	}
	return o.row[i], true
}

// place is where something stands; lines and columns (in bytes) count from 1.
type place struct{ line, column int }

func (p place) compare(o place) int { return cmp.Or(p.line-o.line, p.column-o.column) }

// inOrder sorts faults by place; nil where there are none.
func inOrder(fs tenantfile.Faults) tenantfile.Faults {
	if len(fs) == 0 {
		return nil
	}
	slices.SortStableFunc(fs, func(a, b *tenantfile.Fault) int {
		return place{a.Line, a.Column}.compare(place{b.Line, b.Column})
	})
	return slices.CompactFunc(fs, func(a, b *tenantfile.Fault) bool { return *a == *b })
}

// shown is a hostile value in a message: not long, and text.
func shown(v string) string {
	if len(v) > 60 {
		v = v[:60] + "..."
	}
	if !utf8.ValidString(v) {
		return fmt.Sprintf("%+q", v)
	}
	return fmt.Sprintf("%q", v)
}
