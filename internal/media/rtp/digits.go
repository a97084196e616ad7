package rtp

const (
	maxDigits   = 32
	eventNames  = "0123456789*#ABCD" // RFC 4733 3.2
	eventSize   = 4
	longestPart = 0xffff // units: an event that lasts longer goes on in a new one, RFC 4733 2.5.1.3
)

// digits are those that were heard: all counted, the last ones kept.
type digits struct {
	last  [maxDigits]byte
	kept  uint8
	count uint32
}

// take reads an event's packet, RFC 4733 2.3. An event is known by its timestamp: the first
// packet of it that comes counts, the others, the three with its end among them, do not.
func (d *digits) take(src *source, h Header, payload []byte) {
	if len(payload) < eventSize || int(payload[0]) >= len(eventNames) {
		return
	}
	code, since := payload[0], h.Timestamp-src.eventAt
	if src.hadEvent {
		if int32(since) <= 0 {
			return
		}
		if !h.Marker && code == src.eventCode && since == longestPart {
			src.eventAt = h.Timestamp
			return
		}
	}
	src.hadEvent, src.eventAt, src.eventCode = true, h.Timestamp, code
	d.count++
	if d.kept == maxDigits {
		copy(d.last[:], d.last[1:])
		d.kept--
	}
	d.last[d.kept] = eventNames[code]
	d.kept++
}

func (d *digits) String() string { return string(d.last[:d.kept]) }
