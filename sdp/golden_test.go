package sdp_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"tollgate/sdp"
)

// writeGolden writes testdata/*.barred and *.bridged anew; look at the difference before it is committed.
var writeGolden = flag.Bool("golden", false, "write the golden files")

// bars is what each golden file is freed of.
var bars = map[string][]string{
	"desk.sdp": {"g729", "AMR-WB", "Opus", "H263"},
	"lf.sdp":   {"G729"},
	"red.sdp":  {"opus"},
}

func TestGolden(t *testing.T) {
	for name, list := range bars {
		path := filepath.Join("testdata", name)
		given, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if same := barred(t, string(given)); same != string(given) {
			t.Errorf("%s: an edit of nothing gave\n%q", name, same)
		}
		got := barred(t, string(given), list...)
		golden(t, path+".barred", []byte(got))
	}
}

// golden compares with a file, or writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *writeGolden {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: expected\n%s\ngot\n%s", path, want, got)
	}
}

// barred parses a body and takes codecs out of it.
func barred(t *testing.T, body string, list ...string) string {
	t.Helper()
	var d sdp.Description
	if err := d.Parse([]byte(body)); err != nil {
		t.Fatalf("%v in\n%s", err, body)
	}
	var e sdp.Edit
	e.Reset(&d)
	e.Bar(list)
	out, err := e.Append(nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, body)
	}
	return string(out)
}
