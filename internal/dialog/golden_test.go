package dialog_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tollgate/internal/dialog"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// What the tests' caller, callee and edge are.
var (
	callerAt = netip.MustParseAddrPort("198.51.100.7:5062")
	calleeAt = netip.MustParseAddrPort("203.0.113.10:5060")
	usOut    = dialog.Address{Proto: transport.UDP, Host: "192.0.2.1", Port: 5060}
	usIn     = dialog.Address{Proto: transport.TCP, Host: "[2001:db8:1::1]", Port: 5061}
	minter   = dialog.NewMinter(1, 2, dialog.Key{K0: 6, K1: 7}, dialog.Key{ID: 3, K0: 4, K1: 5})
	ourID    = minter.Append(nil, dialog.ID{Shard: 1, Slot: 2, Stable: dialog.Stable{1, 2, 3}})
	domains  = []string{"acme.test"}
)

// read parses a golden file; LF there stands for CRLF.
func read(t testing.TB, name string) *sip.Message {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m := new(sip.Message)
	if err := m.Parse([]byte(crlf(string(text)))); err != nil {
		t.Fatal(err)
	}
	return m
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// compare checks a written message against its golden file, which TOLLGATE_GOLDEN=1
// writes anew, and that it is a right message.
func compare(t *testing.T, name string, got []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(got), "\r\n", "\n")
	if os.Getenv("TOLLGATE_GOLDEN") != "" {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, text, want)
	}
	var m sip.Message
	if err := m.Parse(got); err != nil {
		t.Fatal(err)
	}
	if v := sip.Validate(&m); v.Status != 0 {
		t.Errorf("%s is written, but %s", name, v.Reason)
	}
}

// TestGolden: each *.in.sip as the other side gets it, plain and hidden.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.in.sip")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		base := strings.TrimSuffix(file, ".in.sip")
		for _, mode := range []string{"plain", "hidden"} {
			t.Run(filepath.Base(base)+"/"+mode, func(t *testing.T) {
				m := read(t, file)
				if v := sip.Validate(m); v.Status != 0 {
					t.Fatal(v.Reason)
				}
				var e sip.Edit
				var h dialog.Hiding
				out, err := write(&e, &h, m, mode == "hidden")
				compare(t, base+"."+mode+".sip", out, err)
			})
		}
	}
}

func write(e *sip.Edit, h *dialog.Hiding, m *sip.Message, hidden bool) ([]byte, error) {
	if m.IsRequest() {
		f := forward(h, m, hidden)
		return f.Write(e, nil)
	}
	r := reply(h, m, hidden)
	return r.Write(e, nil)
}

func forward(h *dialog.Hiding, m *sip.Message, hidden bool) *dialog.Forward {
	f := &dialog.Forward{
		Message: m, Source: callerAt, Out: usOut, Branch: []byte("z9hG4bKus"), ID: ourID,
		RecordRoute: [2]dialog.Address{usOut, usIn}, Records: 2, CSeq: m.CSeq() + 2,
	}
	if hidden {
		hideCaller(h, m)
		f.Hide, f.Records = h, 0
		f.CallID, f.FromTag = []byte("ours"), []byte("us")
		f.From = h.AppendIdentity(nil, m.Value(sip.HdrFrom))
		f.To = h.AppendIdentity(nil, m.Value(sip.HdrTo))
	}
	return f
}

func hideCaller(h *dialog.Hiding, m *sip.Message) {
	h.Reset("acme.test", domains, callerAt)
	h.NameURI(dialog.ContactURI(m))
	h.Name(m.TopVia().Host)
}

// asked is the request that the tests' responses answer.
const asked = `INVITE sip:3401@acme.test SIP/2.0
Via: SIP/2.0/UDP 10.0.0.7:5062;branch=z9hG4bKa1;rport, SIP/2.0/UDP first.example;branch=z9hG4bKa0
Via: SIP/2.0/TCP zero.example;branch=z9hG4bKz
Record-Route: <sip:p.carrier.example;lr>
From: "Alice" <sip:0409@198.51.100.7>;tag=alice
To: <sip:3401@acme.test>
Call-ID: call1@198.51.100.7
CSeq: 7 INVITE
Content-Length: 0

`

func reply(h *dialog.Hiding, m *sip.Message, hidden bool) *dialog.Reply {
	r := &dialog.Reply{Message: m, CSeq: 7}
	if m.StatusCode() >= 300 && hidden {
		r.Status = 480
	}
	if hidden {
		head := new(sip.Message)
		if err := head.Parse([]byte(crlf(asked))); err != nil {
			panic(err)
		}
		h.Reset("192.0.2.1", domains, calleeAt)
		h.NameURI(dialog.ContactURI(m))
		h.NameString("pbx1.inside.example")
		r.Hide, r.Head, r.Source, r.ToTag, r.Out, r.ID = h, head, callerAt, []byte("ourtag"), usIn, ourID
	}
	return r
}

// TestReplyOverAnAnswer: what is left of a request once its 2xx was sent is that
// answer, which serves as head for the 2xx of another fork.
func TestReplyOverAnAnswer(t *testing.T) {
	var e sip.Edit
	var h dialog.Hiding
	m := read(t, "testdata/answer.in.sip")
	r := reply(&h, m, true)
	first, err := r.Write(&e, nil)
	if err != nil {
		t.Fatal(err)
	}
	var head sip.Message
	if err := head.Parse(first); err != nil {
		t.Fatal(err)
	}
	r = reply(&h, m, true)
	r.Head, r.ToTag = &head, []byte("otherfork")
	second, err := r.Write(&e, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(string(first), "tag=ourtag", "tag=otherfork", 1); string(second) != want {
		t.Errorf("got\n%s\nwant\n%s", second, want)
	}
}
