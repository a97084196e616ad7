// Package users plays phones that register at the node itself, as SIP users: what they are
// told, who reaches them and how, and who must not. Phones are scripted (package peer), baresip
// and sipsak.
//
// Who is asked for a password, and attacks on passwords, are package auth.
package users

import (
	"os"
	"testing"
	"time"

	"tollgate/test/harness"
)

// silence is how long a scenario listens for what must not come.
const silence = 300 * time.Millisecond

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy registers nobody
	}
	harness.Main(m)
}
