package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"sync/atomic"
	"unsafe"
)

// Kind says what a record is about; its meaning is the owner's.
type Kind uint8

// ID names a record among those of its kind.
type ID [12]byte

// MaxData is the most bytes that one record holds.
const MaxData = 64 << 10

// op is what a record does.
type op uint8

const (
	opPut   op = 1
	opDel   op = 2
	opBegin op = 3 // a checkpoint begins with this segment; the id is its sequence
	opEnd   op = 4 // that checkpoint is complete; in a snapshot the end, the id is the number of records
)

const (
	frameSize = 8  // length and crc, which the length does not count
	headSize  = 16 // kind, op, id, u16 0
	maxLength = headSize + MaxData
	alignment = 8
)

// Why a segment ends before its end.
var (
	errLength = errors.New("impossible length")
	errCRC    = errors.New("checksum does not match")
	errOp     = errors.New("unknown operation")
)

// record is one as it is read; data is valid as long as what it was read from.
type record struct {
	op   op
	kind Kind
	id   ID
	data []byte
}

// sizeOf is how many bytes a record takes.
func sizeOf(data int) int {
	return (frameSize + headSize + data + alignment - 1) &^ (alignment - 1)
}

// write puts a record into b, which is zero or starts with an older record's bytes and
// is as long as sizeOf says. The length comes last, and in one store: who dies
// before it leaves no record.
func write(b []byte, o op, kind Kind, id *ID, data []byte) {
	length := headSize + len(data)
	b[8], b[9] = byte(kind), byte(o)
	copy(b[10:22], id[:])
	b[22], b[23] = 0, 0
	copy(b[24:], data)
	clear(b[frameSize+length:])
	binary.LittleEndian.PutUint32(b[4:], checksum(b[frameSize:frameSize+length]))
	var word [4]byte
	binary.LittleEndian.PutUint32(word[:], uint32(length))
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&b[0])), binary.NativeEndian.Uint32(word[:]))
}

// span says by its first word how many bytes a record takes; 0 is the end.
func span(b []byte) (size int, err error) {
	length := binary.LittleEndian.Uint32(b)
	switch {
	case length == 0:
		return 0, nil
	case length < headSize || length > maxLength:
		return 0, errLength
	}
	return sizeOf(int(length) - headSize), nil
}

// read takes the record at the start of b and says how many bytes it takes; 0 is the
// end, which is also where fewer bytes are left than any record has.
func read(b []byte, r *record) (size int, err error) {
	if len(b) < frameSize {
		return 0, nil
	}
	if size, err = span(b); size == 0 {
		return 0, err
	}
	length := int(binary.LittleEndian.Uint32(b))
	if frameSize+length > len(b) {
		return 0, errLength
	}
	body := b[frameSize : frameSize+length]
	if checksum(body) != binary.LittleEndian.Uint32(b[4:]) {
		return 0, errCRC
	}
	r.kind, r.op, r.data = Kind(body[0]), op(body[1]), body[headSize:]
	copy(r.id[:], body[2:])
	if r.op < opPut || r.op > opEnd {
		return 0, errOp
	}
	return size, nil
}

// checksum is crc32c; MakeTable gives the same table each time, and knows it as the
// one that processors compute.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// number is an id that carries a number, and back.
func number(n uint64) (id ID) {
	binary.LittleEndian.PutUint64(id[:], n)
	return id
}

func (id *ID) number() uint64 { return binary.LittleEndian.Uint64(id[:]) }
