// Package dialog holds the two legs that a call or a subscription joins: their
// identifiers, tags, route sets, targets and CSeq numbers (RFC 3261 12), and
// writes a message of one leg as a message of the other, plain (a
// record-routing proxy, RFC 3261 16) or hidden (topology hiding, RFC 5853 3.1).
//
// It is not its job to decide what a message means for a call (package call),
// nor where a new one goes (packages policy and peer).
package dialog

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/dchest/siphash"

	"tollgate/sip"
)

// Stable is the part of an identifier that survives a restart and names the
// same call on every node.
type Stable [12]byte

// Part says which of a dialog's addresses an identifier stands in.
type Part uint8

// The parts. ToCaller and ToCallee carry the number of the fork in Fork.
const (
	InRoute  Part = iota // our Record-Route: both parties use it
	ToCaller             // our Contact, as the caller knows us
	ToCallee             // our Contact and Call-ID, as the callee knows us
	ToPhone              // our Contact in a REGISTER: the token of a binding
	ToUs                 // our Contact where we register ourselves
)

// ID is what our Record-Route, Contact and Call-ID say to us when they return:
// in base32hex, so that folding its case does no harm.
//
//	byte  0      key id
//	bytes 1-2    node
//	bytes 3-4    epoch of the node's start
//	byte  5      shard
//	bytes 6-8    slot hint
//	bytes 9-20   stable id
//	byte  21     part, fork in the low four bits
//	bytes 22-29  MAC over the above
type ID struct {
	Shard  uint8
	Slot   uint32 // 24 bits: where the call stood when this was written
	Stable Stable
	Part   Part
	Fork   uint8 // 0 to 15
	Epoch  uint16
	Node   uint16
}

const (
	idBytes = 30
	// IDLen is the length of an identifier.
	IDLen = 48
)

// Key keys the MAC of identifiers; keys are shared by nodes and rotated.
type Key struct {
	ID     uint8
	K0, K1 uint64
}

// Minter writes and reads identifiers. It is safe for concurrent use.
type Minter struct {
	node, epoch uint16
	root        Key // of what must never change: shards and derived ids
	keys        [256]*Key
	current     uint8
}

// NewMinter takes the root, which is the same for all nodes and for ever, and the
// keys of the identifiers, the newest first.
func NewMinter(node, epoch uint16, root Key, keys ...Key) *Minter {
	m := &Minter{node: node, epoch: epoch, root: root, current: keys[0].ID}
	for _, k := range keys {
		m.keys[k.ID] = &k
	}
	return m
}

// NewStable gives a stable id that nobody can guess.
func NewStable() (s Stable) {
	binary.BigEndian.PutUint64(s[0:], rand.Uint64()) // math/rand/v2's top level is ChaCha8, seeded by the system
	binary.BigEndian.PutUint32(s[8:], rand.Uint32())
	return s
}

// NoSlot stands in an identifier that leads to a shard only, such as a Call-ID.
const NoSlot = 0xffffff

// Derive gives a stable id that follows from b alone, for who knows the root.
func (m *Minter) Derive(b []byte) (s Stable) {
	hi, lo := siphash.Hash128(m.root.K0, ^m.root.K1, b)
	binary.BigEndian.PutUint64(s[0:], hi)
	binary.BigEndian.PutUint32(s[8:], uint32(lo))
	return s
}

// Far gives the stable id that the far side of a hidden dialog gets its Call-ID by
// (AppendCallID). It follows from the caller's Call-ID and tag, so that his retry after a
// challenge is to the callee what it is to us (RFC 3261 8.1.3.5).
func (m *Minter) Far(callID, fromTag []byte) Stable {
	var room [512]byte
	return m.Derive(append(append(append(room[:0], callID...), 0), fromTag...))
}

// BranchKey is what the MACs of Via branches are keyed by, on every node and after
// every restart.
func (m *Minter) BranchKey() [2]uint64 {
	hi, lo := siphash.Hash128(m.root.K1, ^m.root.K0, []byte("branch"))
	return [2]uint64{hi, lo}
}

// NonceKey is what the nonces of our challenges are keyed by, likewise.
func (m *Minter) NonceKey() [2]uint64 {
	hi, lo := siphash.Hash128(m.root.K1, ^m.root.K0, []byte("nonce"))
	return [2]uint64{hi, lo}
}

// Append appends an identifier.
func (m *Minter) Append(dst []byte, id ID) []byte {
	id.Node, id.Epoch = m.node, m.epoch
	return m.append(dst, id, m.current)
}

// AppendCallID appends the Call-ID that the far side gets in place of the near side's:
// the same after a restart, so that a phone's REGISTERs keep one (RFC 3261 10.2.4).
func (m *Minter) AppendCallID(dst, near []byte, far Stable) []byte {
	return m.append(dst, ID{Shard: m.Shard(near), Slot: NoSlot, Stable: far, Part: ToCallee}, m.current)
}

// Current is the number of the key that identifiers are made with now.
func (m *Minter) Current() uint8 { return m.current }

// AppendToken appends the token of a binding: the same for the same binding and
// key on every node and after every restart, since PBXs collect what differs.
func (m *Minter) AppendToken(dst []byte, binding Stable, key uint8) []byte {
	return m.append(dst, ID{Slot: NoSlot, Stable: binding, Part: ToPhone}, key)
}

// Ours is who called us by the Contact that we have registered at a switch.
type Ours struct{ Customer, Switch uint64 } // 48 bits each; zero: nobody

// AppendOurs appends the token of a registration of ours.
func (m *Minter) AppendOurs(dst []byte, o Ours) []byte {
	var s Stable
	binary.BigEndian.PutUint64(s[4:], o.Switch)
	binary.BigEndian.PutUint32(s[0:], uint32(o.Customer>>16))
	binary.BigEndian.PutUint16(s[4:], uint16(o.Customer))
	return m.append(dst, ID{Slot: NoSlot, Stable: s, Part: ToUs}, m.current)
}

// Ours reads the token of a registration of ours; zero for any other identifier.
func (id ID) Ours() (o Ours) {
	if id.Part != ToUs {
		return o
	}
	o.Customer = uint64(binary.BigEndian.Uint32(id.Stable[0:]))<<16 | uint64(binary.BigEndian.Uint16(id.Stable[4:]))
	o.Switch = binary.BigEndian.Uint64(id.Stable[4:]) & (1<<48 - 1)
	return o
}

func (m *Minter) append(dst []byte, id ID, key uint8) []byte {
	k := m.keys[key]
	var raw [idBytes]byte
	raw[0] = key
	binary.BigEndian.PutUint16(raw[1:], id.Node)
	binary.BigEndian.PutUint16(raw[3:], id.Epoch)
	binary.BigEndian.PutUint32(raw[5:], uint32(id.Shard)<<24|id.Slot&0xffffff)
	copy(raw[9:], id.Stable[:])
	raw[21] = byte(id.Part)<<4 | id.Fork&15
	binary.BigEndian.PutUint64(raw[22:], siphash.Hash(k.K0, k.K1, raw[:22]))
	return sip.AppendToken(dst, raw[:])
}

// Parse reads an identifier of ours, of any node and of any key that is known.
func (m *Minter) Parse(token []byte) (ID, bool) {
	var raw [idBytes]byte
	if len(token) != IDLen || !sip.DecodeToken(raw[:], token) {
		return ID{}, false
	}
	k := m.keys[raw[0]]
	if k == nil || binary.BigEndian.Uint64(raw[22:]) != siphash.Hash(k.K0, k.K1, raw[:22]) {
		return ID{}, false
	}
	where := binary.BigEndian.Uint32(raw[5:])
	id := ID{
		Shard: uint8(where >> 24), Slot: where & 0xffffff,
		Part: Part(raw[21] >> 4), Fork: raw[21] & 15,
		Node: binary.BigEndian.Uint16(raw[1:]), Epoch: binary.BigEndian.Uint16(raw[3:]),
	}
	copy(id.Stable[:], raw[9:21])
	return id, true
}

// Shard gives the shard that a Call-ID belongs to, of 256, the same after a
// restart: all of a call is in the shard of its caller's Call-ID, and the Call-ID
// that we gave the callee says so.
func (m *Minter) Shard(callID []byte) uint8 {
	if len(callID) == IDLen {
		if id, ok := m.Parse(callID); ok {
			return id.Shard
		}
	}
	return uint8(siphash.Hash(m.root.K1, m.root.K0, callID))
}

// Knows says that the key of an identifier is known.
func (m *Minter) Knows(key uint8) bool { return m.keys[key] != nil }

// Wrote says that a URI has an identifier of ours as its user part.
func (m *Minter) Wrote(uri []byte) bool {
	_, ok := m.Of(uri)
	return ok
}

// Of gives the identifier in a URI of ours: its user part.
func (m *Minter) Of(uri []byte) (ID, bool) {
	u, err := sip.ParseURI(uri)
	if err != nil || len(u.User) != IDLen {
		return ID{}, false
	}
	return m.Parse(u.User)
}
