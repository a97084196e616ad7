package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"

	"tollgate/internal/tenant"
)

const (
	keyPrefix  = "tg_" // so that a key is known as one where it leaks
	keyBytes   = 24    // 192 bits
	hintLength = len(keyPrefix) + 6
)

// NewAPIKey makes a key, sets k.ID, k.Hint and its stamp, and gives the key's text: the only time
// that it is seen. The store keeps its SHA-256, enough for 192 random bits.
func (t *Tx) NewAPIKey(ctx context.Context, k *tenant.APIKey) (key string, err error) {
	secret := make([]byte, keyBytes)
	_, _ = rand.Read(secret)
	key = keyPrefix + hex.EncodeToString(secret)
	k.Hint = key[:hintLength]
	t.keyHash = hashKey(key)
	defer func() { t.keyHash = "" }()
	if err := t.APIKeys.Create(ctx, k); err != nil {
		return "", err
	}
	return key, nil
}

func hashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// Authenticate finds the principal of an API key that is used from an address; tenant.ErrNotFound for
// one that is not known, has expired, or may not be used from there. From and Via are the caller's
// to fill in.
func (s *Store) Authenticate(ctx context.Context, key string, from netip.Addr) (tenant.Principal, tenant.KeyID, error) {
	t := s.APIKeys.t
	k, err := one(ctx, t, t.selectFrom(s.r).Where("hash = ?", hashKey(key)))
	if err == nil && !s.admits(&k, from) {
		err = tenant.NotFound(tenant.KindAPIKey)
	}
	if err != nil {
		return tenant.Principal{}, 0, s.explain(err)
	}
	return tenant.Principal{
		Kind: tenant.PrincipalKey, Email: "key " + k.Name, Role: k.Role, Access: k.Access, Company: k.Company, Customer: k.Customer, Only: k.Only,
	}, k.ID, nil
}

// admits says whether a key may be used now, from there.
func (s *Store) admits(k *tenant.APIKey, from netip.Addr) bool {
	if !k.Expires.IsZero() && !s.now().Before(k.Expires) {
		return false
	}
	for _, a := range k.AllowFrom {
		if p, err := netip.ParsePrefix(tenant.CanonicalCIDR(a)); err == nil && p.Contains(from) {
			return true
		}
	}
	return len(k.AllowFrom) == 0
}
