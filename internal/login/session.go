package login

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"time"
)

// How long things last.
const (
	Idle     = 10 * time.Minute // without an act of the user, a session ends
	Absolute = 12 * time.Hour   // and then in any case
	Link     = 24 * time.Hour   // a one-time link
	Familiar = 30 * 24 * time.Hour
)

const tokenBytes = 32

// TokenLength is how many characters a token has.
const TokenLength = (tokenBytes*8 + 5) / 6

// NewToken gives a token of 256 random bits, and what is stored of it: its SHA-256, since what
// cannot be guessed needs no slow hash.
func NewToken() (token, hash string) {
	b := make([]byte, tokenBytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	token = base64.RawURLEncoding.EncodeToString(b)
	return token, TokenHash(token)
}

// TokenHash is what is stored of a token.
func TokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Ends says when a session ends that began and was last used then.
func Ends(began, used time.Time) time.Time {
	idle, absolute := used.Add(Idle), began.Add(Absolute)
	if idle.After(absolute) {
		return absolute
	}
	return idle
}
