package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// Pending is an apply that goes back by itself unless somebody confirms it in time.
type Pending struct {
	ID       int64                `json:"id"`
	Revision int64                `json:"revision" doc:"That it made."`
	File     string               `json:"file"`
	Who      string               `json:"who"`
	WhoKind  tenant.PrincipalKind `json:"who_kind"`
	From     string               `json:"from"`
	At       time.Time            `json:"at"`
	Until    time.Time            `json:"until" doc:"When it goes back."`

	marks string
}

// String is the sentence about it, for refusals, doctor and the log.
func (p *Pending) String() string {
	return fmt.Sprintf("the apply of %s by %s at %s goes back at %s", p.File, p.Who,
		p.At.UTC().Format("15:04:05 MST"), p.Until.UTC().Format("2006-01-02 15:04:05 MST"))
}

// pendingRow is a Pending as its table has it.
type pendingRow struct {
	bun.BaseModel `bun:"table:pending_apply"`

	ID       int64 `bun:",pk,autoincrement"`
	Revision int64
	File     string
	Who      string
	WhoKind  string
	Origin   string
	At       int64
	Until    int64
	Marks    string
}

// pendingNoun is what one noun was before a pending apply.
type pendingNoun struct {
	bun.BaseModel `bun:"table:pending_nouns"`

	Noun       string
	NounID     int64
	Name       string
	CustomerID int64
	Image      string // "": it was not there
}

// image holds rows by their table: the noun's own, and those that hang on it.
type image map[string][]map[string]any

// nounID names one noun of any kind.
type nounID struct {
	kind tenant.Kind
	id   int64
}

// provisional is what a write keeps so that it can be taken back after its commit.
type provisional struct {
	file  string
	until time.Time
	nouns []pendingNoun
	known map[nounID]bool // the first that is kept of a noun is what it was
}

// Provisional has all that the transaction changes from here on go back by itself at a time, unless
// it is confirmed before. The file is what people know it by. It is refused while another one waits.
func (t *Tx) Provisional(ctx context.Context, file string, until time.Time) error {
	if p, err := pending(ctx, t.db); err != nil || p != nil {
		return errorOf(p, err)
	}
	t.provisional = &provisional{file: file, until: until, known: map[nounID]bool{}}
	return nil
}

// PendingError refuses what cannot be while an apply waits to be confirmed.
type PendingError struct{ Pending Pending }

// Error is the sentence.
func (e *PendingError) Error() string {
	return e.Pending.String() + " unless it is confirmed: say tollgate apply --confirm or --revert first"
}

func errorOf(p *Pending, err error) error {
	if err != nil {
		return err
	}
	return &PendingError{*p}
}

// Unhindered is a PendingError while an apply waits to be confirmed, else nil.
func (t *Tx) Unhindered(ctx context.Context) error {
	if p, err := pending(ctx, t.db); err != nil || p != nil {
		return errorOf(p, err)
	}
	return nil
}

// Pending gives the apply that waits to be confirmed; nil: none does.
func (s *Store) Pending(ctx context.Context) (*Pending, error) {
	p, err := pending(ctx, s.r)
	return p, s.explain(err)
}

func pending(ctx context.Context, db bun.IDB) (*Pending, error) {
	var r pendingRow
	err := db.NewSelect().Model(&r).OrderExpr("id").Limit(1).Scan(ctx)
	if isNoRows(err) {
		return nil, nil
	}
	return &Pending{
		ID: r.ID, Revision: r.Revision, File: r.File, Who: r.Who, WhoKind: tenant.PrincipalKind(r.WhoKind), From: r.Origin,
		At: time.UnixMicro(r.At).UTC(), Until: time.UnixMicro(r.Until).UTC(), marks: r.Marks,
	}, err
}

// hanging is a table of what belongs to a noun without being one, and the column that says to which.
type hanging struct {
	table, column string
	always        bool // a file may change it; else it is lost with the noun only, and stays as it is by now
}

func hangingOn(k tenant.Kind) []hanging {
	switch k {
	case tenant.KindSwitch:
		return []hanging{{"switch_ranges", "switch_id", true}, {switchSecrets, "owner_id", true}}
	case tenant.KindSIPUser:
		return []hanging{{sipUserSecrets, "owner_id", true}, {voicemailSecrets, "owner_id", true}}
	case tenant.KindUser:
		return []hanging{
			{userSecrets, "owner_id", true},
			{secondFactors, "owner_id", false},
			{"user_tastes", "user_id", false},
			{"user_origins", "user_id", false},
			{"user_passkeys", "user_id", false},
			{"user_handles", "user_id", false},
		}
	case tenant.KindAPIKey:
		return []hanging{{"api_key_uses", "key_id", false}}
	case tenant.KindCustomer:
		return []hanging{{"channel_requests", "customer_id", false}}
	}
	return nil
}

// made keeps that a noun was not there before.
func (w Writer[T, ID]) made(v *T) {
	if p := w.tx.provisional; p != nil {
		id := nounID{w.t.kind, int64(*w.t.id(v))}
		p.known[id] = true
		p.nouns = append(p.nouns, pendingNoun{Noun: string(id.kind), NounID: id.id, Name: w.t.noun(v).Label(), CustomerID: int64(w.of(v))})
	}
}

// of gives the customer that a noun belongs to, a customer's own id; 0: none.
func (w Writer[T, ID]) of(v *T) tenant.CustomerID {
	switch {
	case w.t.owner == theCustomer:
		return tenant.CustomerID(*w.t.id(v))
	case w.t.customer != nil:
		return *w.t.customer(v)
	}
	return 0
}

// keep keeps what a noun is before it is changed; of a customer or company also what it owns of with.
func (t *Tx) keep(ctx context.Context, k tenant.Kind, id int64, with []rower) error {
	if t.provisional == nil {
		return nil
	}
	if err := t.rower(k).keep(ctx, "id", id); err != nil {
		return err
	}
	column := map[tenant.Kind]string{tenant.KindCustomer: "customer_id", tenant.KindCompany: "company_id"}[k]
	if column == "" {
		return nil
	}
	for _, n := range with {
		if n.kind() != k && n.kind() != tenant.KindCustomer && n.has(column) {
			if err := n.keep(ctx, column, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep keeps what stands of this noun in the rows whose column has that value.
func (w Writer[T, ID]) keep(ctx context.Context, column string, value int64) error {
	rows, err := w.tx.rows(ctx, w.t.name, column, value)
	if err != nil {
		return err
	}
	for _, row := range rows {
		id, _ := row["id"].(int64)
		p, name := w.tx.provisional, nounID{w.t.kind, id}
		if p.known[name] {
			continue
		}
		p.known[name] = true
		im := image{w.t.name: {row}}
		for _, h := range hangingOn(w.t.kind) {
			if im[h.table], err = w.tx.rows(ctx, h.table, h.column, id); err != nil {
				return err
			}
		}
		v, err := w.decodeRow(row)
		if err != nil {
			return err
		}
		text, err := json.Marshal(im)
		if err != nil {
			return fmt.Errorf("keep %s %d: %w", w.t.kind, id, err)
		}
		p.nouns = append(p.nouns, pendingNoun{Noun: string(w.t.kind), NounID: id, Name: w.t.noun(&v).Label(), CustomerID: int64(w.of(&v)), Image: string(text)})
	}
	return nil
}

// rows gives the rows of a table whose column has that value, as they are.
func (t *Tx) rows(ctx context.Context, table, column string, value int64) (rows []map[string]any, err error) {
	err = t.db.NewRaw("SELECT * FROM ? WHERE ? = ?", bun.Ident(table), bun.Ident(column), value).Scan(ctx, &rows)
	return rows, err
}

// decodeRow gives the noun of a row that was read as it is.
func (w Writer[T, ID]) decodeRow(row map[string]any) (T, error) {
	number := func(column string) int64 { n, _ := row[column].(int64); return n }
	body, _ := row["body"].(string)
	return w.t.decode(&record{ID: number("id"), CompanyID: number("company_id"), CustomerID: number("customer_id"), Body: body, Version: number("version"), UpdatedAt: number("updated_at")})
}

// mark of an apply as it was before, -1: there was none.
type formerMark struct {
	Kind     tenant.Kind `json:"kind"`
	ID       int64       `json:"id"`
	Revision int64       `json:"revision"`
}

// writePending stores what was kept, at the commit that made this revision.
func (t *Tx) writePending(ctx context.Context, revision int64) error {
	p := t.provisional
	if p == nil || revision == t.base {
		return nil // nothing was changed, so there is nothing to go back to
	}
	former := make([]formerMark, 0, len(t.applied))
	for _, m := range t.applied {
		f := formerMark{m.kind, m.id, -1}
		err := t.db.NewSelect().TableExpr("applied").Column("revision").Where("kind = ? AND id = ?", string(m.kind), m.id).Scan(ctx, &f.Revision)
		if err != nil && !isNoRows(err) {
			return err
		}
		former = append(former, f)
	}
	marks, err := json.Marshal(former)
	if err != nil {
		return err
	}
	by := t.principal
	row := pendingRow{
		Revision: revision, File: p.file, Who: by.Email, WhoKind: string(by.Kind), Origin: by.From,
		At: t.now.UnixMicro(), Until: p.until.UnixMicro(), Marks: string(marks),
	}
	if _, err := t.db.NewInsert().Model(&row).Exec(ctx); err != nil {
		return err
	}
	for part := range slices.Chunk(p.nouns, chunk) {
		if _, err := t.db.NewInsert().Model(&part).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Confirm keeps what a pending apply did; tenant.ErrNotFound where it does not wait any more.
func (s *Store) Confirm(ctx context.Context, p tenant.Principal, id int64) (done *Pending, err error) {
	_, err = s.Write(ctx, p, p.Scope(), func(tx *Tx) (err error) {
		if done, err = tx.decide(ctx, id); err != nil {
			return err
		}
		tx.record(AuditEntry{Action: tenant.ActionConfirm, Noun: tenant.KindNode, Name: "apply of " + done.File})
		return tx.forget(ctx)
	})
	return done, err
}

// decide gives the pending apply to whoever may decide about it: an administrator of the platform,
// or who applied it.
func (t *Tx) decide(ctx context.Context, id int64) (*Pending, error) {
	p, err := pending(ctx, t.db)
	if err != nil {
		return nil, err
	}
	by := t.principal
	if p == nil || p.ID != id || by.Role != tenant.RolePlatform { // nobody else is to learn of it
		return nil, tenant.NotFound("pending apply")
	}
	own := by.Kind == p.WhoKind && by.Email == p.Who && by.Access != tenant.AccessReadOnly
	if !own && by.Access != tenant.AccessAdmin {
		return nil, tenant.Forbidden("this is for who has applied the file, and for administrators of the platform", "ask one of them")
	}
	return p, nil
}

// forget ends the waiting.
func (t *Tx) forget(ctx context.Context) error {
	for _, table := range []string{"pending_apply", "pending_nouns"} {
		if _, err := t.db.NewRaw("DELETE FROM ?", bun.Ident(table)).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}
