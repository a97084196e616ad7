package srtp

// Suite is a crypto suite of SDES (RFC 4568 6.2, RFC 6188, RFC 7714).
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

// String is the suite's name in SDP; empty for None and for what is no suite.
func (s Suite) String() string { return "" }

// KeyLen is the master key's length in bytes.
func (s Suite) KeyLen() int { return 0 }

// SaltLen is the master salt's length in bytes.
func (s Suite) SaltLen() int { return 0 }

// TagLen is how many bytes of authentication an RTP packet gets. RTCP gets 10
// with every HMAC suite (RFC 4568 6.2.2) and 16 with GCM.
func (s Suite) TagLen() int { return 0 }

// Key is what protects one direction. It is a plain value: equal keys are ==.
type Key struct {
	Suite    Suite
	MKILen   uint8    // bytes of MKI in each packet, 0 to 8
	MKI      uint64   // the master key identifier, RFC 3711 3.1
	Material [46]byte // master key, then master salt; zero behind them
}

// NewKey is a random key, without MKI.
func NewKey(s Suite) Key { return Key{Suite: s} }

// AppendCrypto appends the value of an a=crypto line.
func (k Key) AppendCrypto(dst []byte, tag int) []byte { return dst }
