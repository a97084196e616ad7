// Package sip knows the wire format of SIP and nothing else: it indexes a
// message where it lies, edits it in one copy, builds answers, frames streams
// and judges what arrived.
//
//	INVITE sip:bob@example.com SIP/2.0\r\n        StartLine
//	Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n  Field: Line
//	^--- Name        ^--- Value, trimmed              (folds belong to it)
//	...
//	\r\n                                           HeadersEnd
//	v=0...                                         Body
//
// A Message is an index of byte spans over a buffer that belongs to the caller;
// nothing is copied and nothing allocated. Parse is tolerant and notes flaws;
// Validate, apart from it, says what a flaw means: an answer or silence.
//
// Not its job: sockets, transactions, dialogs, SDP, and what a request means.
//
// RFC 3261 (7, 18.2, 18.3, 19.1, 20, 25), RFC 3581 (rport), RFC 3966 (tel),
// RFC 4475 and RFC 5118 (torture), RFC 5626 4.4.1 (keepalives), RFC 5954.
package sip
