// Package auth plays phones that have to prove who they are: who is asked for a password and who
// is not, what a right one lets its owner do, and attacks on it, each beside what is let in.
package auth

import (
	"os"
	"testing"

	"tollgate/test/harness"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy asks nobody
	}
	harness.Main(m)
}
