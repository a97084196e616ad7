package sip

import (
	"bytes"
	"encoding/base32"
	"strings"
	"testing"
)

func FuzzToken(f *testing.F) {
	f.Add([]byte("a tag"))
	reference := base32.HexEncoding.WithPadding(base32.NoPadding)
	f.Fuzz(func(t *testing.T, raw []byte) {
		token := AppendToken(nil, raw)
		if want := strings.ToLower(reference.EncodeToString(raw)); string(token) != want {
			t.Fatalf("AppendToken(%x) = %s, want %s", raw, token, want)
		}
		back := make([]byte, len(raw))
		if !DecodeToken(back, bytes.ToUpper(token)) || !bytes.Equal(back, raw) {
			t.Fatalf("DecodeToken(%s) = %x, want %x", token, back, raw)
		}
		if len(raw) > 0 && DecodeToken(back, append(token[:len(token)-1:len(token)-1], '!')) {
			t.Fatal("a character outside of the alphabet was taken")
		}
	})
}
