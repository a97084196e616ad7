package gate_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"tollgate/internal/dialog"
	"tollgate/internal/live/memory"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// kept runs f and gives the one record that is in the journal then.
func kept(t *testing.T, f func(r *rig)) (data []byte) {
	t.Helper()
	run(t, true, func(r *rig) {
		f(r)
		for _, one := range r.book.kept {
			data = bytes.Clone(one)
		}
	})
	return data
}

// restored tells whether a node takes a record, which then does it no harm.
func restored(t testing.TB, data []byte) bool {
	n := newRigOver(t, true, 0, memory.New(), &book{kept: map[dialog.Stable][]byte{}})
	defer n.live.Close()
	id := dialog.Stable{1}
	if n.calls.Restore(id, data) != nil {
		if n.calls.Used() != 0 || n.calls.Live() != 0 || n.live.Usage(customerScope).Calls != 0 {
			t.Fatal("a record that was refused left something")
		}
		return false
	}
	n.calls.List(func(tenant.CustomerID) bool { return true })
	if err := n.calls.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	n.endAll(policy.HungUp)
	return true
}

// TestDamagedRecords: what is cut, longer, of another version or senseless is refused.
func TestDamagedRecords(t *testing.T) {
	call := kept(t, func(r *rig) { r.establish() })
	subscription := kept(t, func(r *rig) { r.subscribes() })
	if !restored(t, call) || !restored(t, subscription) {
		t.Fatal("good records are refused")
	}
	for _, good := range [][]byte{call, subscription} {
		for n := range good {
			if restored(t, good[:n]) {
				t.Errorf("cut at %d: restored", n)
			}
		}
	}
	with := func(data []byte, at int, b ...byte) []byte {
		data = bytes.Clone(data)
		copy(data[at:], b)
		return data
	}
	const version, method, flags, direction, customer, answered, session, texts = 0, 1, 2, 3, 5, 73, 81, 89
	zero := make([]byte, 8)
	for name, bad := range map[string][]byte{
		"empty":                     {},
		"longer":                    append(bytes.Clone(call), 0),
		"another version":           with(call, version, 99),
		"another method":            with(call, method, 77),
		"a call by SUBSCRIBE":       with(call, method, subscription[method]),
		"a call as a subscription":  with(call, flags, call[flags]|4),
		"a subscription as a call":  with(subscription, flags, subscription[flags]&^4),
		"no direction":              with(call, direction, 9),
		"another's customer":        with(call, customer, 0xff),
		"never answered":            with(call, answered, zero...),
		"endless":                   with(subscription, session, zero...),
		"texts longer than all":     with(call, texts, binary.BigEndian.AppendUint32(nil, uint32(len(call)))...),
		"texts of four gigabytes":   with(call, texts, 0xff, 0xff, 0xff, 0xff),
		"no texts":                  with(call, texts, 0, 0, 0, 0),
		"a text beyond the texts":   with(call, texts+4+int(binary.BigEndian.Uint32(call[texts:])), 0xff, 0xff, 0xff, 0xff),
		"the other way round twice": append(bytes.Clone(call), call...),
	} {
		if restored(t, bad) {
			t.Errorf("%s: restored", name)
		}
	}
}

// golden are records of each version, as programs have left them.
var golden = []string{
	"../call/testdata/call.v1", "../call/testdata/subscription.v1", "../call/testdata/call.v2", "../call/testdata/subscription.v2",
	"../call/testdata/call.v3",
}

// TestEarlierRecords: what an earlier program wrote is still taken.
func TestEarlierRecords(t *testing.T) {
	for _, name := range golden {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !restored(t, data) {
			t.Errorf("%s is refused", name)
		}
	}
}
