package srtp

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
)

// ParseCrypto reads the value of an a=crypto line (RFC 4568 9.1), what stands
// behind "a=crypto:":
//
//	1 AES_CM_128_HMAC_SHA1_80 inline:BASE64|2^31|1:4 WSH=64
//
// The lifetime is read and forgotten: the largest is less than ours, and no
// call lasts 2^31 packets. Errors are ErrSyntax, or ErrUnsupported with what
// is asked too much: such a line is passed over for the next one (RFC 4568
// 7.1.2). No error quotes what stands in the line.
func ParseCrypto(value []byte) (tag int, k Key, err error) {
	fields := bytes.Fields(value)
	if len(fields) < 3 {
		return 0, Key{}, fmt.Errorf("%w: tag, suite or key is missing", ErrSyntax)
	}
	n, ok := decimal(fields[0], 9)
	if !ok {
		return 0, Key{}, fmt.Errorf("%w: the tag is no number", ErrSyntax)
	}
	tag = int(n)
	suite := suiteNamed(fields[1])
	if suite == None {
		return tag, Key{}, fmt.Errorf("%w: the suite", ErrUnsupported)
	}
	if k, err = parseInline(suite, fields[2]); err != nil {
		return tag, Key{}, err
	}
	for _, param := range fields[3:] {
		if err := checkSessionParam(param); err != nil {
			return tag, Key{}, err
		}
	}
	return tag, k, nil
}

// parseInline reads inline:key||salt["|"lifetime]["|"MKI":"length].
func parseInline(suite Suite, param []byte) (Key, error) {
	if bytes.IndexByte(param, ';') >= 0 {
		return Key{}, fmt.Errorf("%w: several keys in one line", ErrUnsupported)
	}
	info, ok := bytes.CutPrefix(param, []byte("inline:"))
	if !ok {
		return Key{}, fmt.Errorf("%w: a key method other than inline", ErrUnsupported)
	}
	encoded, rest, _ := bytes.Cut(info, []byte("|"))
	k := Key{Suite: suite}
	if !decodeMaterial(&k, encoded) {
		return Key{}, fmt.Errorf("%w: key and salt are not the suite's %d bytes", ErrSyntax, suite.KeyLen()+suite.SaltLen())
	}
	if len(rest) == 0 || isLifetime(rest) {
		return k, nil
	}
	mki := rest
	if lifetime, second, both := bytes.Cut(rest, []byte("|")); both {
		if !isLifetime(lifetime) {
			return Key{}, fmt.Errorf("%w: the lifetime", ErrSyntax)
		}
		mki = second
	}
	err := parseMKI(&k, mki)
	return k, err
}

// decodeMaterial takes base64 with its padding or, as some phones send it,
// without.
func decodeMaterial(k *Key, encoded []byte) bool {
	n := k.Suite.KeyLen() + k.Suite.SaltLen()
	encoded = bytes.TrimRight(encoded, "=")
	// The length first: the decoder passes over line ends.
	if len(encoded) != base64.RawStdEncoding.EncodedLen(n) {
		return false
	}
	m, err := base64.RawStdEncoding.Decode(k.Material[:n], encoded)
	return err == nil && m == n
}

func isLifetime(b []byte) bool {
	b, power := bytes.CutPrefix(b, []byte("2^"))
	n, ok := decimal(b, 18)
	return ok && (!power || n <= 48)
}

// parseMKI reads value:length. The length counts, it is in every packet
// (RFC 4568 6.1); lengths that no Key holds are ErrUnsupported.
func parseMKI(k *Key, b []byte) error {
	value, length, _ := bytes.Cut(b, []byte(":"))
	n, ok := decimal(length, 3)
	if !ok || n < 1 || n > 128 {
		return fmt.Errorf("%w: the MKI's length", ErrSyntax)
	}
	if n > maxMKILen {
		return fmt.Errorf("%w: an MKI of %d bytes", ErrUnsupported, n)
	}
	mki, err := strconv.ParseUint(string(value), 10, int(8*n))
	if err != nil || !isDigits(value) {
		return fmt.Errorf("%w: the MKI", ErrSyntax)
	}
	k.MKI, k.MKILen = mki, uint8(n)
	return nil
}

// checkSessionParam accepts what changes nothing for us (RFC 4568 6.3): a
// window size hint, a derivation rate of 0, the order of an FEC that is not
// used, and extensions marked as optional.
func checkSessionParam(param []byte) error {
	name, value, _ := bytes.Cut(param, []byte("="))
	switch string(name) {
	case "UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP":
		return fmt.Errorf("%w: %s", ErrUnsupported, name)
	case "KDR":
		if n, ok := decimal(value, 2); !ok || n != 0 {
			return fmt.Errorf("%w: a key derivation rate", ErrUnsupported)
		}
		return nil
	case "WSH", "FEC_ORDER":
		return nil
	}
	if param[0] == '-' {
		return nil
	}
	return fmt.Errorf("%w: a session parameter", ErrUnsupported)
}

// decimal reads 1 to most digits and nothing else; most is at most 18.
func decimal(b []byte, most int) (int64, bool) {
	if len(b) > most || !isDigits(b) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// AppendCrypto appends the value of the a=crypto line that tells the other
// side k, without "a=crypto:". It holds the key: it belongs on TLS only, and
// in no log.
func (k Key) AppendCrypto(dst []byte, tag int) []byte {
	dst = strconv.AppendInt(dst, int64(tag), 10)
	dst = append(dst, ' ')
	dst = append(dst, k.Suite.String()...)
	dst = append(dst, " inline:"...)
	dst = base64.StdEncoding.AppendEncode(dst, k.Material[:k.Suite.KeyLen()+k.Suite.SaltLen()])
	if k.MKILen > 0 {
		dst = append(dst, '|')
		dst = strconv.AppendUint(dst, k.MKI, 10)
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, uint64(k.MKILen), 10)
	}
	return dst
}
