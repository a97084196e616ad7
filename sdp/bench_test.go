package sdp_test

import (
	"bytes"
	"os"
	"testing"

	"tollgate/sdp"
)

// kilobyte is a description of about 1 KB, as a phone with video sends it.
func kilobyte(tb testing.TB) []byte {
	body, err := os.ReadFile("testdata/desk.sdp")
	if err != nil {
		tb.Fatal(err)
	}
	return append(body, bytes.Repeat([]byte("a=rtcp-fb:34 ccm fir\r\n"), (1024-len(body))/22)...)
}

func TestAllocations(t *testing.T) {
	body := kilobyte(t)
	var d sdp.Description
	var e sdp.Edit
	var out []byte
	list := []string{"G729", "AMR-WB", "opus"}
	if n := testing.AllocsPerRun(10, func() {
		_ = d.Parse(body)
		e.Reset(&d)
		e.Bar(list, nil)
		out, _ = e.Append(out[:0])
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParse(b *testing.B) {
	body := kilobyte(b)
	var d sdp.Description
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		_ = d.Parse(body)
	}
}

func BenchmarkBar(b *testing.B) {
	body := kilobyte(b)
	var d sdp.Description
	var e sdp.Edit
	var out []byte
	list := []string{"G729", "AMR-WB", "opus"}
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		_ = d.Parse(body)
		e.Reset(&d)
		e.Bar(list, nil)
		out, _ = e.Append(out[:0])
	}
}
