package tenant

import (
	"crypto/md5" //nolint:gosec // its size; old phones know no other digest
	"crypto/sha256"
	"crypto/sha512"
)

// HA1 is what is kept of a SIP user's password, H(username:realm:password) by algorithm (RFC
// 7616 3.4.2). It is as good as the password: nothing prints it.
type HA1 struct {
	MD5       [md5.Size]byte
	SHA256    [sha256.Size]byte
	SHA512256 [sha512.Size256]byte

	HasMD5, HasSHA256, HasSHA512256 bool
}

// String keeps it out of logs.
func (HA1) String() string { return "(secret)" }

// GoString is String.
func (HA1) GoString() string { return "(secret)" }

// MarshalText is String, for JSON and YAML.
func (HA1) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }
