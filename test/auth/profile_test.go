package auth

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
)

// TestProfileCapacity: the users of a profile are promised no more channels than it has, and have
// no more calls at once, be it that channels move from one to the other under a call, or that the
// node is killed.
func TestProfileCapacity(t *testing.T) {
	n := harness.Start(t)
	s := play(t, n, "")
	base, with := s.Customer.Extra, "profile: "+s.Domain
	profile := func(capacity int) string {
		return fmt.Sprintf("sip_profiles:\n  - {name: %q, company: Black Box, capacity: %d}\n", s.Domain, capacity)
	}
	s.applied(profile(2))
	users := func(one, two int) {
		s.Customer.Extra = base + user("3001", secret, with, fmt.Sprint("channels: ", one))
		if two > 0 {
			s.Customer.Extra += user("3002", secret, with, fmt.Sprint("channels: ", two))
		}
	}
	users(2, 1)
	if r := n.TryApply(t, harness.Tenants(s.Customer)); r.Code != 1 || !strings.Contains(r.Stderr, "No channel capacity available for your account.") {
		t.Errorf("three channels of two: %s", r)
	}
	users(2, 0)
	s.Apply()
	if r := n.TryApply(t, profile(1)); r.Code != 1 || !strings.Contains(r.Stderr, "1 is below the 2 channels of its SIP users: 3001 of "+s.Customer.Name+" (2)") {
		t.Errorf("less than was promised: %s", r)
	}
	a, b := s.up(digest{user: "3001"})
	a2, b2 := s.up(digest{user: "3001"})
	users(1, 1)
	s.Apply()
	s.profileFull()
	out := n.Must(t, "explain", "--from", "sip:3002@"+s.Domain, "--to", s.URI(), "--source", s.Caller.Addr().String(), "--transport", "udp").Stdout
	if want := "profile are all in use. Limit of profile " + s.Domain + ", 2 calls."; !strings.Contains(out, want) {
		t.Errorf("explain says nothing of %q:\n%s", want, out)
	}
	n.Signal(t, syscall.SIGKILL)
	n.Exited(5 * time.Second)
	n.Up(t)
	s.profileFull()
	s.End(a, b)
	c, d := s.up(digest{user: "3002"})
	s.End(a2, b2)
	s.End(c, d)
}

// profileFull wants a call of 3002 refused since his profile is full, with a reference.
func (s *scene) profileFull() {
	s.Helper()
	c, challenge := s.asked(s.Caller, s.from("3002"))
	r := s.again(c, 480, digest{user: "3002"}, challenge, s.from("3002"))
	if got := r.Get("Reason"); !strings.Contains(got, "profile limit, ref ") {
		s.Errorf("refused with Reason: %s", got)
	}
}
