package cdr

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

// A record in the journal and in the store is the store's head and behind it, numbers big endian:
//
//	version, flags, u16 status, u32 repeated
//	uvarints: destination, rule, setup, duration (microseconds)
//	source and target: a byte 0, 4 or 16, as many bytes of address, and u16 port unless 0
//	texts: uvarint length and bytes
//	whom the call came from and whose phones rang: a byte that says which of switch, user and called
//	there are; of each uvarint id and a text, its name
//	media (media.go), where the flags say so: only of calls that are bridged
//
// It began a setup and a duration before its end. Another layout gets another version; what wrote
// these stays readable.
const (
	version      = 4
	versionMedia = 3   // without names; media is always there
	versionTwo   = 2   // without names and media
	versionOne   = 1   // the whole first layout stands behind the head; in the journal it has none
	versionJSON  = '{' // as lists give it: what a migration has made of still older rows
)

// In the flags; the party that ended it is above.
const (
	flagOutbound = 1 << iota
	flagHidden
	flagAnswered
	partyShift = 3
	partyMask  = 3
	flagMedia  = 1 << 5
)

// Which names there are.
const (
	hasSwitch = 1 << iota
	hasUser
	hasCalled
	hasAll = hasSwitch | hasUser | hasCalled
)

// maxText is how many bytes of a text are kept; a mark shows where more was.
const (
	maxText = 1024
	cut     = "…"
)

var errRecord = errors.New("a call record is damaged")

// append appends the record as the journal and the store keep it.
func (r *Record) append(dst []byte) []byte {
	w := binary.BigEndian
	setup, duration := r.Setup.Microseconds(), r.Duration.Microseconds()
	dst = store.AppendCDRHead(dst, r.Company, r.Customer, r.ended())
	flags := bit(r.Outbound, flagOutbound) | bit(r.Hidden, flagHidden) | bit(r.Answered, flagAnswered)
	bridged := r.bridged()
	flags |= bit(bridged, flagMedia) | byte(r.EndedBy)<<partyShift
	dst = append(dst, version, flags)
	dst = w.AppendUint16(dst, uint16(max(r.Status, 0)))
	dst = w.AppendUint32(dst, 0) // what it stands for besides is counted later
	for _, n := range [...]int64{int64(r.DestinationID), int64(r.Rule), setup, duration} {
		dst = binary.AppendUvarint(dst, uint64(max(n, 0)))
	}
	dst = appendAddress(appendAddress(dst, r.Source), r.Target)
	for _, t := range [...]string{r.CustomerName, r.Destination, r.Reason, r.SourceTransport, r.TargetTransport, r.RuleName, r.Limit, r.Counter} {
		dst = appendText(dst, t)
	}
	for _, t := range [...][]byte{r.CallID, r.FarCallID, r.From, r.To, r.URI} {
		dst = appendText(dst, t)
	}
	dst = r.appendNames(dst)
	if bridged {
		dst = appendMedia(dst, r.Media, r.OneWay)
	}
	return dst
}

// appendNames appends whom the call came from, and whose phones rang.
func (r *Record) appendNames(dst []byte) []byte {
	which := bit(r.Switch.ID != 0, hasSwitch) | bit(r.User.ID != 0, hasUser) | bit(r.Called.ID != 0, hasCalled)
	dst = append(dst, which)
	if r.Switch.ID != 0 {
		dst = appendText(binary.AppendUvarint(dst, uint64(r.Switch.ID)), r.Switch.Name)
	}
	for _, u := range [...]*Named[tenant.SIPUserID]{&r.User, &r.Called} {
		if u.ID != 0 {
			dst = appendText(binary.AppendUvarint(dst, uint64(u.ID)), u.Name)
		}
	}
	return dst
}

// ended is the time of the end, such that start and end are as far apart as setup and duration say.
func (r *Record) ended() time.Time {
	return time.UnixMicro(r.Started.UnixMicro() + max(r.Setup.Microseconds(), 0) + max(r.Duration.Microseconds(), 0))
}

func bit(is bool, flag byte) byte {
	if is {
		return flag
	}
	return 0
}

func appendAddress(dst []byte, a netip.AddrPort) []byte {
	ip := a.Addr().Unmap()
	switch {
	case !ip.IsValid() || a.Port() == 0:
		return append(dst, 0)
	case ip.Is4():
		b := ip.As4()
		dst = append(append(dst, 4), b[:]...)
	default:
		b := ip.As16()
		dst = append(append(dst, 16), b[:]...)
	}
	return binary.BigEndian.AppendUint16(dst, a.Port())
}

func appendText[T string | []byte](dst []byte, t T) []byte {
	if len(t) <= maxText {
		return append(binary.AppendUvarint(dst, uint64(len(t))), t...)
	}
	dst = append(binary.AppendUvarint(dst, maxText), t[:maxText-len(cut)]...)
	return append(dst, cut...)
}

// decoder reads a record; after a fault all it gives is zero.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.bad, d.b = true, nil
		return make([]byte, n)
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) uint16() int { return int(binary.BigEndian.Uint16(d.take(2))) }

func (d *decoder) uvarint() int64 {
	const most = 1 << 62 // no number of ours is larger
	n, size := binary.Uvarint(d.b)
	if size <= 0 || n > most {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[size:]
	return int64(n)
}

// micros is a length of time; what is longer than 35 years is damage.
func (d *decoder) micros() time.Duration {
	n := d.uvarint()
	return d.length(n)
}

func (d *decoder) length(micros int64) time.Duration {
	const longest = 1 << 50
	if micros < 0 || micros > longest {
		d.bad = true
		return 0
	}
	return time.Duration(micros) * time.Microsecond
}

// address is a peer's as text, "" for none.
func (d *decoder) address() string {
	if a := d.addrPort(); a.IsValid() {
		return a.String()
	}
	return ""
}

// addrPort is a peer's, the zero one for none.
func (d *decoder) addrPort() netip.AddrPort {
	var ip netip.Addr
	switch d.take(1)[0] {
	case 0:
		return netip.AddrPort{}
	case 4:
		ip = netip.AddrFrom4([4]byte(d.take(4)))
	case 16:
		ip = netip.AddrFrom16([16]byte(d.take(16)))
	default:
		d.bad = true
	}
	return netip.AddrPortFrom(ip, uint16(d.uint16()))
}

// text is one that is a text: what is none is replaced, so that whoever lists it needs no care.
func (d *decoder) text(size int) string {
	if size > maxText {
		d.bad = true
		return ""
	}
	return clean(string(d.take(size)))
}

// sized is a text behind its length.
func (d *decoder) sized() string { return d.text(int(min(d.uvarint(), maxText+1))) }

func clean(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}

// decode reads a record.
func decode(s *store.CDR) (c CDR, err error) {
	if len(s.Record) <= store.CDRHead {
		return c, errRecord
	}
	c = CDR{ID: hex.EncodeToString(s.ID[:]), Company: s.Company(), Customer: s.Customer(), Ended: s.Ended()}
	body := s.Record[store.CDRHead:]
	switch body[0] {
	case version, versionMedia, versionTwo:
		err = c.decode(body)
	case versionOne:
		err = c.decodeOne(body)
	case versionJSON:
		err = json.Unmarshal(body, &c)
	default:
		err = errRecord
	}
	if err != nil {
		return CDR{}, errRecord
	}
	c.Seq, c.Ref = s.Seq, trace.ID(s.ID).Ref()
	return c, nil
}

func (c *CDR) decode(body []byte) error {
	d := &decoder{b: body}
	head := d.take(8)
	flags := head[1]
	c.flags(flags)
	c.EndedBy, c.Status = Party(flags>>partyShift&partyMask).String(), int(binary.BigEndian.Uint16(head[2:]))
	c.Repeated = int(binary.BigEndian.Uint32(head[4:]))
	c.DestinationID, c.Rule = tenant.DestinationID(d.uvarint()), tenant.RuleID(d.uvarint())
	setup, duration := d.micros(), d.micros()
	c.times(c.Ended.Add(-setup-duration), setup, duration, flags&flagAnswered != 0)
	c.Source, c.Target = d.address(), d.address()
	for _, to := range [...]*string{
		&c.CustomerName, &c.Destination, &c.Reason, &c.SourceTransport, &c.TargetTransport, &c.RuleName, &c.Limit, &c.Counter,
		&c.CallID, &c.FarCallID, &c.From, &c.To, &c.URI,
	} {
		*to = d.sized()
	}
	if body[0] == version {
		c.names(d)
	}
	if body[0] == versionMedia || body[0] == version && flags&flagMedia != 0 {
		c.Media, c.OneWay = d.media()
	}
	return d.end()
}

// names reads what appendNames wrote.
func (c *CDR) names(d *decoder) {
	which := d.take(1)[0]
	d.bad = d.bad || which&^hasAll != 0
	if which&hasSwitch != 0 {
		c.SwitchID, c.Switch = tenant.SwitchID(d.uvarint()), d.sized()
	}
	if which&hasUser != 0 {
		c.UserID, c.User = tenant.SIPUserID(d.uvarint()), d.sized()
	}
	if which&hasCalled != 0 {
		c.CalledUserID, c.CalledUser = tenant.SIPUserID(d.uvarint()), d.sized()
	}
}

// end wants everything to be read.
func (d *decoder) end() error {
	if d.bad || len(d.b) > 0 {
		return errRecord
	}
	return nil
}

func (c *CDR) flags(flags byte) {
	c.Hidden, c.Direction = flags&flagHidden != 0, "inbound"
	if flags&flagOutbound != 0 {
		c.Direction = "outbound"
	}
}

func (c *CDR) times(started time.Time, setup, duration time.Duration, answered bool) {
	c.Started, c.Setup, c.Duration = started, setup.Seconds(), duration.Seconds()
	if answered {
		c.Answered = started.Add(setup)
	}
	c.Ended = started.Add(setup + duration)
}
