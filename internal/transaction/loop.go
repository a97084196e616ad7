package transaction

import (
	"github.com/dchest/siphash"

	"tollgate/sip"
)

// LoopHash is what tells a loop from a spiral (RFC 3261 16.3 step 4, 16.6 step 8):
// what routing looks at. The lowest bit says that a body was carried, which
// Core.Stray wants to know of an INVITE.
func LoopHash(m *sip.Message) uint32 {
	sum := siphash.Hash(1, 2, m.RequestURI())
	sum = sum*31 + siphash.Hash(1, 2, m.CallID())
	sum = sum*31 + siphash.Hash(1, 2, m.FromTag())
	sum = sum*31 + siphash.Hash(1, 2, m.ToTag())
	sum = sum*31 + uint64(m.CSeq())*0x9e3779b97f4a7c15 // spread over all bits
	loop := uint32(sum>>32) &^ 1
	if len(m.Body()) > 0 {
		loop |= 1
	}
	return loop
}

// Looped says that a request has been here before as it is now.
func (l *Layer) Looped(m *sip.Message) bool {
	var want uint32
	it := m.Elements(sip.HdrVia)
	for {
		elem, ok := it.Next()
		if !ok {
			return false
		}
		via, err := sip.ParseVia(elem)
		if err != nil || len(via.Branch) != BranchLen {
			continue
		}
		if want == 0 {
			want = LoopHash(m) | 1
		}
		if id, ours := l.secret.parseBranch(via.Branch); ours && id.loop|1 == want {
			return true
		}
	}
}
