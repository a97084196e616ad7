package login

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

// ChallengeLasts is how long a person has for what his browser asks of him.
const ChallengeLasts = 5 * time.Minute

// The parts of a challenge: when it was made (microseconds), chance, and the MAC of both and of what
// it is for.
const (
	challengeTime   = 8
	challengeChance = 16
	challengeHead   = challengeTime + challengeChance
	challengeSize   = challengeHead + sha256.Size
)

const handleBytes = 32

// Passkey is what is kept of a passkey: a credential of Web Authentication Level 3 that an
// authenticator finds by the host alone, and uses only for whom it has verified.
type Passkey struct {
	ID         int64
	Name       string
	Credential []byte // the id that the authenticator gave it
	Key        []byte // its public key, as COSE has it
	Handle     []byte // by which the authenticator knows the user
	Host       string // of the panel; the relying party's id
	Count      uint32 // signatures so far, 0 from authenticators that do not count
	Flags      uint8  // of the authenticator
	Added      time.Time
	Used       time.Time // zero: never
}

// Site is the panel as a browser reaches it.
type Site struct{ Host, Origin string }

// SiteOf gives the site of scheme://host[:port]; false where browsers have no passkeys: over an
// address instead of a host name (WebAuthn 5.1.3 step 7).
func SiteOf(base string) (Site, bool) {
	u, err := url.Parse(strings.ToLower(base))
	if err != nil || protocol.ValidateRPID(u.Hostname()) != nil {
		return Site{}, false
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return Site{}, false
	}
	return Site{Host: u.Hostname(), Origin: u.Scheme + "://" + u.Host}, true
}

// NewHandle gives what authenticators will know a user by: chance, so that it says nothing of him.
func NewHandle() []byte {
	b := make([]byte, handleBytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}

// PasskeyAlgorithms are the kinds of keys that are taken, as COSE numbers them: ES256, EdDSA, RS256.
func PasskeyAlgorithms() []int64 {
	return []int64{int64(webauthncose.AlgES256), int64(webauthncose.AlgEdDSA), int64(webauthncose.AlgRS256)}
}

// ErrPasskey is an answer of an authenticator that proves nothing; what wraps it says why.
var ErrPasskey = errors.New("the passkey's answer is not right")

// Passkeys makes challenges and judges answers. A challenge is kept nowhere: it carries its time and
// a MAC of what it is for. What is kept is which ones were answered rightly, so only who has a
// passkey takes room. Its methods may be called at once.
type Passkeys struct {
	key [sha256.Size]byte // of this process: a restart makes all challenges void

	mu    sync.Mutex // guards spent
	spent map[[challengeSize]byte]time.Time
}

// NewPasskeys gives one with a key of its own.
func NewPasskeys() *Passkeys {
	p := &Passkeys{spent: map[[challengeSize]byte]time.Time{}}
	_, _ = rand.Read(p.key[:]) // never fails (crypto/rand)
	return p
}

// Challenge gives one that is good for a purpose at a site, once, for ChallengeLasts.
func (p *Passkeys) Challenge(site Site, purpose string) []byte {
	c := binary.BigEndian.AppendUint64(make([]byte, 0, challengeSize), uint64(time.Now().UnixMicro())) //nolint:gosec // no time before 1970
	c = c[:challengeHead]
	_, _ = rand.Read(c[challengeTime:]) // never fails (crypto/rand)
	return p.mac(c, site, purpose)
}

// mac appends the MAC to a challenge's head. No origin holds a newline, so nothing is ambiguous.
func (p *Passkeys) mac(head []byte, site Site, purpose string) []byte {
	m := hmac.New(sha256.New, p.key[:])
	m.Write(head)
	m.Write([]byte(site.Origin + "\n" + purpose))
	return m.Sum(head)
}

// ours says whether a challenge was made here for this, not long ago.
func (p *Passkeys) ours(text string, site Site, purpose string) error {
	c, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(c) != challengeSize || !hmac.Equal(c, p.mac(bytes.Clone(c[:challengeHead]), site, purpose)) {
		return fmt.Errorf("%w: the challenge is not one for this", ErrPasskey)
	}
	made := time.UnixMicro(int64(binary.BigEndian.Uint64(c))) //nolint:gosec // it is ours
	if time.Since(made) >= ChallengeLasts {
		return fmt.Errorf("%w: the challenge is too old", ErrPasskey)
	}
	return nil
}

// spend uses a challenge of ours up: of two answers to it one is right.
func (p *Passkeys) spend(text string) error {
	var c [challengeSize]byte
	if n, err := base64.RawURLEncoding.Decode(c[:], []byte(text)); err != nil || n != challengeSize {
		return fmt.Errorf("%w: the challenge is not one for this", ErrPasskey)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for old, at := range p.spent {
		if time.Since(at) >= ChallengeLasts {
			delete(p.spent, old)
		}
	}
	if _, used := p.spent[c]; used {
		return fmt.Errorf("%w: the challenge was answered before", ErrPasskey)
	}
	p.spent[c] = time.Now()
	return nil
}

// Made judges what a browser sends of a new passkey (RegistrationResponseJSON, WebAuthn 7.1). handle
// is what the options said of the user. What it gives has no name yet.
func (p *Passkeys) Made(site Site, purpose string, handle, answer []byte) (Passkey, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Passkey{}, fmt.Errorf("%w: %s", ErrPasskey, detail(err))
	}
	challenge := parsed.Response.CollectedClientData.Challenge
	if err := p.ours(challenge, site, purpose); err != nil {
		return Passkey{}, err
	}
	rp, err := party(site)
	if err != nil {
		return Passkey{}, err
	}
	session := session(site, challenge)
	session.UserID = handle
	for _, a := range PasskeyAlgorithms() {
		session.CredParams = append(session.CredParams, protocol.CredentialParameter{
			Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(a),
		})
	}
	c, err := rp.CreateCredential(holder{Passkey: &Passkey{Handle: handle}}, session, parsed)
	if err != nil {
		return Passkey{}, fmt.Errorf("%w: %s", ErrPasskey, detail(err))
	}
	made := Passkey{
		Credential: c.ID, Key: c.PublicKey, Handle: handle, Host: site.Host,
		Count: c.Authenticator.SignCount, Flags: c.Flags.MsgpByte(),
	}
	return made, p.spend(challenge)
}

// Claim is what a browser sends to log in with a passkey (AuthenticationResponseJSON). Nothing of it
// is proven yet.
type Claim struct {
	Credential []byte // which one it claims to be
	parsed     *protocol.ParsedCredentialAssertionData
}

// ReadClaim reads one; its errors are ErrPasskey.
func ReadClaim(answer []byte) (Claim, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Claim{}, fmt.Errorf("%w: %s", ErrPasskey, detail(err))
	}
	return Claim{Credential: parsed.RawID, parsed: parsed}, nil
}

// Holds judges a claim by the passkey of which it claims to be (WebAuthn 7.2), and puts the count and
// flags that it came with into it. A count that does not rise is refused: there would be a copy.
func (p *Passkeys) Holds(site Site, purpose string, claim Claim, key *Passkey) error {
	challenge := claim.parsed.Response.CollectedClientData.Challenge
	if err := p.ours(challenge, site, purpose); err != nil {
		return err
	}
	if key.Host != site.Host {
		return fmt.Errorf("%w: it was made for another host", ErrPasskey)
	}
	rp, err := party(site)
	if err != nil {
		return err
	}
	_, c, err := rp.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) {
		return holder{key}, nil
	}, session(site, challenge), claim.parsed)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrPasskey, detail(err))
	}
	if c.Authenticator.CloneWarning {
		return fmt.Errorf("%w: its signature count did not rise, so there may be a copy of it", ErrPasskey)
	}
	if err := p.spend(challenge); err != nil {
		return err
	}
	key.Count, key.Flags = c.Authenticator.SignCount, c.Flags.MsgpByte()
	return nil
}

// party is the panel as the library has it.
func party(site Site) (*webauthn.WebAuthn, error) {
	w, err := webauthn.New(&webauthn.Config{RPID: site.Host, RPDisplayName: "Tollgate", RPOrigins: []string{site.Origin}})
	if err != nil {
		return nil, fmt.Errorf("passkeys at %s: %w", site.Host, err)
	}
	return w, nil
}

// session is what the library would have kept of its own challenge.
func session(site Site, challenge string) webauthn.SessionData {
	return webauthn.SessionData{Challenge: challenge, RelyingPartyID: site.Host, UserVerification: protocol.VerificationRequired}
}

// detail is what the library says of an answer, without what the answer says.
func detail(err error) string {
	var e *protocol.Error
	if errors.As(err, &e) {
		return e.Details
	}
	return "it is not well-formed"
}

// holder is a user who has one passkey, as the library asks for users.
type holder struct{ *Passkey }

func (h holder) WebAuthnID() []byte          { return h.Handle }
func (h holder) WebAuthnName() string        { return "" }
func (h holder) WebAuthnDisplayName() string { return "" }

func (h holder) WebAuthnCredentials() []webauthn.Credential {
	return []webauthn.Credential{{
		ID: h.Credential, PublicKey: h.Key, Flags: webauthn.CredentialFlagsFromMsgpByte(h.Flags),
		Authenticator: webauthn.Authenticator{SignCount: h.Count},
	}}
}
