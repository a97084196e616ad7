package journal

import "testing"

// BenchmarkPut is a record of 1 KB. Checkpoints keep the files small outside of what is
// measured.
func BenchmarkPut(b *testing.B) {
	j := openWith(b, Config{Dir: b.TempDir()})
	data := make([]byte, 1024)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	n := uint64(0)
	for b.Loop() {
		n++
		if err := j.Put(1, number(n), data); err != nil {
			b.Fatal(err)
		}
		if j.due() {
			b.StopTimer()
			if err := j.checkpoint(func() error { return nil }); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
}

// BenchmarkLoad is the start of a node with 100,000 records of 400 bytes.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	j := openWith(b, Config{Dir: dir})
	data := make([]byte, 400)
	for n := range uint64(100_000) {
		if err := j.Put(1, number(n), data); err != nil {
			b.Fatal(err)
		}
	}
	j.Close()
	for b.Loop() {
		j, err := Open(Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		count := 0
		if err := j.Load(func(Kind, ID, []byte) error { count++; return nil }); err != nil || count != 100_000 {
			b.Fatal(count, err)
		}
		j.Close()
	}
}
