// Package ua is a small scripted telephone on sockets of its own: the PBX that
// answers the calls of `tollgate demo`, the caller that places them, and the one
// call of `tollgate probe` with its ladder. It speaks to the edge as any other
// vendor's agent would, over real sockets, and shares nothing with it but sip.
//
// One call is one goroutine that alone touches it, an inbox that is filled by the
// readers of the sockets, and a list of alarms:
//
//	socket -> reader -> agent.receive -> call.inbox -> call.run -> flow.send
//	                         \-> no call's: answered at once, statelessly
//
// Not its job: speed, registrations, digest, DNS, TLS trust (certificates are
// checked only where the caller of the package says how), SRTP, codecs but G.711
// u-law, forwarding anything.
//
// RFC 3261 8, 12 to 15, 17 (user agents), RFC 3262 (PRACK), RFC 3264 (offer and
// answer), RFC 3311 (UPDATE), RFC 3550 and 3551 (RTP), RFC 3581 (rport), RFC 6026.
package ua
