package transaction

// sizes are the classes of message buffers; most SIP messages fit the first three.
var sizes = [...]int{512, 1024, 2048, 4096, 16384, 65536}

// keepFree bounds, in bytes, what each class keeps for later, so that a burst's
// memory is given back.
const keepFree = 512 << 10

// buffers is a shard's stock of message copies, by size class. It is used
// under the shard's lock only, which is why it is no sync.Pool.
type buffers struct {
	free [len(sizes)][][]byte
}

// copyOf returns a copy of b in a pooled buffer.
func (p *buffers) copyOf(b []byte) []byte { return append(p.room(len(b)), b...) }

// room returns an empty buffer for n bytes.
func (p *buffers) room(n int) []byte {
	for c, size := range sizes {
		if n > size {
			continue
		}
		if free := len(p.free[c]); free > 0 {
			buf := p.free[c][free-1]
			p.free[c] = p.free[c][:free-1]
			return buf[:0]
		}
		return make([]byte, 0, size)
	}
	return make([]byte, 0, n)
}

// put takes a buffer back and clears the caller's reference.
func (p *buffers) put(b *[]byte) {
	buf := *b
	*b = nil
	for c, size := range sizes {
		if cap(buf) == size {
			if len(p.free[c]) < keepFree/size {
				p.free[c] = append(p.free[c], buf)
			}
			return
		}
	}
}
