// Package phones plays phones that register through a node at a customer's PBX: what the
// PBX is given, how it reaches them, subscriptions, transfers, and who must not. Phones are
// scripted (package peer), or baresip behind a NAT with a Kamailio as PBX.
//
// Calls of who is not registered are package calls.
package phones

import (
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

// silence is how long a scenario listens for what must not come.
const silence = 300 * time.Millisecond

var udp4 = stage.Leg{Proto: "udp"}

func TestMain(m *testing.M) { harness.Main(m) }

func TestPhones(t *testing.T) {
	if harness.Control() {
		return // a plain proxy knows no phones
	}
	t.Parallel()
	node := harness.Start(t)
	for _, list := range [][]stage.Scenario{
		registrations(), refusedRegistrations(), reached(), forked(), strangers(), subscriptions(), transfers(), otherStack(),
	} {
		stage.Play(t, node, list)
	}
}
