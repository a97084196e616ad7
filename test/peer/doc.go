// Package peer is a scripted SIP endpoint for tests: it sends what a scenario tells
// it, byte for byte if need be, and checks what comes back.
//
// It is written on plain sockets with plain string handling and shares no code with
// the product, so that a fault in the product's parser cannot hide behind the same
// fault here. It follows RFC 3261 where a well-behaved phone does (route sets, 12.2;
// Via, received and rport, 18.2 and RFC 3581; ACK of refusals, 17.1.1.3) and does
// nothing by itself otherwise: it never retransmits, never answers, never ends a call.
//
// It is not its job to start the product or other programs (package harness).
package peer
