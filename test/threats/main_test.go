// Package threats plays attackers and those who look like one: strangers, scanners (Debian's
// sipvicious too), guessed passwords and users; who is banned for it, who is not, and what
// lifts it.
package threats

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
