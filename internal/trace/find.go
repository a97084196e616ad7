package trace

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"time"

	"tollgate/sip"
)

const defaultLimit = 50

// Find gives cases, those that changed last first, and where to go on (Query.Before); a zero
// next says that there are no more. What has happened until now is included.
func (r *Recorder) Find(ctx context.Context, q Query) (list []Decision, next Place, err error) {
	segments, err := r.settled(ctx)
	if err != nil {
		return nil, Place{}, err
	}
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	want, ok := newWanted(&q)
	if !ok {
		return nil, Place{}, nil
	}
	seen := make(map[ID]bool)
	var room []byte
	for i := range segments {
		s := &segments[i]
		if !q.Before.IsZero() && s.seq > q.Before.Segment {
			continue
		}
		if !q.Since.IsZero() && s.last.Before(q.Since) {
			break // older ones are older
		}
		f, err := readCases(s, room)
		if err != nil {
			continue // pruned meanwhile, or damaged
		}
		room = f.data
		places, err := f.matching(ctx, want)
		if err != nil {
			return nil, Place{}, err
		}
		for n := len(places) - 1; n >= 0; n-- {
			c, ok := f.at(places[n])
			if !ok || seen[c.id] || r.aged(&c) {
				continue
			}
			if len(list) == q.Limit {
				return list, next, nil
			}
			seen[c.id], next = true, c.place
			list = append(list, c.decision(r.sentences))
		}
	}
	return list, Place{}, nil
}

// aged says that a case is older than what is kept.
func (r *Recorder) aged(c *storedCase) bool {
	return r.cfg.Keep > 0 && !c.lives && time.Since(time.Unix(0, c.over())) > r.cfg.Keep
}

// matching gives the places of what is wanted.
func (f *casesFile) matching(ctx context.Context, w *wanted) (places []uint32, err error) {
	n := 0
	f.each(func(c *storedCase) bool {
		if n++; n%1024 == 0 {
			if err = ctx.Err(); err != nil {
				return false
			}
		}
		if w.before(c.place) && w.matches(c) {
			places = append(places, c.place.Offset)
		}
		return true
	})
	return places, err
}

// at reads the case at an offset.
func (f *casesFile) at(offset uint32) (found storedCase, ok bool) {
	f.from(int(offset), func(c *storedCase) bool {
		found, ok = *c, true
		return false
	})
	return found, ok
}

// wanted is a query, made ready.
type wanted struct {
	Query
	ref     string
	text    []byte // lower case
	digits  string // of a number that is asked for, without leading zeros
	addr    netip.Addr
	port    uint16
	since   int64
	until   int64
	folding []byte // scratch
}

func newWanted(q *Query) (*wanted, bool) {
	text := strings.ToLower(strings.TrimSpace(q.Text))
	w := &wanted{Query: *q, text: []byte(text)}
	if q.Ref != "" {
		ref, ok := CanonicalRef(q.Ref)
		if !ok {
			return nil, false
		}
		w.ref = ref
	}
	if !q.Since.IsZero() {
		w.since = q.Since.UnixNano()
	}
	if !q.Until.IsZero() {
		w.until = q.Until.UnixNano()
	}
	if a, err := netip.ParseAddrPort(text); err == nil {
		w.addr, w.port = a.Addr().Unmap(), a.Port()
	} else if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		w.addr = a.Unmap()
	}
	if !w.addr.IsValid() {
		w.digits = Digits(text)
	}
	return w, true
}

// before says that a place is behind the cursor, in the order of reading.
func (w *wanted) before(p Place) bool {
	b := w.Before
	return b.IsZero() || p.Segment < b.Segment || p.Segment == b.Segment && p.Offset < b.Offset
}

// matches says that a case is wanted.
func (w *wanted) matches(c *storedCase) bool {
	now, e := c.latest(), &c.event
	switch {
	case w.Keep != nil && !w.Keep(e.customer()), w.Customer != 0 && w.Customer != e.customer():
		return false
	case w.RefusedOnly && !e.is(flagRefused):
		return false
	case !w.became(now) && !w.becameLater(c):
		return false
	case w.since != 0 && !c.lives && c.over() < w.since, w.until != 0 && e.started() >= w.until:
		return false
	case w.ref != "" && !c.id.called(w.ref):
		return false
	}
	return len(w.text) == 0 || w.textIn(c)
}

// became says that it was refused, or ended, as is asked for.
func (w *wanted) became(e *event) bool {
	return (w.Status == 0 || w.Status == e.status()) && (w.Reason == "" || w.Reason == string(e.texts[textReason]))
}

// becameLater says so of a request within it.
func (w *wanted) becameLater(c *storedCase) bool { return laterIs(c.later, w.Status, w.Reason) }

// textIn says that what is asked for stands somewhere in a case.
func (w *wanted) textIn(c *storedCase) bool {
	if w.addr.IsValid() && (w.isAddr(c.event.source()) || w.isAddr(c.target())) {
		return true
	}
	texts := &c.event.texts
	if w.digits != "" {
		for _, i := range [...]int{textFrom, textTo, textURI} {
			if HasNumber(texts[i], w.digits) {
				return true
			}
		}
	}
	for _, i := range [...]int{textCallID, textFrom, textTo, textURI, textWho, textDomain, textUserAgent} {
		if w.holds(texts[i]) {
			return true
		}
	}
	return c.end.fixed != nil && (w.holds(c.end.texts[textFarCallID]) || w.holds(c.end.texts[textDestination]))
}

func (w *wanted) isAddr(a netip.AddrPort) bool {
	return a.Addr() == w.addr && (w.port == 0 || a.Port() == w.port)
}

// holds says that a text holds what is asked for, in any case; a number only stands alone
// there, since a Call-ID is full of digits.
func (w *wanted) holds(b []byte) bool {
	if len(b) < len(w.text) || w.digits != "" && len(b) != len(w.text) {
		return false
	}
	w.folding = w.folding[:0]
	for _, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		w.folding = append(w.folding, c)
	}
	for b := w.folding; ; {
		i := bytes.Index(b, w.text)
		if i < 0 {
			return false
		}
		if !w.addr.IsValid() || !extended(b, i, i+len(w.text)) {
			return true
		}
		b = b[i+1:]
	}
}

// extended says that an address that stands in a text is only part of a longer one.
func extended(b []byte, from, to int) bool {
	digit := func(i int) bool { return i >= 0 && i < len(b) && b[i] >= '0' && b[i] <= '9' }
	return digit(from-1) || digit(to)
}

// enough is how many digits make two numbers the same where one has a prefix more.
const enough = 6

// Digits gives the digits of a number as people write it, without leading zeros; "": it is none.
func Digits(text string) string { return string(appendDigits(nil, []byte(text))) }

// HasNumber says that a From, To or URI has a number, of which Digits gave want, as its user: the same
// digits, or those of one with some prefix before the other's ("0039040...", "+39040...").
func HasNumber[T string | []byte](value T, want string) bool {
	if want == "" {
		return false
	}
	var room [64]byte
	has := appendDigits(room[:0], userOf([]byte(value)))
	if len(has) == 0 {
		return false
	}
	if len(has) < enough || len(want) < enough {
		return string(has) == want
	}
	n := min(len(has), len(want))
	return string(has[len(has)-n:]) == want[len(want)-n:]
}

// userOf gives the user of the URI in a From, To or Request-URI, or the number of a tel: one.
func userOf(v []byte) []byte {
	if i := bytes.IndexByte(v, '<'); i >= 0 {
		v = v[i+1:]
	}
	i := bytes.IndexByte(v, ':')
	if i < 0 {
		return nil
	}
	v = v[i+1:]
	if i := bytes.IndexAny(v, "@;>"); i >= 0 {
		v = v[:i]
	}
	return v
}

// appendDigits appends the digits of a number as people and phones write it: escapes resolved
// (RFC 3261 19.1.2), without separators and leading zeros. Nothing where it is none.
func appendDigits(dst, b []byte) []byte {
	var room [64]byte
	start := len(dst)
	for _, c := range sip.AppendUnescaped(room[:0], b) {
		switch {
		case c >= '0' && c <= '9':
			if c != '0' || len(dst) > start {
				dst = append(dst, c)
			}
		case c == '+', c == '-', c == '.', c == '(', c == ')', c == ' ':
		default:
			return dst[:start]
		}
	}
	return dst
}
