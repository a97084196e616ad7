package auth

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/dchest/siphash"

	"tollgate/sip"
)

const nonceLen = 20

// skew is by how much the clock of another node may be ahead of ours.
const skew = 2 * time.Second

// nonce is one that was read: when it was made, and by what it is told from all others.
type nonce struct {
	made int64 // milliseconds since 1970
	mac  uint64
}

// clock is the time in milliseconds since 1970. While this process runs nobody turns it back.
func (a *Authenticator) clock(now time.Time) int64 {
	return a.began + now.Sub(a.start).Milliseconds()
}

// nonce makes one that nobody else has.
func (a *Authenticator) nonce(r *Realm, source netip.Addr, now time.Time) (raw [nonceLen]byte) {
	put48(raw[0:6], uint64(a.clock(now)))
	put48(raw[6:12], a.unique.Add(1))
	binary.BigEndian.PutUint64(raw[12:], a.mac(raw[:12], r, source))
	return raw
}

// readNonce reads one of ours; not fresh: it is too old, or not for this realm and source, or
// none of ours. One from before this process may have been used then, which nobody remembers.
func (a *Authenticator) readNonce(text []byte, r *Realm, source netip.Addr, now time.Time) (n nonce, fresh bool) {
	var raw [nonceLen]byte
	if !sip.DecodeToken(raw[:], text) {
		return n, false
	}
	n = nonce{made: int64(get48(raw[:6])), mac: binary.BigEndian.Uint64(raw[12:])}
	clock := a.clock(now)
	if n.mac != a.mac(raw[:12], r, source) || n.made < a.began {
		return n, false
	}
	return n, n.made > clock-Lifetime.Milliseconds() && n.made <= clock+skew.Milliseconds()
}

// mac is over the first bytes of a nonce, and all that it is bound to.
func (a *Authenticator) mac(head []byte, r *Realm, source netip.Addr) uint64 {
	var room [512]byte
	addr := source.Unmap().As16()
	b := append(room[:0], head...)
	b = append(b, addr[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Scope))
	return siphash.Hash(a.key[0], a.key[1], append(b, r.Name...))
}

func put48(b []byte, n uint64) {
	binary.BigEndian.PutUint16(b, uint16(n>>32))
	binary.BigEndian.PutUint32(b[2:], uint32(n))
}

func get48(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}
