package dialog_test

import (
	"testing"

	"tollgate/internal/dialog"
	"tollgate/sip"
)

// toSwitch is what a switch is shown in the golden files.
func toSwitch() *dialog.Numbers {
	return &dialog.Numbers{
		Called: []byte("39#0401234567"), Calling: []byte("+390409876543"), Host: "2001:db8::5", Port: 5070,
	}
}

// TestNumbersGolden: a request as a switch gets it, plain and hidden, and that From and To
// come back as they were.
func TestNumbersGolden(t *testing.T) {
	const base = "testdata/numbers/call"
	for _, mode := range []string{"plain", "hidden"} {
		t.Run(mode, func(t *testing.T) {
			m := read(t, base+".in.sip")
			var e sip.Edit
			var h dialog.Hiding
			f, n := forward(&h, m, mode == "hidden"), toSwitch()
			from, to := dialog.WithoutTag(m.Value(sip.HdrFrom)), dialog.WithoutTag(m.Value(sip.HdrTo))
			if mode == "hidden" {
				from, to = f.From, f.To
			} else {
				f.FromTag = m.FromTag()
			}
			f.Target, f.Names = n.AppendTarget(nil, m.RequestURI()), n.Asserts(nil, m)
			f.From, f.To = n.AppendFrom(nil, from, m), n.AppendTo(nil, to, m.RequestURI())
			out, err := f.Write(&e, nil)
			compare(t, base+"."+mode+".sip", out, err)
		})
	}
	m := read(t, base+".in.sip")
	answer := read(t, "testdata/numbers/answer.in.sip")
	r := &dialog.Reply{Message: answer, CSeq: 7, Head: m}
	var e sip.Edit
	out, err := r.Write(&e, nil)
	compare(t, "testdata/numbers/answer.plain.sip", out, err)
}

func TestNumbersTarget(t *testing.T) {
	number, global := &dialog.Numbers{Called: []byte("390401")}, &dialog.Numbers{Called: []byte("390401"), Global: true}
	host := &dialog.Numbers{Host: "carrier.example"}
	both := &dialog.Numbers{Called: []byte("*21# x"), Host: "192.0.2.9", Port: 5070}
	for _, test := range []struct {
		n        *dialog.Numbers
		in, want string
	}{
		{&dialog.Numbers{}, "sip:1@a.example;x=y", "sip:1@a.example;x=y"},
		{number, "sip:00390401@a.example:5070;x=y?h=v", "sip:390401@a.example:5070;x=y?h=v"},
		{number, "sip:00390401:pass@a.example", "sip:390401:pass@a.example"},
		{number, "sip:0401;phone-context=+39@a.example", "sip:390401@a.example"},
		{number, "sips:0401@a.example", "sips:390401@a.example"},
		{number, "sip:a.example", "sip:390401@a.example"},
		{number, "tel:0401;phone-context=a.example", "tel:390401;phone-context=a.example"},
		{global, "tel:0401;phone-context=+39", "tel:+390401"},
		{number, "urn:service:sos", "urn:service:sos"},
		{host, "sip:0401;phone-context=+39@a.example:5080;transport=tcp;user=phone", "sip:0401;phone-context=+39@carrier.example;user=phone"},
		{host, "tel:0401;phone-context=+39", "sip:0401;phone-context=+39@carrier.example;user=phone"},
		{host, "tel:+39-0401", "sip:+39-0401@carrier.example;user=phone"},
		{host, "sips:a.example", "sips:carrier.example"},
		{both, "sip:0401@a.example", "sip:*21%23%20x@192.0.2.9:5070"},
		{both, "tel:0401", "sip:*21%23%20x@192.0.2.9:5070;user=phone"},
		{both, "not a uri", "not a uri"},
	} {
		if got := string(test.n.AppendTarget([]byte("."), []byte(test.in))); got != "."+test.want {
			t.Errorf("%q became %q, want %q", test.in, got[1:], test.want)
		}
	}
}

func TestNumbersAddresses(t *testing.T) {
	message := func(pai string) *sip.Message {
		m := new(sip.Message)
		if err := m.Parse([]byte(crlf("INVITE sip:0401@a.example SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\nFrom: <sip:0409@x.example>;tag=1\nTo: <sip:0401@a.example>\n" +
			pai + "Call-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n"))); err != nil {
			t.Fatal(err)
		}
		return m
	}
	const asserted = "P-Asserted-Identity: <sip:+0409@x.example>\n"
	for _, test := range []struct {
		n         dialog.Numbers
		pai       string
		from, to  string
		wantFrom  string
		wantTo    string
		wantNames int
	}{
		{
			dialog.Numbers{Calling: []byte("39"), Called: []byte("40")},
			asserted,
			"<sip:0409@x.example>", "sip:0401@a.example", "<sip:39@x.example>", "<sip:40@a.example>", 1,
		},
		// To has another number, and From another than the one asserted.
		{
			dialog.Numbers{Calling: []byte("39"), Called: []byte("40"), Asserted: true},
			asserted,
			"<sip:anonymous@anonymous.invalid>", "<sip:9999@a.example>", "<sip:anonymous@anonymous.invalid>", "<sip:9999@a.example>", 1,
		},
		{
			dialog.Numbers{Host: "192.0.2.9", From: []byte("main"), Asserted: true},
			asserted,
			"<sip:0409@x.example>", "<sip:0401@a.example>", "<sip:main@192.0.2.9>", "<sip:0401@192.0.2.9>", 0,
		},
		{
			dialog.Numbers{Host: "192.0.2.9"},
			"",
			"Anonymous <sip:anonymous@Anonymous.INVALID>", "<tel:0401>", "Anonymous <sip:anonymous@Anonymous.INVALID>", "<sip:0401@192.0.2.9;user=phone>", 0,
		},
		// The display name that is the number would give it away; another one stays.
		{
			dialog.Numbers{Calling: []byte("39"), Called: []byte("4\"0\r\n")},
			"",
			`"+04-09" <sip:0409@x.example>`, `"0401" <sip:0401@a.example>`, `"39" <sip:39@x.example>`, "<sip:4%220%0D%0A@a.example>", 0,
		},
		{
			dialog.Numbers{Calling: []byte("39")},
			"",
			`"Alice 0409" <sip:0409@x.example>`, "<sip:0401@a.example>", `"Alice 0409" <sip:39@x.example>`, "<sip:0401@a.example>", 0,
		},
		{dialog.Numbers{Calling: []byte("39")}, "", "<sip:0409@x.example", "", "<sip:0409@x.example", "", 0},
	} {
		m := message(test.pai)
		from, to := string(test.n.AppendFrom(nil, []byte(test.from), m)), string(test.n.AppendTo(nil, []byte(test.to), m.RequestURI()))
		names := len(test.n.Asserts(nil, m))
		if from != test.wantFrom || to != test.wantTo || names != test.wantNames {
			t.Errorf("%q, %q became %q, %q with %d edits", test.from, test.to, from, to, names)
		}
	}
}

// FuzzNumbers: whatever the numbers are, what is written is a message whose addresses can be
// read.
func FuzzNumbers(f *testing.F) {
	f.Add("sip:0401@a.example", `"x" <sip:0409@x.example>`, "39", "a.example", true)
	f.Add("tel:0401;phone-context=+39", "sip:0409@x.example", "\r\nx\"", "::1", false)
	f.Fuzz(func(t *testing.T, uri, from, number, host string, asserted bool) {
		text := "INVITE " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nMax-Forwards: 7\r\nFrom: " + from + ";tag=1\r\nTo: <" + uri +
			">\r\nP-Asserted-Identity: " + from + "\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:a>\r\nContent-Length: 0\r\n\r\n"
		var m, out sip.Message
		if m.Parse([]byte(text)) != nil || sip.Validate(&m).Status != 0 || number == "" {
			return
		}
		if host != "" {
			host = "192.0.2.9"
		}
		n := dialog.Numbers{Called: []byte(number), Calling: []byte(number), Host: host, Asserted: asserted}
		var e sip.Edit
		var h dialog.Hiding
		for _, hidden := range []bool{false, true} {
			fwd := forward(&h, &m, hidden)
			a, b := dialog.WithoutTag(m.Value(sip.HdrFrom)), dialog.WithoutTag(m.Value(sip.HdrTo))
			fwd.Target, fwd.Names = n.AppendTarget(nil, m.RequestURI()), n.Asserts(nil, &m)
			fwd.From, fwd.FromTag, fwd.To = n.AppendFrom(nil, a, &m), []byte("1"), n.AppendTo(nil, b, m.RequestURI())
			data, err := fwd.Write(&e, nil)
			if err == nil && out.Parse(data) == nil && sip.Validate(&out).Status == 0 {
				continue
			}
			t.Fatalf("%v:\n%s", err, data)
		}
	})
}
