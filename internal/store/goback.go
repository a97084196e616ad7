package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// Left is what did not go back, since somebody has changed it or built on it meanwhile.
type Left struct {
	Noun     tenant.Kind `json:"noun"`
	Name     string      `json:"name"`
	Customer string      `json:"customer,omitempty"`
	Why      string      `json:"why"`
}

// WentBack is what became of an apply that was not confirmed.
type WentBack struct {
	Pending  Pending `json:"apply"`
	Revision int64   `json:"revision"`
	Nouns    int     `json:"nouns" doc:"How many went back."`
	Left     []Left  `json:"left" nullable:"false" doc:"What others have changed, or built on, since: it stays as it is."`
}

// GoBack takes a pending apply back in one transaction: ids, secrets and what went with a customer
// included. What others have changed since stays, and is named; where the rest of a customer would
// not fit to that, all of this customer stays. tenant.ErrNotFound where the apply does not wait any more.
func (s *Store) GoBack(ctx context.Context, p tenant.Principal, id int64) (*WentBack, error) {
	p.Via = "apply"
	spared := map[tenant.CustomerID]string{}
	for {
		var out *WentBack
		revision, err := s.Write(ctx, p, p.Scope(), func(tx *Tx) (err error) {
			out, err = tx.goBack(ctx, id, spared)
			return err
		})
		if err == nil {
			out.Revision = revision
			return out, nil
		}
		known := len(spared)
		for _, f := range tenant.FaultsOf(err) {
			if _, ok := spared[f.Owner]; f.Owner != 0 && !ok {
				spared[f.Owner] = "what is there now does not go with what was: " + f.Message
			}
		}
		if len(spared) == known {
			return nil, err
		}
	}
}

// wayBack is a pending apply on its way back.
type wayBack struct {
	tx     *Tx
	nouns  []pendingNoun
	why    map[nounID]string // of what is left
	made   map[nounID]bool   // by the apply
	kept   map[nounID]image
	out    *WentBack
	spared map[tenant.CustomerID]string
}

func (t *Tx) goBack(ctx context.Context, id int64, spared map[tenant.CustomerID]string) (*WentBack, error) {
	p, err := t.decide(ctx, id)
	if err != nil {
		return nil, err
	}
	b := &wayBack{
		tx: t, why: map[nounID]string{}, made: map[nounID]bool{}, kept: map[nounID]image{},
		out: &WentBack{Pending: *p, Left: []Left{}}, spared: spared,
	}
	if err := t.db.NewSelect().Model(&b.nouns).OrderExpr("noun, noun_id").Scan(ctx); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{
		t.countAdmins, b.read, b.theirs, b.taken, b.makeRoom, b.restore, b.delete, b.marks, b.name, t.forget,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	t.record(AuditEntry{Action: tenant.ActionRevert, Noun: tenant.KindNode, Name: "apply of " + p.File})
	return b.out, nil
}

func (n *pendingNoun) key() nounID { return nounID{tenant.Kind(n.Noun), n.NounID} }

// read reads the images.
func (b *wayBack) read(context.Context) error {
	for i := range b.nouns {
		n := &b.nouns[i]
		if n.Image == "" {
			b.made[n.key()] = true
			continue
		}
		d := json.NewDecoder(strings.NewReader(n.Image))
		d.UseNumber()
		im := image{}
		if err := d.Decode(&im); err != nil {
			return fmt.Errorf("%s %d before the apply: %w", n.Noun, n.NounID, err)
		}
		for _, rows := range im {
			for _, row := range rows {
				settle(row)
			}
		}
		b.kept[n.key()] = im
	}
	return nil
}

// settle turns the numbers of JSON into those of the database.
func settle(row map[string]any) {
	for k, v := range row {
		if n, ok := v.(json.Number); ok {
			whole, err := n.Int64()
			if err != nil {
				continue
			}
			row[k] = whole
		}
	}
}

// theirs leaves what somebody has changed since the apply, and a customer or company that the apply
// made if others have put something into it.
func (b *wayBack) theirs(ctx context.Context) error {
	var rows []auditRow
	// The link to a first password comes with the apply.
	err := b.tx.db.NewSelect().Model(&rows).Where("revision > ?", b.out.Pending.Revision).Where("action <> ?", string(tenant.ActionLink)).
		OrderExpr("id").Scan(ctx)
	if err != nil {
		return err
	}
	full := map[tenant.CustomerID]string{}
	for i := range rows {
		e := &rows[i]
		if e.own() && b.made[nounID{tenant.KindUser, e.NounID}] {
			continue // a user who sets his first password does not make himself stay
		}
		why := fmt.Sprintf("%s has changed it at %s", e.Who, time.UnixMicro(e.At).UTC().Format("15:04:05 MST"))
		b.why[nounID{tenant.Kind(e.Noun), e.NounID}] = why
		into := why
		if k := tenant.Kind(e.Noun); k != tenant.KindCustomer && k != tenant.KindCompany {
			into = fmt.Sprintf("%s has put %s %s into what the apply had made", e.Who, e.Noun, e.Name)
		}
		if id := (nounID{tenant.KindCustomer, e.CustomerID}); b.made[id] {
			full[tenant.CustomerID(e.CustomerID)], b.why[id] = into, into
		}
		if id := (nounID{tenant.KindCompany, e.CompanyID}); b.made[id] {
			b.why[id] = into
		}
	}
	for id, why := range b.spared {
		full[id] = why
	}
	for i := range b.nouns {
		if why, ok := full[tenant.CustomerID(b.nouns[i].CustomerID)]; ok && b.nouns[i].CustomerID != 0 && b.why[b.nouns[i].key()] == "" {
			b.why[b.nouns[i].key()] = why
		}
	}
	return nil
}

// own says whether a panel user did this to himself.
func (r *auditRow) own() bool {
	return r.Noun == string(tenant.KindUser) && r.WhoKind == string(tenant.PrincipalUser) && r.Who == r.Name
}

// taken leaves what cannot stand where it stood: its name is another's now, or its owner is gone.
// Each that is left may be in the way of the next.
func (b *wayBack) taken(ctx context.Context) error {
	for again := true; again; {
		again = false
		for id, im := range b.kept {
			if b.why[id] != "" {
				continue
			}
			why, err := b.tx.rower(id.kind).hinders(ctx, b, id.id, im)
			if err != nil {
				return err
			}
			if why != "" {
				b.why[id], again = why, true
			}
		}
	}
	return nil
}

// hinders says why a noun cannot stand where it stood, "": it can.
func (w Writer[T, ID]) hinders(ctx context.Context, b *wayBack, id int64, im image) (string, error) {
	v, err := w.decodeRow(im[w.t.name][0])
	if err != nil {
		return "", err
	}
	for _, o := range w.t.owners(&v) {
		kind := map[string]tenant.Kind{"company_id": tenant.KindCompany, "customer_id": tenant.KindCustomer}[o.name]
		owner, _ := o.value.(int64)
		if owner == 0 || b.kept[nounID{kind, owner}] != nil && b.why[nounID{kind, owner}] == "" {
			continue
		}
		rows, err := w.tx.rows(ctx, b.tx.rower(kind).table(), "id", owner)
		if err != nil || len(rows) == 0 {
			return "its " + string(kind) + " is gone", err
		}
	}
	if w.t.kind == tenant.KindAPIKey {
		return "", nil // their names need not differ
	}
	var holders []int64
	if err := w.holders(&v).Column("id").Where("id <> ?", id).Scan(ctx, &holders); err != nil {
		return "", err
	}
	for _, h := range holders {
		id := nounID{w.t.kind, h}
		if b.why[id] != "" || !b.made[id] && b.kept[id] == nil {
			return "its name is another's by now", nil
		}
	}
	return "", nil
}

// delete takes away what the apply made, owners last; after all else has gone back, since with a
// company goes who had moved there.
func (b *wayBack) delete(ctx context.Context) error {
	order := b.tx.nouns()
	slices.Reverse(order)
	for _, r := range order {
		for i := range b.nouns {
			n := &b.nouns[i]
			if r.kind() != n.key().kind || !b.made[n.key()] || b.why[n.key()] != "" {
				continue
			}
			if err := r.remove(ctx, n.NounID); err != nil {
				return err
			}
			b.out.Nouns++
		}
	}
	return nil
}

// remove deletes a noun without asking its hooks; what it leaves hanging is judged at the end.
func (w Writer[T, ID]) remove(ctx context.Context, id int64) error {
	v, err := w.Get(ctx, ID(id))
	if errors.Is(err, tenant.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := w.tx.db.NewDelete().TableExpr(w.t.name).Where("id = ?", id).Exec(ctx); err != nil {
		return err
	}
	if err := w.note(ctx, &change{ctx: ctx, tx: w.tx, action: tenant.ActionDelete, id: id}, &v, nil); err != nil {
		return err
	}
	customer := w.of(&v)
	w.tx.touched.sharing[customer] = true
	switch n := w.t.noun(&v).(type) {
	case *tenant.Company:
		w.tx.touched.deletedCompanies = append(w.tx.touched.deletedCompanies, *n)
	case *tenant.Customer:
		delete(w.tx.customers, n.ID)
	case *tenant.SIPProfile:
		return afterProfile(&change{ctx: ctx, tx: w.tx, id: id}, n, nil)
	case *tenant.DestinationGroup:
		w.tx.deleted(customer, tenant.RefGroup(n.Number), "group "+n.Label())
	case *tenant.Switch:
		w.tx.deleted(customer, tenant.RefSwitch(n.ID), "switch "+n.Name)
	case *tenant.SIPUser:
		w.tx.deleted(customer, tenant.RefSIPUser(n.ID), "SIP user "+n.Username)
	}
	return nil
}

// makeRoom takes the names off what goes back, so that two may swap theirs.
func (b *wayBack) makeRoom(ctx context.Context) error {
	for i := range b.nouns {
		id := b.nouns[i].key()
		if b.why[id] != "" || id.kind == tenant.KindAPIKey {
			continue
		}
		q := b.tx.db.NewRaw("UPDATE ? SET natural_key = ? WHERE id = ?", bun.Ident(b.tx.rower(id.kind).table()), fmt.Sprintf("\x01%d", id.id), id.id)
		if _, err := q.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// restore puts back what was, owners first.
func (b *wayBack) restore(ctx context.Context) error {
	for _, r := range b.tx.nouns() {
		for i := range b.nouns {
			n := &b.nouns[i]
			im := b.kept[n.key()]
			if r.kind() != n.key().kind || im == nil || b.why[n.key()] != "" {
				continue
			}
			if err := r.restore(ctx, n.NounID, im); err != nil {
				return err
			}
			b.out.Nouns++
		}
	}
	return nil
}

// restore puts a noun's rows back as they were.
func (w Writer[T, ID]) restore(ctx context.Context, id int64, im image) error {
	row := im[w.t.name][0]
	row["version"], row["updated_at"] = w.tx.next(), w.tx.now.UnixMicro()
	c := &change{ctx: ctx, tx: w.tx, action: tenant.ActionUpdate, id: id}
	is, err := w.Get(ctx, ID(id))
	switch {
	case errors.Is(err, tenant.ErrNotFound):
		c.action, err = tenant.ActionCreate, w.tx.insertRow(ctx, w.t.name, row)
	case err == nil:
		err = w.tx.updateRow(ctx, w.t.name, id, row)
	}
	if err != nil {
		return err
	}
	for _, h := range hangingOn(w.t.kind) {
		if c.action == tenant.ActionUpdate && !h.always {
			continue
		}
		if _, err := w.tx.db.NewDelete().TableExpr(h.table).Where("? = ?", bun.Ident(h.column), id).Exec(ctx); err != nil {
			return err
		}
		for _, r := range im[h.table] {
			if err := w.tx.insertRow(ctx, h.table, r); err != nil {
				return err
			}
		}
	}
	delete(w.tx.customers, tenant.CustomerID(id)) // of any kind: it is read again
	was, err := w.decodeRow(row)
	if err != nil {
		return err
	}
	w.tx.touched.sharing[w.of(&was)] = true
	if c.action == tenant.ActionCreate {
		return w.note(ctx, c, nil, &was)
	}
	if same, err := w.same(&is, &was); err != nil {
		return err
	} else if same {
		c.action = tenant.ActionPassword // only what hangs on it differs
	}
	if p, ok := any(&was).(*tenant.SIPProfile); ok {
		if err := afterProfile(c, p, p); err != nil {
			return err
		}
	}
	return w.note(ctx, c, &is, &was)
}

func (t *Tx) insertRow(ctx context.Context, table string, row map[string]any) error {
	_, err := t.db.NewInsert().Model(&row).TableExpr("?", bun.Ident(table)).Exec(ctx)
	return err
}

func (t *Tx) updateRow(ctx context.Context, table string, id int64, row map[string]any) error {
	q := t.db.NewUpdate().TableExpr("?", bun.Ident(table)).Where("id = ?", id)
	for k, v := range row {
		if k != "id" {
			q = q.Set("? = ?", bun.Ident(k), v)
		}
	}
	_, err := q.Exec(ctx)
	return err
}

// marks puts back when a file was applied before, so that the next apply sees what others had done until this one.
func (b *wayBack) marks(ctx context.Context) error {
	var former []formerMark
	if err := json.Unmarshal([]byte(b.out.Pending.marks), &former); err != nil {
		return fmt.Errorf("marks before the apply: %w", err)
	}
	for _, m := range former {
		q := b.tx.db.NewRaw("UPDATE applied SET revision = ? WHERE kind = ? AND id = ? AND revision = ?", m.Revision, string(m.Kind), m.ID, b.out.Pending.Revision)
		if m.Revision < 0 {
			q = b.tx.db.NewRaw("DELETE FROM applied WHERE kind = ? AND id = ? AND revision = ?", string(m.Kind), m.ID, b.out.Pending.Revision)
		}
		if _, err := q.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// name tells what was left, for people.
func (b *wayBack) name(ctx context.Context) error {
	for i := range b.nouns {
		n := &b.nouns[i]
		why := b.why[n.key()]
		if why == "" {
			continue
		}
		l := Left{Noun: n.key().kind, Name: n.Name, Why: why}
		if c, err := b.tx.customer(ctx, tenant.CustomerID(n.CustomerID)); err == nil && l.Noun != tenant.KindCustomer {
			l.Customer = c.Name
		} else if err != nil && !errors.Is(err, tenant.ErrNotFound) {
			return err
		}
		b.out.Left = append(b.out.Left, l)
	}
	return nil
}

// rower is a noun's writer as far as it needs not know which noun it is.
type rower interface {
	kind() tenant.Kind
	table() string
	has(column string) bool
	keep(ctx context.Context, column string, value int64) error
	hinders(ctx context.Context, b *wayBack, id int64, im image) (string, error)
	remove(ctx context.Context, id int64) error
	restore(ctx context.Context, id int64, im image) error
}

// nouns are all writers, owners before what they own, and what is named before who names it.
func (t *Tx) nouns() []rower {
	return []rower{
		t.Companies, t.SIPProfiles, t.Customers, t.Groups, t.Domains, t.Switches, t.SIPUsers, t.Destinations,
		t.RoutingRules, t.FirewallRules, t.Blocklist, t.Whitelist, t.CLIs, t.DIDs, t.Users, t.APIKeys,
	}
}

func (t *Tx) rower(k tenant.Kind) rower {
	for _, r := range t.nouns() {
		if r.kind() == k {
			return r
		}
	}
	panic("no noun is a " + string(k)) // only those are kept
}

func (w Writer[T, ID]) kind() tenant.Kind { return w.t.kind }

func (w Writer[T, ID]) table() string { return w.t.name }

// has says whether the noun's table has a column that names an owner.
func (w Writer[T, ID]) has(column string) bool {
	switch w.t.owner {
	case ownedByRole:
		return true
	case theCustomer, ownedByCompany:
		return column == "company_id"
	case ownedByCustomer:
		return column == "customer_id"
	}
	return false
}
