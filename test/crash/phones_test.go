package crash

import (
	"fmt"
	"testing"

	"tollgate/test/harness"
)

// TestPhones: phones that have registered are reached after a crash, and so are those that were
// in a call: over UDP at once, over TCP when they have registered again, though nothing was said
// in the call since.
func TestPhones(t *testing.T) {
	t.Parallel()
	for _, proto := range []string{"udp", "tcp"} {
		for _, hidden := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%s", proto, map[bool]string{false: "plain", true: "hidden"}[hidden]), func(t *testing.T) {
				t.Parallel()
				phones(t, proto, hidden)
			})
		}
	}
}

func phones(t *testing.T, proto string, hidden bool) {
	node := harness.Start(t)
	c := newTenant(t, node, "phones", "udp", hidden, 0)
	node.Apply(t, c.Customer)
	set := c.caller(node, proto, "out")
	if proto == "tcp" {
		set.beDeaf()
	}
	lines, calls := make([]*line, 20), make([]*talk, 20)
	for i := range lines {
		lines[i] = &line{p: set, user: fmt.Sprintf("phone%d", i), domain: c.domain}
		lines[i].asks(300)
		if err := lines[i].settle(); err != nil {
			t.Fatal(err)
		}
		calls[i] = dial(c.pbx, c.pbx.tokenOf(lines[i].aor()), false)
		if err := calls[i].upAt(set); err != nil {
			t.Fatal(err)
		}
	}
	kill(t, node)
	up(t, node)
	allListed(t, node, calls)
	if n := len(node.JSON(t, "bindings")); n != len(lines) {
		t.Errorf("%d bindings are listed, %d were made", n, len(lines))
	}
	for i, l := range lines {
		if proto == "tcp" {
			l.asks(300)
			if err := l.settle(); err != nil {
				t.Fatal(err)
			}
		}
		if err := calls[i].does(caller, "OPTIONS"); err != nil {
			t.Errorf("the PBX in the call: %v", err)
		}
		if err := calls[i].does(callee, "INVITE"); err != nil {
			t.Errorf("the phone in the call: %v", err)
		}
		if err := l.reached(c.pbx); err != nil {
			t.Error(err)
		}
		if err := calls[i].does(side(i%2 == 0), "BYE"); err != nil {
			t.Error(err)
		}
	}
	noneLeft(t, node)
}
