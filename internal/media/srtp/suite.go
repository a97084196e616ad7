package srtp

// Suite is a crypto suite of SDES: RFC 4568 6.2, RFC 6188, RFC 7714.
type Suite uint8

// The suites that Tollgate speaks. None is the zero value: no SRTP.
const (
	None Suite = iota
	AESCM128HMACSHA180
	AESCM128HMACSHA132
	AES256CMHMACSHA180
	AES256CMHMACSHA132
	AEADAES128GCM
	AEADAES256GCM
)

// numbers are what a suite consists of; lengths in bytes.
type numbers struct {
	name           string
	key, salt, tag int
	aead           bool
}

func (s Suite) numbers() numbers {
	switch s {
	case AESCM128HMACSHA180:
		return numbers{name: "AES_CM_128_HMAC_SHA1_80", key: 16, salt: 14, tag: 10}
	case AESCM128HMACSHA132:
		return numbers{name: "AES_CM_128_HMAC_SHA1_32", key: 16, salt: 14, tag: 4}
	case AES256CMHMACSHA180:
		return numbers{name: "AES_256_CM_HMAC_SHA1_80", key: 32, salt: 14, tag: 10}
	case AES256CMHMACSHA132:
		return numbers{name: "AES_256_CM_HMAC_SHA1_32", key: 32, salt: 14, tag: 4}
	case AEADAES128GCM:
		return numbers{name: "AEAD_AES_128_GCM", key: 16, salt: 12, tag: 16, aead: true}
	case AEADAES256GCM:
		return numbers{name: "AEAD_AES_256_GCM", key: 32, salt: 12, tag: 16, aead: true}
	}
	return numbers{}
}

// String is the suite's name in SDP; empty for None and for what is no suite.
func (s Suite) String() string { return s.numbers().name }

// KeyLen is the master key's length in bytes.
func (s Suite) KeyLen() int { return s.numbers().key }

// SaltLen is the master salt's length in bytes.
func (s Suite) SaltLen() int { return s.numbers().salt }

// TagLen is how many bytes of authentication an RTP packet gets. An RTCP
// packet gets 10 with every HMAC suite (RFC 4568 6.2.2, RFC 6188 4) and 16
// with GCM.
func (s Suite) TagLen() int { return s.numbers().tag }

// suiteNamed is None for a name that is no suite of ours.
func suiteNamed(name []byte) Suite {
	for s := AESCM128HMACSHA180; s <= AEADAES256GCM; s++ {
		if string(name) == s.String() {
			return s
		}
	}
	return None
}
