package cdr

import (
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// TestFirstLayout: what an earlier version has left in the journal is read, and stored.
func TestFirstLayout(t *testing.T) {
	data, err := hex.DecodeString(firstLayout)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig()
	r.book.kept[ID{1}] = data
	if err := r.Restore(ID{1}, data); err != nil {
		t.Fatal(err)
	}
	r.Run()
	r.Close()
	if len(r.shelf.rows) != 1 || r.book.size() != 0 {
		t.Fatalf("%d stored, %d kept", len(r.shelf.rows), r.book.size())
	}
	started := time.UnixMicro(1_800_000_000_000_000).UTC()
	want := CDR{
		ID: "010000000000000000000000", Ref: "00000", Company: 2, Customer: 3, CustomerName: "acme", Direction: "outbound", Hidden: true,
		CallID: "call@phone", FarCallID: "far", From: `"Alice" <sip:alice@x.test>`, To: "<sip:bob@y.test>", URI: "sip:+39040123456@y.test",
		Source: "192.0.2.1:5060", SourceTransport: "udp", Target: "[2001:db8::1]:5061", TargetTransport: "tls", DestinationID: 7, Destination: "pbx",
		Started: started, Answered: started.Add(1234567 * time.Microsecond), Ended: started.Add(1234567*time.Microsecond + time.Hour), Setup: 1.234567, Duration: 3600,
		Status: 200, Reason: "ok", EndedBy: "callee", Rule: 9,
	}
	if got := r.shelf.rows[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for n := range data {
		if r.Restore(ID{2}, data[:n]) == nil {
			t.Fatalf("%d bytes of it are taken", n)
		}
	}
}

// TestTorn: no part of a record is one.
func TestTorn(t *testing.T) {
	r := record(1)
	whole := r.append(nil)
	for n := range whole {
		if c, err := decode(&store.CDR{ID: r.ID, Record: whole[:n]}); err == nil {
			t.Fatalf("%d of %d bytes are %+v", n, len(whole), c)
		}
	}
}

// TestDamaged: one that cannot be read is listed as such, and hides none behind it.
func TestDamaged(t *testing.T) {
	s := &shelf{}
	for n, data := range [][]byte{record(1).append(nil), append(record(2).append(nil), 0), record(3).append(nil)} {
		s.kept = append(s.kept, store.CDR{Seq: int64(n + 1), Record: data})
	}
	list, err := List(t.Context(), s, tenant.Platform(), Query{})
	if err != nil || len(list) != 3 || list[1].Reason != Damaged || list[1].Seq != 2 || list[1].Customer != 3 || list[2].Reason != "ok" {
		t.Errorf("%+v, %v", list, err)
	}
}

// firstLayout is record(1) as the first layout had it.
const firstLayout = "" +
	"01070100c800000000000000020000000000000003000000000000000700000000000000090006651728988000000000000012d68700000000d693a4" +
	"0000000000000000000000ffffc000020113c420010db800000000000000000000000113c5000461636d65000370627800026f6b0003756470000374" +
	"6c73000a63616c6c4070686f6e650003666172001a22416c69636522203c7369703a616c69636540782e746573743e00103c7369703a626f6240792e" +
	"746573743e00177369703a2b333930343031323334353640792e74657374"
