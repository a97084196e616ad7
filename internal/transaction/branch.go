package transaction

import (
	"encoding/binary"

	"github.com/dchest/siphash"

	"tollgate/sip"
)

// A branch of ours, after RFC 3261's magic cookie, in lower-case base32hex
// (a branch is compared without regard to case):
//
//	byte  0      shard
//	bytes 1-3    slot of the client cell
//	bytes 4-7    generation of the cell
//	bytes 8-11   loop hash (RFC 3261 16.6 step 8)
//	bytes 12-17  MAC over the above
//
// So a response finds its cell by index, and one that we did not cause is
// recognised before anything is looked up.
const (
	branchCookie = "z9hG4bK"
	branchBytes  = 18
	branchChars  = 29
	// BranchLen is the length of a branch that AppendBranch writes.
	BranchLen = len(branchCookie) + branchChars
)

// secret keys the MACs and hashes of one process: a restart makes all earlier
// branches foreign, which is right, since their cells are gone.
type secret struct{ k0, k1 uint64 }

type branchID struct {
	shard uint8
	slot  uint32
	gen   uint32
	loop  uint32
}

func (s secret) appendBranch(dst []byte, id branchID) []byte {
	var raw [branchBytes]byte
	binary.BigEndian.PutUint32(raw[0:], uint32(id.shard)<<24|id.slot&0xffffff)
	binary.BigEndian.PutUint32(raw[4:], id.gen)
	binary.BigEndian.PutUint32(raw[8:], id.loop)
	mac := siphash.Hash(s.k0, s.k1, raw[:12])
	binary.BigEndian.PutUint16(raw[12:], uint16(mac>>32))
	binary.BigEndian.PutUint32(raw[14:], uint32(mac))
	dst = append(dst, branchCookie...)
	return sip.AppendToken(dst, raw[:])
}

// parseBranch gives the cell that a branch names, false if we never wrote it.
func (s secret) parseBranch(b []byte) (branchID, bool) {
	var raw [branchBytes]byte
	if len(b) != BranchLen || string(b[:len(branchCookie)]) != branchCookie {
		return branchID{}, false
	}
	if !sip.DecodeToken(raw[:], b[len(branchCookie):]) {
		return branchID{}, false
	}
	mac := siphash.Hash(s.k0, s.k1, raw[:12])
	if binary.BigEndian.Uint16(raw[12:]) != uint16(mac>>32) || binary.BigEndian.Uint32(raw[14:]) != uint32(mac) {
		return branchID{}, false
	}
	first := binary.BigEndian.Uint32(raw[0:])
	return branchID{
		shard: uint8(first >> 24), slot: first & 0xffffff,
		gen: binary.BigEndian.Uint32(raw[4:]), loop: binary.BigEndian.Uint32(raw[8:]),
	}, true
}
