// Package harness starts what a black-box test needs: a node of bin/tollgate, SIPp,
// Kamailio; each on ports and loopback addresses of its own, each stopped by the test
// that started it. It drives Tollgate as an owner would, by node.yaml, tenants.yaml,
// the command line and sockets, and imports nothing of it.
//
// It is not its job to speak SIP (package peer) or to know scenarios.
//
// Environment:
//
//	TOLLGATE_BIN            a binary to test; else bin/tollgate-test, built first
//	TOLLGATE_TEST_RACE=1    build and test it with the race detector
//	TOLLGATE_TEST_LIVE      handed to the node; "delayed" answers reservations late
//	TOLLGATE_TEST_EDGE      "kamailio": run the plain scenarios against a Kamailio
//	                        proxy instead, to see whether a scenario itself is right
//	TOLLGATE_SOAK=1         the long tests whole
package harness
