package cdr

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tollgate/internal/store"
)

func TestRecord(t *testing.T) {
	r := record(1)
	got, err := decode(&store.CDR{ID: r.ID, Record: r.append(nil)})
	if err != nil {
		t.Fatal(err)
	}
	want := CDR{
		ID: "000000000000000100000000", Ref: "000G0", Company: 2, Customer: 3, CustomerName: "acme", Direction: "outbound", Hidden: true,
		CallID: "call@phone", FarCallID: "far", From: `"Alice" <sip:alice@x.test>`, To: "<sip:bob@y.test>", URI: "sip:+39040123456@y.test",
		Source: "192.0.2.1:5060", SourceTransport: "udp", Target: "[2001:db8::1]:5061", TargetTransport: "tls", DestinationID: 7, Destination: "pbx",
		Started: r.Started, Answered: r.Started.Add(r.Setup), Ended: r.Started.Add(r.Setup + r.Duration), Setup: 1.234567, Duration: 3600,
		Status: 200, Reason: "ok", EndedBy: "callee", Rule: 9, RuleName: "wall", Limit: "customer 3", Counter: "10 of 10", SwitchID: 11, Switch: "trunk", UserID: 12, User: "alice", CalledUserID: 13, CalledUser: "bob",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestRefusedRecord: a silent refusal has no status, no answer and no target.
func TestRefusedRecord(t *testing.T) {
	r := &Record{Started: time.Unix(1, 0), Status: -1, Reason: "firewall", EndedBy: Tollgate, Source: netip.MustParseAddrPort("192.0.2.1:5060")}
	got, err := decode(&store.CDR{ID: r.ID, Record: r.append(nil)})
	if err != nil || got.Status != 0 || got.Target != "" || !got.Answered.IsZero() || got.EndedBy != "tollgate" || got.Direction != "inbound" || !got.Ended.Equal(got.Started) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestHostileTexts: what is kept of them is text, and bounded.
func TestHostileTexts(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                              "plain",
		"a\x00b":                             "a\ufffdb",
		"\xff\xfe":                           "\ufffd",
		"=cmd|'/C calc'!A0":                  "=cmd|'/C calc'!A0",
		strings.Repeat("x", maxText):         strings.Repeat("x", maxText),
		strings.Repeat("x", 60_000):          strings.Repeat("x", maxText-3) + "…",
		"a" + strings.Repeat("é", maxText/2): "a" + strings.Repeat("é", maxText/2-2) + "…",
	} {
		r := record(1)
		r.From, r.Destination = []byte(in), in
		got, err := decode(&store.CDR{ID: r.ID, Record: r.append(nil)})
		if err != nil || got.From != want || got.Destination != want || !utf8.ValidString(got.From) {
			t.Errorf("%.40q became %.40q ... %q, %v", in, got.From, got.From[max(0, len(got.From)-12):], err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	whole := record(1).append(nil)
	f.Add(whole)
	f.Add(bridged(1).append(nil))
	f.Add(whole[:len(whole)-1])
	f.Add([]byte{})
	f.Add(append(make([]byte, store.CDRHead), version))
	f.Add(append(make([]byte, store.CDRHead), versionOne))
	f.Add(append(make([]byte, store.CDRHead), "{}"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decode(&store.CDR{ID: ID{1}, Record: data})
		if err != nil {
			return
		}
		for _, text := range []string{c.CustomerName, c.From, c.To, c.URI, c.CallID, c.Reason} {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				t.Errorf("%q", text)
			}
		}
	})
}
