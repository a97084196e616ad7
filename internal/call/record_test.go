package call

import (
	"os"
	"reflect"
	"testing"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// FuzzRecord: no bytes from the disk end a node or make it take much memory, and what
// is taken for a call says the same when it is written again.
func FuzzRecord(f *testing.F) {
	for _, name := range []string{"testdata/call.v1", "testdata/subscription.v1", "testdata/call.v2", "testdata/subscription.v2", "testdata/call.v3", "testdata/call.v4"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var call Call
		s, err := decodeRecord(data, &call)
		if cap(call.texts.Buf) > 2*len(data)+64 || len(call.more) > 16 {
			t.Fatalf("%d bytes of texts, %d dialogs of %d bytes", cap(call.texts.Buf), len(call.more), len(data))
		}
		if err != nil {
			return
		}
		read(&call)
		call.customer, call.dest = &policy.Customer{}, &policy.Destination{}
		call.customer.Settings.ID, call.dest.ID = tenant.CustomerID(s.customer), tenant.DestinationID(s.destination)
		times := []int64{s.started, s.answered, s.session}
		again := appendRecord(nil, &call, func(time.Duration) (at int64) { at, times = times[0], times[1:]; return at },
			func(dst []byte) []byte { return append(dst, s.media...) })
		call.customer, call.dest = nil, nil
		var other Call
		if o, err := decodeRecord(again, &other); err != nil || !reflect.DeepEqual(o, s) || !reflect.DeepEqual(call, other) {
			t.Fatalf("%v: written again as %+v, %+v\nwas %+v, %+v", err, o, other, s, call)
		}
	})
}

// read looks at all texts of a call.
func read(call *Call) {
	for i := range call.forks {
		for _, side := range [...]dialog.Side{dialog.Caller, dialog.Callee} {
			leg := call.leg(call.dialog(i), side)
			for _, text := range [...]dialog.Text{leg.CallID, leg.Tag, leg.LocalTag, leg.Remote, leg.Local, leg.Target, leg.Routes} {
				_ = call.text(text)
			}
		}
	}
	for _, text := range [...]dialog.Text{call.out.callID, call.out.tag, call.out.from, call.out.to} {
		_ = call.text(text)
	}
}

// TestSwitchesKept: the switches at which a call holds places stand in its record; an earlier
// one says nothing of them.
func TestSwitchesKept(t *testing.T) {
	for name, want := range map[string][2]tenant.SwitchID{"call.v1": {}, "call.v2": {11, 12}, "call.v3": {11, 12}, "call.v4": {11, 12}, "subscription.v2": {}} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var call Call
		if _, err := decodeRecord(data, &call); err != nil || call.entry != want[0] || call.place != want[1] {
			t.Errorf("%s: entry %d, place %d, %v", name, call.entry, call.place, err)
		}
	}
}

// TestPartiesKept: whose restricted codecs count stands in a call's record; of an earlier one
// the entry is known.
func TestPartiesKept(t *testing.T) {
	for name, want := range map[string]parties{"call.v1": {}, "call.v2": {source: 11}, "call.v3": {11, 21, 22}, "call.v4": {11, 21, 22}} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var call Call
		if _, err := decodeRecord(data, &call); err != nil || call.parties != want {
			t.Errorf("%s: %+v, %v", name, call.parties, err)
		}
	}
}

// TestMediaKept: what a side was told last, and what package bridge keeps, stand in a call's record; it is
// written as it was read.
func TestMediaKept(t *testing.T) {
	data, err := os.ReadFile("testdata/call.v4")
	if err != nil {
		t.Fatal(err)
	}
	var call Call
	s, err := decodeRecord(data, &call)
	if err != nil || string(call.text(call.said[0])) != "v=0 caller" || string(call.text(call.said[1])) != "v=0 callee" || string(s.media) != "bridged" {
		t.Fatalf("%v: %q %q %q", err, call.text(call.said[0]), call.text(call.said[1]), s.media)
	}
	call.customer, call.dest = &policy.Customer{}, &policy.Destination{ID: tenant.DestinationID(s.destination)}
	call.customer.Settings.ID = tenant.CustomerID(s.customer)
	times := []int64{s.started, s.answered, s.session}
	again := appendRecord(nil, &call, func(time.Duration) (at int64) { at, times = times[0], times[1:]; return at },
		func(dst []byte) []byte { return append(dst, s.media...) })
	if string(again) != string(data) {
		t.Errorf("the layout has changed, and needs another version:\n%x\n%x", again, data)
	}
}
