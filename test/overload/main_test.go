// Package overload offers a node that has a fifth of a core three and ten times the calls
// that it can carry, and looks at what becomes of those calls, of the calls that were up
// before, and of another customer.
package overload

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
