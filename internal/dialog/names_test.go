package dialog_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"tollgate/internal/dialog"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// token is our Contact's user for some party.
func token(part dialog.Part) string {
	return string(minter.Append(nil, dialog.ID{Stable: dialog.Stable{7}, Part: part, Fork: 3}))
}

// naming is a REFER with one more header.
func naming(t testing.TB, header string) *sip.Message {
	text := "REFER sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.10;branch=z9hG4bK1\r\nFrom: <sip:a@acme.test>;tag=f\r\nTo: <sip:b@acme.test>\r\n" +
		"Call-ID: c\r\nCSeq: 1 REFER\r\nMax-Forwards: 70\r\n" + header + "\r\nContent-Length: 0\r\n\r\n"
	m := new(sip.Message)
	if err := m.Parse([]byte(text)); err != nil {
		return nil
	}
	return m
}

// renamed gives the header as the receiver gets it who knows all dialogs as X with the
// tags T and F, and all parties as sip:party@acme.test; hidden or plain.
func renamed(t testing.TB, m *sip.Message, hidden bool) (string, error) {
	mentions := minter.Mentions(nil, m)
	var names []dialog.Rename
	for i := range mentions {
		names = mentions[i].Renamed(names, m, dialog.Name{CallID: []byte("X@y"), To: []byte("T"), From: []byte("F")}, []byte("sip:party@acme.test"))
	}
	var h dialog.Hiding
	fwd := dialog.Forward{
		Message: m, Source: netip.MustParseAddrPort("203.0.113.10:5060"), CSeq: 1, Branch: []byte("z9hG4bKx"), ID: []byte("id"),
		Out: dialog.Address{Proto: transport.UDP, Host: "192.0.2.1", Port: 5060}, Names: names,
	}
	if hidden {
		h.Reset("192.0.2.1", []string{"acme.test"}, fwd.Source)
		fwd.Hide, fwd.CallID, fwd.From, fwd.To = &h, []byte("z"), []byte("<sip:a@acme.test>"), []byte("<sip:b@acme.test>")
	}
	var e sip.Edit
	out, err := fwd.Write(&e, nil)
	if err != nil {
		return "", err
	}
	var got sip.Message
	if err := got.Parse(out); err != nil {
		t.Fatalf("unreadable: %v\n%s", err, out)
	}
	for _, id := range []sip.HeaderID{sip.HdrReferTo, sip.HdrReplaces, sip.HdrJoin, sip.HdrTargetDialog} {
		if f := got.First(id); f != nil {
			return string(got.Slice(f.Value)), nil
		}
	}
	return "", nil
}

// TestNames: what names a dialog or a party is said anew, and nothing else of it changes.
func TestNames(t *testing.T) {
	ours := "sip:" + token(dialog.ToCaller) + "@192.0.2.1:5060;transport=tcp"
	for _, c := range []struct{ header, plain, hidden string }{
		{"Replaces: a@b;to-tag=1;from-tag=2", "X@y;to-tag=T;from-tag=F", ""},
		{"Replaces: a@b ; FROM-TAG = 2;early-only; To-Tag=1;x=\"y\"", "X@y;FROM-TAG=F;early-only;To-Tag=T;x=\"y\"", ""},
		{"Replaces: a@b;to-tag=1", "a@b;to-tag=1", ""},
		{"Replaces: a@b;to-tag=;from-tag=2", "a@b;to-tag=;from-tag=2", ""},
		{"Replaces: ;to-tag=1;from-tag=2", ";to-tag=1;from-tag=2", ""},
		{"Join: a;from-tag=2;to-tag=1", "X@y;from-tag=F;to-tag=T", ""},
		{"Target-Dialog: a;local-tag=1;remote-tag=2", "X@y;local-tag=T;remote-tag=F", ""},
		{"Refer-To: <sip:c@acme.test>", "<sip:c@acme.test>", ""},
		{"Refer-To: <sip:c@203.0.113.77>", "<sip:c@203.0.113.77>", "<sip:c@192.0.2.1>"},
		{"Refer-To: sip:c@203.0.113.77:5070", "sip:c@203.0.113.77:5070", "sip:c@192.0.2.1"},
		{"Refer-To: \"sip:x@acme.test\" <sip:c@203.0.113.77>;y=203.0.113.10", "\"sip:x@acme.test\" <sip:c@203.0.113.77>;y=203.0.113.10", "\"sip:x@acme.test\" <sip:c@192.0.2.1>;y=192.0.2.1"},
		{"Refer-To: <" + ours + ">", "<sip:party@acme.test>", ""},
		{"Refer-To: " + ours, "sip:party@acme.test;transport=tcp", ""},
		{"Refer-To: \"D\" <" + ours + ";method=INVITE?Replaces=a%40b%3Bto-tag%3D1%3bfrom-tag%3d2&X=y>;p=q", "\"D\" <sip:party@acme.test?Replaces=X%40y%3Bto-tag%3DT%3Bfrom-tag%3DF&X=y>;p=q", ""},
		{"Refer-To: <sip:c@203.0.113.77?x=1&JOIN=a%3Bto-tag%3D1%3bfrom-tag%3d2>", "<sip:c@203.0.113.77?x=1&JOIN=X%40y%3Bto-tag%3DT%3Bfrom-tag%3DF>", "<sip:c@192.0.2.1?x=1&JOIN=X%40y%3Bto-tag%3DT%3Bfrom-tag%3DF>"},
		{"Refer-To: <sip:c@acme.test?Replaces=a%3Bto-tag%3D1>", "<sip:c@acme.test?Replaces=a%3Bto-tag%3D1>", ""},
		{"Refer-To: <tel:+49301234>", "<tel:+49301234>", ""},
		{"Refer-To: <>", "<>", ""},
	} {
		if c.hidden == "" {
			c.hidden = c.plain
		}
		m := naming(t, c.header)
		for _, hidden := range []bool{false, true} {
			want := c.plain
			if hidden {
				want = c.hidden
			}
			if got, err := renamed(t, m, hidden); got != want || err != nil {
				t.Errorf("hidden=%v: %s\narrives as %s, %v\nwant       %s", hidden, c.header, got, err, want)
			}
		}
	}
}

// TestMentionedParty: a Contact of ours says which call, side and fork is meant.
func TestMentionedParty(t *testing.T) {
	m := naming(t, "Refer-To: <sip:"+token(dialog.ToCallee)+"@192.0.2.1?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>")
	list := minter.Mentions(nil, m)
	if len(list) != 1 || !list[0].Party() || !list[0].Named || list[0].ID.Part != dialog.ToCallee || list[0].ID.Fork != 3 || list[0].ID.Stable != (dialog.Stable{7}) ||
		string(list[0].Name.CallID) != "a" || string(list[0].Name.To) != "1" || string(list[0].Name.From) != "2" {
		t.Errorf("%+v", list)
	}
	forged := strings.ToUpper(token(dialog.ToCallee)[:20]) + strings.Repeat("0", 28)
	if list := minter.Mentions(nil, naming(t, "Refer-To: <sip:"+forged+"@192.0.2.1>")); len(list) != 0 {
		t.Errorf("a forged token is taken: %+v", list)
	}
}

// FuzzNames: whatever stands in these headers, the message can be written.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{
		"Replaces: a@b;to-tag=1;from-tag=2;early-only", "Join: a;from-tag=2;to-tag=1", "Target-Dialog: a;local-tag=1;remote-tag=2",
		"Refer-To: \"D\" <sip:" + token(dialog.ToCaller) + "@192.0.2.1;method=INVITE?Replaces=a%40b%3Bto-tag%3D1%3bfrom-tag%3d2&X=y>;p=q",
		"Refer-To: sip:c@203.0.113.10?Replaces=%3B%00", "Refer-To: \"sip:x@y\"<sips:[::1]:99999>", "Refer-To: tel:1;phone-context=203.0.113.10",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		m := naming(t, header)
		if m == nil || sip.Validate(m).Status != 0 {
			return
		}
		for _, hidden := range []bool{false, true} {
			if _, err := renamed(t, m, hidden); err != nil && !errors.Is(err, sip.ErrEdits) {
				t.Errorf("hidden=%v: %v", hidden, err)
			}
		}
	})
}

// TestCommands: headers of a Refer-To's URI that its reader may not obey, however they are written.
func TestCommands(t *testing.T) {
	for headers, want := range map[string]bool{
		"": false, "Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces": false, "Subject=Route": false, "X-Route=1&Referred-By=x": false,
		"Route=%3Csip:evil.test;lr%3E": true, "Replaces=a&route=x": true, "%52oute=x": true, "v=1": true, "%76=1": true, "From=x": true,
		"ROUTE": true, "Record-Route=x": true, "P-Asserted-Identity=x": true, "Route%20=x": true, "&&Via=x": true, "=": false, "&": false,
	} {
		if got := dialog.Commands([]byte(headers)); got != want {
			t.Errorf("%q: %v", headers, got)
		}
	}
}
