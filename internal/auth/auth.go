// Package auth challenges requests and checks their answers: SIP digest with nonces that need
// no memory until they are used, and a memory of those that were, so that nothing is heard twice.
//
// A nonce tells when it was made and carries a MAC over that, the address that asked and whose
// realm it is for, keyed by what all nodes of a database share. One that is too old, from
// before this process or for another address is no failure: the phone is asked again with
// stale=true and answers without troubling anybody (RFC 7616 3.3).
//
//	bytes 0-5    milliseconds since 1970
//	bytes 6-11   a number of its own
//	bytes 12-19  MAC over the above, address, scope and realm
//
// Not its job: where users are kept, who has to be asked (package gate), and what becomes of
// those who guess (package threat).
//
// RFC 3261 22; RFC 7616; RFC 8760; RFC 2069 for those who know no qop. Not offered: auth-int,
// -sess algorithms, userhash.
package auth

import (
	"crypto/rand"
	"net/netip"
	"sync/atomic"
	"time"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// The algorithms, as customers list them.
const (
	MD5       = "md5"
	SHA256    = "sha-256"
	SHA512256 = "sha-512-256"
)

// Lifetime is how long a nonce may be used.
const Lifetime = 5 * time.Minute

// Realm is in whose name a password is asked for.
type Realm struct {
	Scope      int64    // a nonce of one scope is worth nothing in another
	Name       string   // without quotes and backslashes
	Algorithms []string // that are accepted, in the order in which they are offered (RFC 8760 2.4)
}

func (r *Realm) accepts(a algorithm) bool {
	for _, name := range r.Algorithms {
		if name == names[a].listed {
			return true
		}
	}
	return false
}

// Outcome is what became of an answer.
type Outcome uint8

// The outcomes. A password was guessed wrong only where it is Wrong.
const (
	OK           Outcome = iota
	Missing              // there are no credentials for this realm, or none that can be understood
	Stale                // an old nonce, or one for somebody else
	Wrong                // no such user, or not his password: which, nobody learns
	Replay               // right, but used before
	BadAlgorithm         // one that the realm does not accept
	Elsewhere            // right, but for another Request-URI (RFC 7616 3.4.6)
)

// Authenticator makes challenges and checks answers. Its methods may be called from any
// goroutine.
type Authenticator struct {
	key    [2]uint64
	start  time.Time
	began  int64 // start in milliseconds since 1970
	unique atomic.Uint64
	used   *used
	nobody tenant.HA1 // whose password is checked where there is no such user
}

// New makes an authenticator. The key is secret and the same for all nodes of a database; now
// is the time, which must have a monotonic reading.
func New(key [2]uint64, now time.Time) *Authenticator {
	a := &Authenticator{key: key, start: now, began: now.UnixMilli(), used: newUsed()}
	var room [8]byte
	_, _ = rand.Read(room[:])
	for i, b := range room {
		a.unique.Add(uint64(b) << (8 * i))
	}
	_, _ = rand.Read(a.nobody.MD5[:])
	_, _ = rand.Read(a.nobody.SHA256[:])
	_, _ = rand.Read(a.nobody.SHA512256[:])
	return a
}

// AppendChallenge appends the lines of a challenge, one for each algorithm, with one nonce:
// WWW-Authenticate, or Proxy-Authenticate where proxy is set.
func (a *Authenticator) AppendChallenge(dst []byte, r *Realm, source netip.Addr, now time.Time, proxy, stale bool) []byte {
	nonce := a.nonce(r, source, now)
	for _, listed := range r.Algorithms {
		offered, ok := wireName(listed)
		if !ok {
			continue
		}
		if proxy {
			dst = append(dst, "Proxy-Authenticate"...)
		} else {
			dst = append(dst, "WWW-Authenticate"...)
		}
		dst = append(append(append(dst, `: Digest realm="`...), r.Name...), `", nonce="`...)
		dst = sip.AppendToken(dst, nonce[:])
		dst = append(append(dst, `", algorithm=`...), offered...)
		if stale {
			dst = append(dst, `, stale=true`...)
		}
		dst = append(dst, ", qop=\"auth\"\r\n"...)
	}
	return dst
}

// Check checks credentials of a request with this method and Request-URI. ha1 is what is kept
// of the user's password, nil where there is no such user: that costs as much.
func (a *Authenticator) Check(c *Credentials, r *Realm, ha1 *tenant.HA1, m *sip.Message, source netip.Addr, now time.Time) Outcome {
	n, fresh := a.readNonce(c.nonce, r, source, now)
	switch {
	case !fresh:
		return Stale
	case !r.accepts(c.algorithm):
		return BadAlgorithm
	case !a.proves(c, ha1, m.MethodBytes()):
		return Wrong
	case string(c.uri) != string(m.RequestURI()):
		return Elsewhere
	}
	return a.used.take(n, c.count, c.counted)
}
