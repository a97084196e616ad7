package storetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// evening is when the calls of these tests end.
var evening = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)

// record is the i-th call of a customer; one ends each second.
func (h *house) record(of *tenant.Customer, i int) store.CDR {
	c := store.CDR{Record: store.AppendCDRHead(nil, of.Company, of.ID, evening.Add(time.Duration(i)*time.Second))}
	c.Record = fmt.Appendf(c.Record, "call %d of %s", i, of.Name)
	binary.BigEndian.PutUint64(c.ID[:], uint64(of.ID))
	binary.BigEndian.PutUint32(c.ID[8:], uint32(i))
	return c
}

// records lists at most so many.
func (h *house) records(scope tenant.Scope, q store.CDRQuery, most int) (list []store.CDR) {
	h.Helper()
	h.ok(h.s.CDRs(h.ctx, scope, q, func(c *store.CDR) bool {
		list = append(list, store.CDR{Seq: c.Seq, ID: c.ID, Record: bytes.Clone(c.Record)})
		return len(list) < most
	}))
	return list
}

// cdrs: they are stored in order, those that are there already once, and shown to whom they belong.
func cdrs(h *house) {
	revision := h.revision()
	var list []store.CDR
	for i := range 120 {
		list = append(list, h.record([]*tenant.Customer{&h.anna, &h.carlo}[i%2], i))
	}
	h.ok(h.s.AddCDRs(h.ctx, list[:70], false))
	h.ok(h.s.AddCDRs(h.ctx, append(slices.Clone(list[60:80]), list[70:80]...), true)) // as after a crash
	h.ok(h.s.AddCDRs(h.ctx, list[:80], true))
	h.ok(h.s.AddCDRs(h.ctx, nil, true))
	h.ok(h.s.AddCDRs(h.ctx, list[80:], false))
	if h.s.AddCDRs(h.ctx, []store.CDR{{Record: make([]byte, store.CDRHead-1)}}, false) == nil {
		h.Error("a record without its head is stored")
	}
	if h.revision() != revision {
		h.Error("call records are no configuration")
	}
	got := h.records(tenant.Platform(), store.CDRQuery{}, 1000)
	last, err := h.s.LastCDR(h.ctx)
	h.ok(err)
	if len(got) != 120 || got[119].Seq != last {
		h.Fatalf("%d records, the last is %d", len(got), last)
	}
	for i := range got {
		if got[i].ID != list[i].ID || !bytes.Equal(got[i].Record, list[i].Record) || i > 0 && got[i].Seq <= got[i-1].Seq {
			h.Fatalf("got %+v\nwant %+v", got[i], list[i])
		}
	}
	if c := got[1]; c.Customer() != h.carlo.ID || c.Company() != h.carlo.Company || !c.Ended().Equal(evening.Add(time.Second)) {
		h.Errorf("not what it was: %v %v %v", c.Customer(), c.Company(), c.Ended())
	}
	h.narrowed(got)
}

// narrowed wants each query to give what it should of the 120 records.
func (h *house) narrowed(got []store.CDR) {
	at := func(i int) time.Time { return got[i].Ended() }
	for _, c := range []struct {
		scope tenant.Scope
		q     store.CDRQuery
		want  int
	}{
		{tenant.Platform(), store.CDRQuery{}, 120},
		{tenant.Platform(), store.CDRQuery{After: got[99].Seq}, 20},
		{tenant.Platform(), store.CDRQuery{After: 1 << 62}, 0},
		{tenant.OfCustomer(h.anna.ID), store.CDRQuery{}, 60},
		{tenant.OfCustomer(h.anna.ID), store.CDRQuery{After: got[99].Seq}, 10},
		{tenant.OfCompany(h.rossi.ID), store.CDRQuery{}, 60},
		{tenant.OfCustomer(h.bruno.ID), store.CDRQuery{}, 0},
		{tenant.Scope{}, store.CDRQuery{}, 0},
		{tenant.Platform(), store.CDRQuery{Since: at(110)}, 10},
		{tenant.Platform(), store.CDRQuery{Until: at(10)}, 10},
		{tenant.Platform(), store.CDRQuery{Since: at(5), Until: at(10)}, 5},
		{tenant.OfCustomer(h.anna.ID), store.CDRQuery{Since: at(5), Until: at(10)}, 2},
		{tenant.OfCompany(h.rossi.ID), store.CDRQuery{Since: at(5), Until: at(10), After: got[7].Seq}, 1},
		{tenant.Platform(), store.CDRQuery{Since: evening.Add(time.Hour)}, 0},
		{tenant.OfCustomer(h.anna.ID), store.CDRQuery{Since: evening.Add(time.Hour)}, 0},
	} {
		if list := h.records(c.scope, c.q, 1000); len(list) != c.want {
			h.Errorf("%+v %+v gives %d records, want %d", c.scope, c.q, len(list), c.want)
		}
		h.backwards(c.scope, c.q)
	}
	if list := h.records(tenant.OfCustomer(h.carlo.ID), store.CDRQuery{}, 7); len(list) != 7 || list[6].ID != got[13].ID {
		h.Errorf("7 are asked for, %d come", len(list))
	}
}

// manyCDRs: more than fit into a block or a part, of many tenants; those that ended out of order are found by time.
func manyCDRs(h *house) {
	const all = 10_000
	var list []store.CDR
	of := []*tenant.Customer{&h.anna, &h.anna, &h.carlo}
	for i := range all {
		list = append(list, h.record(of[i%3], i))
	}
	list[3] = h.record(&h.bruno, all+50) // a clock that was set back
	h.ok(h.s.AddCDRs(h.ctx, list[:2500], false))
	for i := 2500; i < all; i += 1500 {
		h.ok(h.s.AddCDRs(h.ctx, list[i:i+1500], false))
	}
	h.ok(h.s.AddCDRs(h.ctx, []store.CDR{h.record(&h.bruno, 100), list[9000], list[2]}, true)) // brought late
	for _, c := range []struct {
		scope tenant.Scope
		q     store.CDRQuery
		want  int
	}{
		{tenant.Platform(), store.CDRQuery{}, all + 1},
		{tenant.OfCustomer(h.anna.ID), store.CDRQuery{}, 6666},
		{tenant.OfCustomer(h.bruno.ID), store.CDRQuery{}, 2},
		{tenant.OfCustomer(h.carlo.ID), store.CDRQuery{Since: evening.Add(9990 * time.Second)}, 3},
		{tenant.Platform(), store.CDRQuery{Since: evening.Add(9990 * time.Second)}, 11},
		{tenant.Platform(), store.CDRQuery{Since: evening.Add(99 * time.Second), Until: evening.Add(101 * time.Second)}, 3},
	} {
		list := h.records(c.scope, c.q, 2*all)
		if len(list) != c.want || !slices.IsSortedFunc(list, func(a, b store.CDR) int { return int(a.Seq - b.Seq) }) {
			h.Errorf("%+v %+v gives %d records, want %d", c.scope, c.q, len(list), c.want)
		}
		h.backwards(c.scope, c.q)
	}
}

// backwards wants the same records from the end, at once and in two parts.
func (h *house) backwards(scope tenant.Scope, q store.CDRQuery) {
	h.Helper()
	read := func(before int64, most int) (list []int64) {
		h.ok(h.s.CDRsBack(h.ctx, scope, before, q, func(c *store.CDR) bool {
			list = append(list, c.Seq)
			return len(list) < most
		}))
		return list
	}
	want := []int64{}
	for _, c := range h.records(scope, q, 100_000) {
		want = append(want, c.Seq)
	}
	slices.Reverse(want)
	if all := read(0, 100_000); !slices.Equal(all, want) {
		h.Errorf("%+v %+v backwards gives %d records, want %d", scope, q, len(all), len(want))
	}
	if len(want) < 2 {
		return
	}
	first := read(0, len(want)/2)
	if rest := read(first[len(first)-1], 100_000); !slices.Equal(append(first, rest...), want) {
		h.Errorf("%+v %+v backwards in two parts gives %d and %d records, want %d", scope, q, len(first), len(rest), len(want))
	}
}

// oldCDRs: they go in parts, and what is gone is not counted again; those of a deleted customer stay.
func oldCDRs(h *house) {
	var list []store.CDR
	for i := range 30 {
		c := h.record(&h.anna, i)
		list = append(list, c)
		h.ok(h.s.AddCDRs(h.ctx, []store.CDR{c}, false))
	}
	h.write(func(tx *store.Tx) error { return tx.Customers.Delete(h.ctx, h.anna.ID) })
	var gone []int64
	for range 4 {
		n, err := h.s.PruneCDRs(h.ctx, list[20].Ended(), 8)
		h.ok(err)
		gone = append(gone, n)
	}
	if !slices.Equal(gone, []int64{8, 8, 4, 0}) {
		h.Errorf("removed %v", gone)
	}
	left := h.records(tenant.OfCompany(h.verdi.ID), store.CDRQuery{}, 100)
	if len(left) != 10 || left[0].ID != list[20].ID {
		h.Fatalf("%d are left", len(left))
	}
	_, err := h.s.PruneCDRs(h.ctx, evening.Add(time.Hour), 1000)
	h.ok(err)
	h.ok(h.s.AddCDRs(h.ctx, []store.CDR{h.record(&h.carlo, 1)}, true))
	if again := h.records(tenant.OfCustomer(h.carlo.ID), store.CDRQuery{}, 100); len(again) != 1 || again[0].Seq <= left[9].Seq {
		h.Errorf("a number is used again: %+v", again)
	}
}

// deadCDRs: what the webhook has, and what it would not have, is known later.
func deadCDRs(h *house) {
	_, is, err := h.s.CDRWebhook(h.ctx)
	if h.ok(err); is {
		h.Error("nobody has moved it")
	}
	h.ok(h.s.AddCDRs(h.ctx, []store.CDR{h.record(&h.anna, 1), h.record(&h.anna, 2), h.record(&h.carlo, 3)}, false))
	var dead []store.DeadCDR
	for _, c := range h.records(tenant.Platform(), store.CDRQuery{}, 10) {
		dead = append(dead, store.DeadCDR{CDR: c, Failed: evening.Add(time.Hour), Error: "the receiver answers 422"})
	}
	to := store.CDRWebhook{Position: 3, Failing: evening}
	h.ok(h.s.MoveCDRWebhook(h.ctx, to, dead))
	h.ok(h.s.MoveCDRWebhook(h.ctx, to, dead[:1]))
	if at, is, err := h.s.CDRWebhook(h.ctx); !is || at != to || err != nil {
		h.Errorf("%+v %t %v", at, is, err)
	}
	list := h.dead(0, false)
	if len(list) != 3 || list[2].ID != dead[2].ID || !bytes.Equal(list[2].Record, dead[2].Record) || list[2].Error != dead[2].Error || !list[2].Failed.Equal(dead[2].Failed) {
		h.Fatalf("%+v", list)
	}
	if len(h.dead(0, true)) != 0 || len(h.dead(list[0].Seq, false)) != 2 {
		h.Error("not those that are asked for")
	}
	if n, err := h.s.AskDeadCDRs(h.ctx); n != 3 || err != nil {
		h.Errorf("%d are to be sent again, %v", n, err)
	}
	list = h.dead(0, true)
	list[0].Error, list[1].Error = "", "still not"
	h.ok(h.s.SettleDeadCDRs(h.ctx, list[:2]))
	if asked, all := h.dead(0, true), h.dead(0, false); len(asked) != 1 || asked[0].Seq != 3 || len(all) != 2 || all[0].Error != "still not" || !all[0].Asked.IsZero() {
		h.Errorf("%+v %+v", asked, all)
	}
	_, err = h.s.PruneCDRs(h.ctx, evening.Add(3*time.Second), 10)
	h.ok(err)
	if n, err := h.s.CountDeadCDRs(h.ctx); n != 1 || err != nil {
		h.Errorf("%d are left, %v", n, err)
	}
}

func (h *house) dead(after int64, asked bool) []store.DeadCDR {
	h.Helper()
	list, err := h.s.DeadCDRs(h.ctx, after, 10, asked)
	h.ok(err)
	return list
}
