package sdp_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tollgate/sdp"
)

// FuzzBar holds for every body: no panic, an edit of nothing gives the same bytes, and
// what codecs were taken out of can be read, and has none of them left.
func FuzzBar(f *testing.F) {
	seeds(f)
	f.Add([]byte("v=0\nm=audio 1 RTP 0 0 00 18\na=rtpmap:0 PCMU\na=rtpmap: 18\na=fmtp:96 0/0"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var d sdp.Description
		if d.Parse(body) != nil {
			return
		}
		var e sdp.Edit
		e.Reset(&d)
		if same, err := e.Append(nil); err != nil || !bytes.Equal(same, body) {
			t.Fatalf("untouched, but %v %q", err, same)
		}
		list := []string{"PCMU", "G729", "opus/48000", "red"}
		e.Bar(list)
		out, err := e.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Parse(out); err != nil {
			t.Fatalf("%v in\n%q", err, out)
		}
		e.Reset(&d)
		if e.Bar(list); e.Changes() {
			t.Fatalf("a second time changes\n%q", out)
		}
		for i := range d.Media() {
			m := &d.Media()[i]
			d.AppendCodecs(nil, m)
			d.AddrPort(m)
			d.Direction(m)
		}
		d.Origin()
	})
}

// seeds adds the golden files.
func seeds(f *testing.F) {
	files, err := filepath.Glob("testdata/*.sdp")
	if err != nil || len(files) == 0 {
		f.Fatal("no testdata", err)
	}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
}

// FuzzBridge holds for every body: no panic, what was bridged can be read, names the face
// and nobody else, and is bridged again to the same
// bytes, but for the end of the last line.
func FuzzBridge(f *testing.F) {
	seeds(f)
	f.Add([]byte("v=0\nm=a 1/1 RTP/AVP 0\na=rtcp\na=crypto\nc=\nc=x"))
	list := []string{"PCMU", "G729"}
	f.Fuzz(func(t *testing.T, body []byte) {
		var d sdp.Description
		if d.Parse(body) != nil || bytes.Count(body, []byte{'\n'}) > 100 {
			return // what is added might be too much
		}
		d.Hash()
		for _, to := range [...]face{
			{}, {addr: "2001:db8:f::7", rtcp: 1, mux: true}, {crypto: twoKeys, barred: list},
		} {
			if err := d.Parse(body); err != nil {
				t.Fatal(err)
			}
			for i := range d.Media() {
				d.Payloads(&d.Media()[i], func(uint8, []byte, int, bool) {})
			}
			out := bridged(t, &d, to)
			if err := d.Parse(out); err != nil {
				t.Fatalf("%v in\n%q", err, out)
			}
			alone(t, &d, out)
			again := bridged(t, &d, to)
			if !bytes.Equal(bytes.TrimRight(again, "\r\n"), bytes.TrimRight(out, "\r\n")) {
				t.Fatalf("a second time\n%q\nis\n%q", out, again)
			}
		}
	})
}

// alone holds that a bridged description names the relay only.
func alone(t *testing.T, d *sdp.Description, out []byte) {
	var tr sdp.Transport
	for i := range d.Media() {
		m := &d.Media()[i]
		if err := d.Transport(m, &tr); err != nil || m.Number != 0 && m.Number != 30000+2*uint16(i) {
			t.Fatalf("stream %d at %d: %v in\n%q", i, m.Number, err, out)
		}
		if a := tr.Addr; m.Number != 0 && !a.IsUnspecified() && a.String() != "198.51.100.7" && a.String() != "2001:db8:f::7" {
			t.Fatalf("stream %d at %v in\n%q", i, a, out)
		}
		for _, name := range []string{"candidate", "ice-ufrag", "key-mgmt"} {
			if l, _ := d.FindAttribute(d.Lines(m), name); l != nil {
				t.Fatalf("a=%s in\n%q", name, out)
			}
		}
		if l, _ := d.FindAttribute(d.Lines(m), "fingerprint"); l != nil && m.Number != 0 && tr.Profile.RTP() {
			t.Fatalf("a=fingerprint in\n%q", out)
		}
		for _, s := range tr.Crypto {
			if !slices.Contains(twoKeys, string(d.Slice(s))) {
				t.Fatalf("a key in\n%q", out)
			}
		}
	}
}

// bridged edits a description; its own faults are none of the edit's.
func bridged(t *testing.T, d *sdp.Description, to face) []byte {
	var e sdp.Edit
	e.Reset(d)
	_ = to.bridge(d, &e)
	out, err := e.Append(nil)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return out
}

// FuzzLocate holds that what is found lies within the body.
func FuzzLocate(f *testing.F) {
	f.Add([]byte("multipart/mixed;boundary=b"), []byte("--b\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0\r\n--b--"))
	f.Add([]byte(`multipart/mixed;boundary="b`), []byte("--b\n--b--"))
	f.Fuzz(func(t *testing.T, kind, body []byte) {
		p, ok := sdp.Locate(kind, body)
		if !ok {
			return
		}
		if p.Body.Off >= p.Body.End || int(p.Body.End) > len(body) || p.Length.Off > p.Length.End || p.Length.End > p.Body.Off {
			t.Fatalf("%+v of %d bytes", p, len(body))
		}
	})
}
