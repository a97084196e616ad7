// Package bans plays who is banned and who is not: what a ban drops, for whom, how long, and
// what lifts it, from several addresses. A phone at another address never notices.
package bans

import (
	"os"
	"testing"

	"tollgate/test/harness"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy bans nobody
	}
	harness.Main(m)
}
