package sdp_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"tollgate/sdp"
)

// FuzzBar holds for every body: no panic, an edit of nothing gives the same bytes, and
// what codecs were taken out of can be read, and has none of them left.
func FuzzBar(f *testing.F) {
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
