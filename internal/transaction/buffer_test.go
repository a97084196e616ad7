package transaction

import (
	"bytes"
	"testing"
)

func TestBuffers(t *testing.T) {
	var p buffers
	for _, n := range []int{0, 1, 511, 512, 513, 4096, 16385, 65535, 65536, 70000} {
		want := bytes.Repeat([]byte{byte(n)}, n)
		b := p.copyOf(want)
		if !bytes.Equal(b, want) {
			t.Fatalf("copy of %d bytes differs", n)
		}
		p.put(&b)
		if b != nil {
			t.Error("the reference stays")
		}
	}
	one, other := p.copyOf([]byte("one")), p.copyOf([]byte("other"))
	if string(one) != "one" || string(other) != "other" {
		t.Error("two owners share a buffer")
	}
}

// TestBuffersGiveBack: what a flood of large messages took is not kept for ever.
func TestBuffersGiveBack(t *testing.T) {
	var p buffers
	held := make([][]byte, 0, 200)
	for range 200 {
		held = append(held, p.copyOf(make([]byte, 60_000)))
	}
	for i := range held {
		p.put(&held[i])
	}
	kept := 0
	for c, size := range sizes {
		kept += len(p.free[c]) * size
	}
	if kept > len(sizes)*keepFree {
		t.Errorf("%d bytes kept", kept)
	}
	// A buffer that has grown beyond its class is not mistaken for one of it.
	grown := append(p.copyOf([]byte("x")), make([]byte, 5000)...)
	p.put(&grown)
}
