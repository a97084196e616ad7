// Package media plays bridged media: sockets of its own on both sides, and what arrives there
// byte by byte. What Tollgate counts is asked for only where that is the question.
package media

import (
	"testing"

	"tollgate/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
