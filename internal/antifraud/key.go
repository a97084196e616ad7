package antifraud

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"strings"
	"unicode/utf8"

	"tollgate/internal/policy"
	"tollgate/sip"
)

// key is what requests have in common that are counted together: customer, method, caller and
// number called less its last two characters, numbers in E.164. It is known by its hash alone,
// whose seed nobody knows.
type key struct {
	hash     uint64
	from, to label
}

// label is the beginning of a text, for people.
type label struct {
	text [31]byte
	n    uint8
}

func (l *label) set(b []byte) { l.n = uint8(copy(l.text[:], b)) }

// String is the text; a last character that was cut in two is left out.
func (l *label) String() string { return strings.ToValidUTF8(string(l.text[:l.n]), "") }

const (
	maxUser = 192 // bytes of a user that tell it from others
	keyRoom = 512
)

// keyOf reads the key of a request by its From and Request-URI, in which numbers are taken as w, whose
// rewriting they go through behind us, makes them: an entry's prefixes and dial pattern are no other
// number. What cannot be read is empty. emergency says that an emergency number is called.
func (g *Guard) keyOf(k kind, c *policy.Customer, w *policy.Rewriter, from, uri []byte) (out key, emergency bool) {
	var buf [keyRoom]byte
	b := append(buf[:0], byte(k))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Settings.ID))
	start := len(b)
	name, _ := sip.ParseNameAddr(from)
	n, _ := g.numbers.Get().(*policy.Numbers)
	defer g.numbers.Put(n)
	if *n = (policy.Numbers{}); w != nil {
		n.ReadBy(w, c, name.URI, uri)
	}
	if b, _ = c.Plan.Append(b, n.Calling.Bytes(), []byte{}); !begins(b, start) {
		b = appendUser(b[:start], c, name.URI)
	}
	out.from.set(b[start:])
	caller := len(b) - start
	start = len(b)
	if b = n.AppendKey(b, &c.Plan); !begins(b, start) {
		b = appendUser(b[:start], c, uri)
	}
	b = b[:start+len(shortened(b[start:], c.Plan.Country))]
	out.to.set(b[start:])
	b = binary.BigEndian.AppendUint16(b, uint16(caller)) // where one ends and the other begins
	out.hash = maphash.Bytes(g.seed, b)
	return out, n.Emergency
}

// begins says that what was appended behind start begins as a number does.
func begins(b []byte, start int) bool { return len(b) > start && dialled(b[start]) }

// appendUser appends the user of a URI: as it is dialled where it can be, else unescaped.
func appendUser(dst []byte, c *policy.Customer, uri []byte) []byte {
	u, err := sip.ParseURI(uri)
	switch {
	case err != nil:
		return append(dst, uri[:min(len(uri), maxUser)]...)
	case len(u.User) == 0:
		return dst
	}
	start := len(dst)
	dst, _ = c.Plan.AppendURI(dst, &u)
	if begins(dst, start) {
		return dst
	}
	user, _, _ := bytes.Cut(u.User, []byte{';'})
	return sip.AppendUnescaped(dst[:start], user[:min(len(user), maxUser)])
}

func dialled(c byte) bool { return c >= '0' && c <= '9' || c == '+' || c == '*' || c == '#' }

// shortened leaves out the last two characters; of two or fewer, not counting a country code
// that need not be dialled, none.
func shortened(b []byte, country string) []byte {
	head := 0
	if len(b) > 0 && b[0] == '+' {
		if head = 1; bytes.HasPrefix(b[1:], []byte(country)) {
			head += len(country)
		}
	}
	end := len(b)
	for range 2 {
		_, size := utf8.DecodeLastRune(b[head:end])
		end -= size
	}
	if end <= head {
		return b
	}
	return b[:end]
}

// attempt is what a request and its retry with credentials have in common: Call-ID and From
// tag (RFC 3261 8.1.3.5).
func (g *Guard) attempt(m *sip.Message) uint64 {
	return maphash.Bytes(g.seed, m.CallID()) ^ maphash.Bytes(g.seed, m.FromTag())<<1
}

// credentials says that a request brings some: it may be the retry after a challenge.
func credentials(m *sip.Message) bool {
	return len(m.Value(sip.HdrAuthorization)) > 0 || len(m.Value(sip.HdrProxyAuthorization)) > 0
}
