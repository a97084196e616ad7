package login

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

const (
	period        = 30  // seconds that a code is shown
	qrSize        = 240 // pixels
	recoveryCodes = 10
	recoveryBytes = 10 // 80 bits, so that a plain SHA-256 of them is safe
)

// SecondFactor is what is kept of a user's second factor, sealed. The zero value is none.
type SecondFactor struct {
	Secret    string   `json:"secret"`
	Confirmed bool     `json:"confirmed"` // a code was given once: from now on it is asked for
	Last      int64    `json:"last"`      // the last time step whose code was taken
	Recovery  []string `json:"recovery"`  // SHA-256 of the recovery codes that were not used
}

// Enrolment is what an authenticator is told, this once.
type Enrolment struct {
	Secret string `json:"secret" doc:"Base32, to type."`
	URI    string `json:"uri" doc:"otpauth://..., to open."`
	QR     string `json:"qr" doc:"The same as a picture: a data: URL of a PNG."`
}

// NewSecondFactor makes one that is not confirmed yet.
func NewSecondFactor(account string) (f SecondFactor, e Enrolment, err error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Tollgate", AccountName: account, Period: period, SecretSize: 20})
	if err != nil {
		return f, e, fmt.Errorf("make a TOTP secret: %w", err)
	}
	picture, err := key.Image(qrSize, qrSize)
	if err != nil {
		return f, e, fmt.Errorf("draw a QR code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return f, e, fmt.Errorf("draw a QR code: %w", err)
	}
	e = Enrolment{Secret: key.Secret(), URI: key.URL(), QR: "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())}
	return SecondFactor{Secret: key.Secret()}, e, nil
}

// Code gives the code of a moment, as an authenticator shows it.
func Code(secret string, at time.Time) (string, error) {
	return hotp.GenerateCode(secret, uint64(at.Unix()/period)) //nolint:gosec // no time before 1970
}

// Take says whether a code is right now, and notes that it is used up: a TOTP code of this time step
// or a neighbouring one (RFC 6238 5.2), later than the last that was taken, or a recovery code.
func (f *SecondFactor) Take(code string, now time.Time) bool {
	code = strings.NewReplacer(" ", "", "-", "").Replace(code)
	step := now.Unix() / period
	for at := step - 1; at <= step+1; at++ {
		want, err := Code(f.Secret, time.Unix(at*period, 0))
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			if at <= f.Last {
				return false
			}
			f.Last = at
			return true
		}
	}
	if !f.Confirmed {
		return false
	}
	hash := recoveryHash(code)
	i := slices.Index(f.Recovery, hash)
	if i < 0 {
		return false
	}
	f.Recovery = slices.Delete(slices.Clone(f.Recovery), i, i+1)
	return true
}

// Confirm puts the factor in force with the first code, and gives the recovery codes, this once.
func (f *SecondFactor) Confirm(code string, now time.Time) (codes []string, ok bool) {
	if f.Secret == "" || f.Confirmed || !f.Take(code, now) {
		return nil, false
	}
	f.Confirmed, f.Recovery = true, nil
	for range recoveryCodes {
		b := make([]byte, recoveryBytes)
		_, _ = rand.Read(b) // never fails (crypto/rand)
		text := strings.ToLower(base32.StdEncoding.EncodeToString(b))
		f.Recovery = append(f.Recovery, recoveryHash(text))
		codes = append(codes, text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:])
	}
	return codes, true
}

func recoveryHash(code string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(code)))
	return hex.EncodeToString(sum[:])
}
