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

// TestOlderLayouts: what the versions before have written is read, in the store and from the journal.
func TestOlderLayouts(t *testing.T) {
	plain, media := record(1), bridged(1)
	for _, r := range []*Record{plain, media} {
		r.Switch, r.User, r.Called = Named[tenant.SwitchID]{}, Named[tenant.SIPUserID]{}, Named[tenant.SIPUserID]{}
	}
	for name, c := range map[string]struct {
		golden string
		want   *Record
	}{"second": {secondLayout, plain}, "third": {mediaLayout, media}} {
		data, err := hex.DecodeString(c.golden)
		if err != nil {
			t.Fatal(err)
		}
		r := newRig()
		if err := r.Restore(ID{1}, data); err != nil {
			t.Fatal(err)
		}
		r.Run()
		r.Close()
		want, err := decode(&store.CDR{ID: ID{1}, Record: c.want.append(nil)})
		if err != nil || len(r.shelf.rows) != 1 || !reflect.DeepEqual(r.shelf.rows[0], want) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", name, err, r.shelf.rows, want)
		}
		for n := range data {
			if _, err := decode(&store.CDR{Record: data[:n]}); err == nil {
				t.Fatalf("%s: %d bytes of it are taken", name, n)
			}
		}
	}
}

// TestJSONLayout: what a migration has made of rows that were older still is read as it stands.
func TestJSONLayout(t *testing.T) {
	body := `{"customer":"acme","direction":"inbound","call_id":"call@phone","status":486,"reason":"ok","ended_by":"callee"}`
	c := Read(&store.CDR{Seq: 4, Record: append(store.AppendCDRHead(nil, 2, 3, time.UnixMicro(1_800_000_000_000_000)), body...)})
	if c.Seq != 4 || c.Customer != 3 || c.CustomerName != "acme" || c.CallID != "call@phone" || c.Status != 486 || c.Reason != "ok" || c.Sentence == "" {
		t.Errorf("%+v", c)
	}
}

// TestNames: who called and who was called by name, each by itself; and the layout stays as it is.
func TestNames(t *testing.T) {
	for n := range 8 {
		r := record(1)
		if n&1 == 0 {
			r.Switch.ID = 0
		}
		if n&2 == 0 {
			r.User.ID = 0
		}
		if n&4 == 0 {
			r.Called.ID = 0
		}
		c, err := decode(&store.CDR{Record: r.append(nil)})
		if err != nil || c.SwitchID != r.Switch.ID || c.UserID != r.User.ID || c.CalledUserID != r.Called.ID ||
			(c.Switch == "trunk") != (n&1 > 0) || (c.User == "alice") != (n&2 > 0) || (c.CalledUser == "bob") != (n&4 > 0) {
			t.Errorf("%d: %v %+v", n, err, c)
		}
	}
	for name, c := range map[string]struct {
		r    *Record
		want string
	}{"plain": {record(1), fourthLayout}, "with media": {bridged(1), fourthMedia}} {
		if got := hex.EncodeToString(c.r.append(nil)); got != c.want {
			t.Errorf("%s: the layout has changed, and needs another version:\n%s", name, got)
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

// secondLayout is record(1) as the second one had it, without names.
const secondLayout = "" +
	"0000000000000002000000000000000300066517ff3efa87020f00c800000000070987ad4b80c8ceb40d04c000020113c41020010db800000000000" +
	"000000000000113c50461636d6503706278026f6b0375647003746c730477616c6c0a637573746f6d65722033083130206f662031300a63616c6c40" +
	"70686f6e65036661721a22416c69636522203c7369703a616c69636540782e746573743e103c7369703a626f6240792e746573743e177369703a2b3" +
	"33930343031323334353640792e74657374"

// fourthLayout and fourthMedia are record(1) and bridged(1).
const (
	fourthLayout = "" +
		"0000000000000002000000000000000300066517ff3efa87040f00c800000000070987ad4b80c8ceb40d04c000020113c41020010db8000000000000" +
		"00000000000113c50461636d6503706278026f6b0375647003746c730477616c6c0a637573746f6d65722033083130206f662031300a63616c6c4070" +
		"686f6e65036661721a22416c69636522203c7369703a616c69636540782e746573743e103c7369703a626f6240792e746573743e177369703a2b3339" +
		"30343031323334353640792e74657374070b057472756e6b0c05616c6963650d03626f62"
	fourthMedia = "" +
		"0000000000000002000000000000000300066517ff3efa87042f00c800000000070987ad4b80c8ceb40d04c000020113c41020010db8000000000000" +
		"00000000000113c50461636d6503706278026f6b0375647003746c730477616c6c0a637573746f6d65722033083130206f662031300a63616c6c4070" +
		"686f6e65036661721a22416c69636522203c7369703a616c69636540782e746573743e103c7369703a626f6240792e746573743e177369703a2b3339" +
		"30343031323334353640792e74657374070b057472756e6b0c05616c6963650d03626f6201040047a0fe0a80d3e10ed209050604070809447dc20df2" +
		"a907a318b702ad03b9035304c00002010fa00450434d4110414541445f4145535f3235365f47434d0101000000000000000000000000000000000000" +
		"0000000ec00000000000000000000000000000000000001020010db8000000000000000000000001ffff00000f800000000000000000000000000000" +
		"00000000000000"
)
