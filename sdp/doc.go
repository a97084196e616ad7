// Package sdp knows the wire format of session descriptions and nothing else: it
// indexes one where it lies, edits it in one copy, takes codecs out of it, and makes it name
// a relay instead of its writer.
//
//	v=0\r\n                               Session: all lines before the first m=
//	o=- 20518 0 IN IP4 192.0.2.1\r\n
//	...
//	m=audio 49170 RTP/AVP 0 18 101\r\n    Media: its m= line and those up to the next
//	  Kind  Port  Proto   Formats
//	a=rtpmap:101 telephone-event/8000\r\n Line: Type 'a', Span all of it, Value behind "a="
//	a=fmtp:101 0-16\r\n
//
// A Description is an index of byte spans over a body that belongs to the caller;
// nothing is copied, and a Description that is used again allocates nothing. Parse
// takes lines that end in CRLF or in LF, in any order and of any type; it refuses what
// two readers would read in two ways. An Edit leaves every byte that it was not told
// to change, line ends too.
//
// A relay reads each stream's Transport, and bridges in this order: Bar, Origin, Connection
// and WithoutICE, then for each stream Off, where it is not to be, and Bridge.
//
// Not its job: sockets, SIP, which codecs a customer may use, what an answer means for
// media, which addresses may be sent to, what a key is worth.
//
// RFC 8866, RFC 3264, RFC 3551 (static payload types), RFC 3605 (a=rtcp), RFC 4568
// (a=crypto), RFC 4585 (a=rtcp-fb), RFC 5761 (a=rtcp-mux), RFC 4733 (telephone-event), RFC
// 2198 (red), RFC 3389 (CN), RFC 2046 5.1 (a description as part of a larger body). Taken out:
// RFC 8839 (ICE), RFC 9143 (BUNDLE), RFC 5764 (DTLS), RFC 5939 (capabilities).
package sdp
