// Package calls plays INVITE and all that happens inside a call through a node: plain
// and hidden, over every transport, in and out. Who is called and where a call goes when
// someone fails is package routing.
package calls

import (
	"testing"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

func TestMain(m *testing.M) { harness.Main(m) }

func TestCalls(t *testing.T) {
	node := harness.Start(t)
	for _, list := range [][]stage.Scenario{
		basic(), cancels(), inside(), offers(), races(), forks(), timers(), hops(), strangers(),
	} {
		stage.Play(t, node, list)
	}
}
