package dialog

import (
	"encoding/binary"
	"errors"
)

// Text is a piece of a Texts; the zero value is empty.
type Text struct{ off, n, room uint16 }

// Empty says that there is none.
func (t Text) Empty() bool { return t.n == 0 }

// Texts is the one buffer that all texts of a call stand in, so that a call is a
// value: fixed fields and these bytes.
type Texts struct{ Buf []byte }

// maxTexts bounds a call's texts: more than any honest pair of dialogs needs.
const maxTexts = 16 << 10

// ErrTooLong says that a call's texts are beyond their bound.
var ErrTooLong = errors.New("dialog state too long")

// Get gives the bytes of a text; they are valid until the next Set.
func (b *Texts) Get(t Text) []byte { return b.Buf[t.off : t.off+t.n] }

// Add appends a new text.
func (b *Texts) Add(s []byte) (Text, error) {
	if len(b.Buf)+len(s) > maxTexts {
		return Text{}, ErrTooLong
	}
	t := Text{uint16(len(b.Buf)), uint16(len(s)), uint16(len(s))}
	b.Buf = append(b.Buf, s...)
	return t, nil
}

// Set replaces a text, in place where it fits.
func (b *Texts) Set(t *Text, s []byte) error {
	if len(s) <= int(t.room) {
		t.n = uint16(copy(b.Buf[t.off:t.off+t.room], s))
		return nil
	}
	fresh, err := b.Add(s)
	if err == nil {
		*t = fresh
	}
	return err
}

// Append appends a text's place, to be kept with the buffer that it stands in.
func (t Text) Append(dst []byte) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(dst, t.off), t.n)
}

// Read sets a text to a place that Append wrote; false when the buffer has no such
// place.
func (b *Texts) Read(t *Text, off, n uint16) bool {
	if int(off)+int(n) > len(b.Buf) {
		return false
	}
	*t = Text{off, n, n}
	return true
}
