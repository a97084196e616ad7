package srtp

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
)

// maxMKILen is the longest master key identifier that a Key holds, in bytes.
// RFC 4568 6.1 would allow 128; peers that send one at all send 1 to 4.
const maxMKILen = 8

// Key is what protects one direction of one stream: a suite, its master key
// and its salt. It is a plain value, equal keys are ==. The fields are there
// to be stored; whoever prints, logs or marshals a Key gets the suite alone.
// That holds for a Key as such and in exported fields. fmt cannot ask a Key in
// an unexported field of a struct: print no struct that has one.
type Key struct {
	Suite    Suite
	MKILen   uint8    // bytes of MKI in each packet, 0 to 8; 0 is the rule
	MKI      uint64   // the master key identifier, RFC 3711 3.1
	Material [46]byte // the master key, then the master salt, then zeros
}

// NewKey is a random key without MKI. A Key of no suite protects nothing: its
// Sender and Receiver refuse every packet.
func NewKey(s Suite) Key {
	k := Key{Suite: s}
	rand.Read(k.Material[:s.KeyLen()+s.SaltLen()]) // never fails: it ends the program instead
	return k
}

// String is the suite; never the material.
func (k Key) String() string {
	if k.Suite.String() == "" {
		return "no SRTP key"
	}
	return k.Suite.String() + " key"
}

// Format is String for every verb: %#v and %x, too, show no material.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) } //nolint:errcheck // fmt's own writer

// MarshalText is String, for JSON and every other encoding that asks for text.
// There is no way back: a key is stored field by field, by whoever means to.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// MarshalJSON is String, quoted.
func (k Key) MarshalJSON() ([]byte, error) { return []byte(`"` + k.String() + `"`), nil }

// LogValue is String, for log/slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// usable tells whether packets can be protected with k, which may have come
// from a file.
func (k Key) usable() bool {
	fits := k.MKILen == maxMKILen || k.MKI>>(8*k.MKILen) == 0
	return k.Suite.KeyLen() > 0 && k.MKILen <= maxMKILen && fits
}

func (k Key) master() []byte { return k.Material[:k.Suite.KeyLen()] }

func (k Key) salt() []byte {
	return k.Material[k.Suite.KeyLen() : k.Suite.KeyLen()+k.Suite.SaltLen()]
}

// mki is the identifier as packets carry it: big-endian, MKILen bytes.
func (k Key) mki() []byte {
	if k.MKILen == 0 {
		return nil
	}
	return binary.BigEndian.AppendUint64(nil, k.MKI)[maxMKILen-k.MKILen:]
}
