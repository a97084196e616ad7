package storetest

import (
	"fmt"
	"slices"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// evening is when the calls of these tests begin.
var evening = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)

// record is the i-th call of a customer: every third is answered, one begins each second.
func (h *house) record(of *tenant.Customer, i int) store.CDR {
	c := store.CDR{
		ID: fmt.Sprintf("%s%04d", of.Name, i), Company: of.Company, Customer: of.ID, CustomerName: of.Name, Direction: "inbound",
		CallID: fmt.Sprintf("call%d@phone", i), From: "<sip:alice@x.test>", To: "<sip:bob@y.test>", URI: fmt.Sprintf("sip:+3904%04d@y.test", i),
		Source: "192.0.2.1:5060", SourceTransport: "udp", Started: evening.Add(time.Duration(i) * time.Second),
		Setup: 1.5, Status: 486, Reason: "ok", EndedBy: "callee",
	}
	if i%3 == 0 {
		c.Answered, c.Duration, c.Status = c.Started.Add(1500*time.Millisecond), 0.25, 200
	}
	c.Ended = c.Started.Add(1750 * time.Millisecond)
	return c
}

func (h *house) records(scope tenant.Scope, q store.CDRQuery) []store.CDR {
	h.Helper()
	list, err := h.s.CDRs(h.ctx, scope, q)
	h.ok(err)
	return list
}

// cdrs: each is stored once, in order, and shown to whom it belongs.
func cdrs(h *house) {
	revision := h.revision()
	var list []store.CDR
	for i := range 120 {
		list = append(list, h.record([]*tenant.Customer{&h.anna, &h.carlo}[i%2], i))
	}
	h.ok(h.s.AddCDRs(h.ctx, list[:70]))
	h.ok(h.s.AddCDRs(h.ctx, list[60:])) // as after a crash
	h.ok(h.s.AddCDRs(h.ctx, nil))
	if h.revision() != revision {
		h.Error("call records are no configuration")
	}
	got := h.records(tenant.Platform(), store.CDRQuery{Limit: 1000})
	last, err := h.s.LastCDR(h.ctx)
	h.ok(err)
	if len(got) != 120 || got[119].Seq != last {
		h.Fatalf("%d records, the last is %d", len(got), last)
	}
	for i := range got {
		want := list[i]
		want.Seq = got[i].Seq
		if got[i] != want || i > 0 && got[i].Seq <= got[i-1].Seq {
			h.Fatalf("got %+v\nwant %+v", got[i], want)
		}
	}
	for _, c := range []struct {
		scope tenant.Scope
		q     store.CDRQuery
		want  int
	}{
		{tenant.Platform(), store.CDRQuery{}, 100},
		{tenant.Platform(), store.CDRQuery{After: got[99].Seq}, 20},
		{tenant.OfCustomer(h.anna.ID), store.CDRQuery{}, 60},
		{tenant.OfCompany(h.rossi.ID), store.CDRQuery{}, 60},
		{tenant.OfCustomer(h.bruno.ID), store.CDRQuery{}, 0},
		{tenant.Scope{}, store.CDRQuery{}, 0},
		{tenant.Platform(), store.CDRQuery{Status: 200, Limit: 1000}, 40},
		{tenant.Platform(), store.CDRQuery{Reason: "firewall"}, 0},
		{tenant.Platform(), store.CDRQuery{Q: "+3904007"}, 10},
		{tenant.Platform(), store.CDRQuery{Q: "CALL7@"}, 1},
		{tenant.Platform(), store.CDRQuery{Q: "%"}, 0},
		{tenant.Platform(), store.CDRQuery{Since: got[110].Ended}, 10},
		{tenant.Platform(), store.CDRQuery{Until: got[10].Ended}, 10},
		{tenant.Platform(), store.CDRQuery{Since: got[5].Ended, Until: got[10].Ended}, 5},
		{tenant.Platform(), store.CDRQuery{Since: evening.Add(time.Hour)}, 0},
	} {
		if list := h.records(c.scope, c.q); len(list) != c.want {
			h.Errorf("%+v %+v gives %d records, want %d", c.scope, c.q, len(list), c.want)
		}
	}
}

// hostileCDRs: texts come back as they went in.
func hostileCDRs(h *house) {
	texts := []string{"'; DROP TABLE cdrs; --", "<script>", "=cmd|'/C calc'!A0", "\x1b[2J\r\n", "\u202e\u00e9", ""}
	var list []store.CDR
	for i, text := range texts {
		c := h.record(&h.anna, i)
		c.From, c.CallID, c.Destination, c.CustomerName = text, text, text, text
		list = append(list, c)
	}
	h.ok(h.s.AddCDRs(h.ctx, list))
	for i, c := range h.records(tenant.OfCustomer(h.anna.ID), store.CDRQuery{}) {
		if c.From != texts[i] || c.CallID != texts[i] || c.Destination != texts[i] {
			h.Errorf("%q became %+v", texts[i], c)
		}
	}
}

// oldCDRs: they go in parts, and what is gone is not counted again; those of a deleted customer stay.
func oldCDRs(h *house) {
	var list []store.CDR
	for i := range 30 {
		list = append(list, h.record(&h.anna, i))
	}
	h.ok(h.s.AddCDRs(h.ctx, list))
	h.write(func(tx *store.Tx) error { return tx.Customers.Delete(h.ctx, h.anna.ID) })
	var gone []int64
	for range 4 {
		n, err := h.s.PruneCDRs(h.ctx, list[20].Ended, 8)
		h.ok(err)
		gone = append(gone, n)
	}
	if !slices.Equal(gone, []int64{8, 8, 4, 0}) {
		h.Errorf("removed %v", gone)
	}
	left := h.records(tenant.OfCompany(h.verdi.ID), store.CDRQuery{})
	if len(left) != 10 || left[0].ID != list[20].ID {
		h.Errorf("%d are left", len(left))
	}
	_, err := h.s.PruneCDRs(h.ctx, evening.Add(time.Hour), 1000)
	h.ok(err)
	h.ok(h.s.AddCDRs(h.ctx, []store.CDR{h.record(&h.carlo, 1)}))
	if again := h.records(tenant.Platform(), store.CDRQuery{}); len(again) != 1 || again[0].Seq <= left[9].Seq {
		h.Errorf("a number is used again: %+v", again)
	}
}
