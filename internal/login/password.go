package login

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/alexedwards/argon2id"
)

// ErrBusy is for whoever asks while so many passwords are being hashed that more would only wait.
var ErrBusy = errors.New("too many passwords are being checked")

const (
	atOnce  = 2  // a hash takes 64 MiB and a core
	waiting = 32 // more than people who mistype at once, less than what an attacker would like to queue
)

// params are those of new hashes: 64 MiB, two passes (RFC 9106 4 asks for one at 2 GiB, or three at
// this size on a machine with nothing else to do), some 100 ms.
func params() *argon2id.Params {
	return &argon2id.Params{Memory: 64 << 10, Iterations: 2, Parallelism: 2, SaltLength: 16, KeyLength: 32}
}

// Hasher makes and compares hashes of passwords, two at a time. Its methods may be called at once.
type Hasher struct {
	run, queue chan struct{}
	nobody     string // a hash that no password has
}

// NewHasher gives a hasher.
func NewHasher() *Hasher {
	p := params()
	text := func(n uint32) string {
		b := make([]byte, n)
		_, _ = rand.Read(b) // never fails (crypto/rand)
		return base64.RawStdEncoding.EncodeToString(b)
	}
	return &Hasher{
		run: make(chan struct{}, atOnce), queue: make(chan struct{}, atOnce+waiting),
		nobody: fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.Memory, p.Iterations, p.Parallelism, text(p.SaltLength), text(p.KeyLength)),
	}
}

// enter waits for a place; ErrBusy where too many wait already.
func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.queue <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	select {
	case h.run <- struct{}{}:
		return func() { <-h.run; <-h.queue }, nil
	case <-ctx.Done():
		<-h.queue
		return nil, ctx.Err()
	}
}

// Hash gives what is stored of a password.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	hash, err := argon2id.CreateHash(password, params())
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// Holds says whether a hash is that of the password. With hash "", of somebody who has none or is not
// known, it is false after the same work.
func (h *Hasher) Holds(ctx context.Context, hash, password string) (bool, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	if hash == "" {
		_, err = argon2id.ComparePasswordAndHash(password, h.nobody)
		return false, err
	}
	return argon2id.ComparePasswordAndHash(password, hash)
}
