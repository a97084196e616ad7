package dialog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tollgate/internal/dialog"
	"tollgate/sip"
)

// secrets are what must not be seen of the sender of a message: where it came from,
// and the hosts of its Contact and top Via. Left out is what may show all the same,
// and what is too short to be told from a word.
func secrets(m *sip.Message, source string) (list []string) {
	add := func(host []byte) {
		s := strings.ToLower(string(host))
		open := "acme.test 192.0.2.1 [2001:db8:1::1]"
		if len(s) >= 4 && !strings.Contains(open, s) {
			list = append(list, s)
		}
	}
	add([]byte(source))
	if u, err := sip.ParseURI(dialog.ContactURI(m)); err == nil {
		add(u.Host)
	}
	if m.IsRequest() {
		add(m.TopVia().Host)
	}
	return list
}

// untouched are the headers whose values pass as they are, or are not the sender's.
var untouched = []sip.HeaderID{
	sip.HdrVia, sip.HdrContact, sip.HdrRecordRoute, sip.HdrCallID, sip.HdrCSeq, sip.HdrMaxForwards,
	sip.HdrContentLength, sip.HdrContentType, sip.HdrAllow, sip.HdrSupported, sip.HdrRequire, sip.HdrExpires,
	sip.HdrSessionExpires, sip.HdrMinSE, sip.HdrRAck, sip.HdrRSeq, sip.HdrReplaces, sip.HdrJoin, sip.HdrTargetDialog,
}

// leak gives the first line of a hidden message in which a secret stands.
func leak(m *sip.Message, names []string) string {
	shows := func(text []byte) bool {
		return slices.ContainsFunc(names, func(s string) bool { return bytes.Contains(bytes.ToLower(text), []byte(s)) })
	}
	if shows(m.Reason()) {
		return string(m.Reason())
	}
	for i := range m.FieldCount() {
		f := m.Field(i)
		known := slices.Contains(untouched, f.ID) || !m.IsRequest() && (f.ID == sip.HdrFrom || f.ID == sip.HdrTo)
		if !known && shows(m.Slice(f.Value)) {
			return string(m.Slice(f.Line))
		}
	}
	return ""
}

// FuzzHidden: whatever goes in hidden, none of its sender's names comes out, and what
// comes out is a right message that says what it should.
func FuzzHidden(f *testing.F) {
	files, err := filepath.Glob("testdata/*.in.sip")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(crlf(string(text))))
	}
	torture, err := filepath.Glob("../../sip/testdata/torture/*.sip")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range torture {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkHidden(t, data) })
}

func checkHidden(t *testing.T, data []byte) {
	var m sip.Message
	if m.Parse(data) != nil || sip.Validate(&m).Status != 0 {
		return
	}
	names := secrets(&m, "198.51.100.7")
	if !m.IsRequest() {
		names = secrets(&m, "203.0.113.10")
	}
	for _, n := range names {
		if overlaps(n, "acme.test") || overlaps(n, "192.0.2.1") {
			return // two masks in a row could spell it
		}
	}
	var e sip.Edit
	var h dialog.Hiding
	out, err := write(&e, &h, &m, true)
	if err != nil {
		return // too much to change: refused
	}
	var got sip.Message
	if err := got.Parse(out); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if v := sip.Validate(&got); v.Status != 0 {
		t.Fatalf("%s in\n%s", v.Reason, out)
	}
	if line := leak(&got, names); line != "" {
		t.Fatalf("one of %q shows in %q:\n%s", names, line, out)
	}
	if got.Method() != m.Method() || !bytes.Equal(got.Body(), m.Body()) || got.ContentLength() != m.ContentLength() {
		t.Fatalf("method or body changed:\n%s", out)
	}
	if m.IsRequest() && (string(got.CallID()) != "ours" || string(got.FromTag()) != "us") {
		t.Fatalf("Call-ID %q, From tag %q in\n%s", got.CallID(), got.FromTag(), out)
	}
}

// overlaps says that an end of one is a start of the other.
func overlaps(a, b string) bool {
	for n := 1; n <= min(len(a), len(b)); n++ {
		if a[len(a)-n:] == b[:n] || b[len(b)-n:] == a[:n] {
			return true
		}
	}
	return false
}

// TestPartOfADomain: a host whose name is part of the customer's own domain is no
// secret, and masking it would break the domain wherever it stands.
func TestPartOfADomain(t *testing.T) {
	text := strings.ReplaceAll(asked, "10.0.0.7:5062", "acme") + ""
	text = strings.Replace(text, "CSeq: 7", "P-Called-Party-ID: <sip:3401@acme.test>\nCSeq: 7", 1)
	var m sip.Message
	if err := m.Parse([]byte(crlf(text))); err != nil {
		t.Fatal(err)
	}
	var e sip.Edit
	var h dialog.Hiding
	out, err := write(&e, &h, &m, true)
	if err != nil || !strings.Contains(string(out), "P-Called-Party-ID: <sip:3401@acme.test>\r\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestOwn(t *testing.T) {
	var h dialog.Hiding
	h.Reset("192.0.2.1", []string{"acme.test", "acme.example"}, callerAt)
	for host, want := range map[string]bool{"acme.test": true, "ACME.Example": true, "192.0.2.1": true, "acme.tes": false, "198.51.100.7": false} {
		if h.Own([]byte(host)) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
}

// TestManyNames: more names than there is room for do no harm.
func TestManyNames(t *testing.T) {
	var h dialog.Hiding
	h.Reset("acme.test", nil, callerAt)
	for i := range 100 {
		h.NameString(strings.Repeat(string(rune('a'+i%26)), 60))
	}
	h.Name(nil)
	h.NameURI([]byte("tel:123"))
	h.NameURI([]byte("not a URI"))
	if got := string(h.AppendIdentity(nil, []byte("<sip:a@198.51.100.7>;tag=1"))); got != "<sip:a@acme.test>" {
		t.Error(got)
	}
}

// TestMaskOfIPv6: a customer's domain may be an IPv6 address, which stands in brackets
// wherever a host stands.
func TestMaskOfIPv6(t *testing.T) {
	for _, mask := range []string{"2001:db8::5", "[2001:db8::5]"} {
		var h dialog.Hiding
		h.Reset(mask, nil, callerAt)
		if got := string(h.AppendIdentity(nil, []byte("<sip:a@198.51.100.7:5062;x>;tag=1"))); got != "<sip:a@[2001:db8::5];x>" {
			t.Error(got)
		}
		if got := string(h.AppendIdentity(nil, []byte("<sip:a@[2001:DB8::5]:5070>"))); got != "<sip:a@[2001:DB8::5]:5070>" {
			t.Error(got)
		}
	}
}
