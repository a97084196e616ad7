// Package floods sends a node far too much of one thing: requests of each kind over UDP, from
// customers and from strangers, and all that can be done to it with TCP connections. Beside each flood
// another customer's phones call and register, and none of that may fail; the flood is answered
// as each of its requests would be alone, or not at all; memory stays bounded; the command
// line tells why meanwhile; and afterwards the flooded customer's calls work.
//
// TOLLGATE_SOAK=1 floods for a minute each; otherwise for a second. Calls beyond a node's
// capacity are test/overload's, what bans do about it test/threats' and test/bans'.
package floods

import (
	"os"
	"testing"

	"tollgate/test/harness"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // it is about what Tollgate does with too much
	}
	harness.Main(m)
}
