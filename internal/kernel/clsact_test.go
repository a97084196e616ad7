package kernel

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// asking is a question to the kernel's routing.
func asking(t testing.TB) *netlink {
	t.Helper()
	n, err := listenNetlink(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.close() })
	return n
}

// filtersOf are the names of all programs on one side of an interface, by whomever.
func filtersOf(t testing.TB, index int, side uint32) (names []string) {
	t.Helper()
	err := asking(t).list(unix.RTM_GETTFILTER, message(index, 0, side, 0), func(b []byte) {
		if name := nameOf(b[messageSize:]); name != "" {
			names = append(names, name)
		}
	})
	if err = orGone(err); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// queued says that an interface has the queue that filters belong to.
func queued(t testing.TB, index int) (found bool) {
	t.Helper()
	err := asking(t).list(unix.RTM_GETQDISC, message(0, 0, 0, 0), func(b []byte) {
		for kind, value := range attributes(b[messageSize:]) {
			if kind == unix.TCA_KIND && bytes.Equal(value, []byte("clsact\x00")) && binary.NativeEndian.Uint32(b[4:]) == uint32(index) {
				found = true
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// classifierOf is one that drops nothing.
func classifierOf(t testing.TB, r role) *classifier {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, answerPass), asm.Return()}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := newClassifier(p, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = p.Close(), c.Close() })
	return c
}

func attachedBy(t testing.TB, c *classifier) io.Closer {
	t.Helper()
	f, err := c.attach(loopback)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestNeighbours: others' filters stay, with the queue that they need, whoever made it; without
// others nothing stays.
func TestNeighbours(t *testing.T) {
	eachWay(t, func(t *testing.T, way Way) {
		if way != Clsact {
			return
		}
		bans, flows := classifierOf(t, roleBans()), classifierOf(t, roleFlows())
		again := classifierOf(t, roleBans()) // another node's
		other := classifierOf(t, role{name: "somebody", priority: roleBans().priority})
		for _, c := range []struct {
			name   string
			come   []*classifier // in this order; they leave in it, too
			others bool          // the last one to come stays
		}{
			{"one", []*classifier{bans}, false},
			{"two", []*classifier{bans, flows}, false},
			{"two, the other way round", []*classifier{flows, bans}, false},
			{"two nodes", []*classifier{bans, flows, again}, false},
			{"another's comes later", []*classifier{bans, flows, other}, true},
		} {
			t.Run(c.name, func(t *testing.T) {
				var attached []io.Closer
				for _, each := range c.come {
					attached = append(attached, attachedBy(t, each))
				}
				if err := sweep(roleBans()); err != nil {
					t.Error(err)
				}
				if n := len(filtersOf(t, loopback, queueIngress)); n != len(c.come) {
					t.Errorf("%d filters, after a sweep of who is dead", n)
				}
				for i, each := range attached {
					if c.others && i == len(attached)-1 {
						if got := filtersOf(t, loopback, queueIngress); !slices.Equal(got, []string{"somebody"}) || !queued(t, loopback) {
							t.Errorf("left: %v, the queue %v", got, queued(t, loopback))
						}
					}
					if err := each.Close(); err != nil {
						t.Error(err)
					}
				}
				if queued(t, loopback) {
					t.Error("the queue is left")
				}
			})
		}
		t.Run("another's queue", func(t *testing.T) {
			run(t, "tc qdisc add dev lo clsact")
			f, g := attachedBy(t, bans), attachedBy(t, flows)
			for _, each := range []io.Closer{f, g} {
				if err := each.Close(); err != nil {
					t.Error(err)
				}
			}
			if !queued(t, loopback) {
				t.Error("it is gone")
			}
			run(t, "tc qdisc del dev lo clsact")
		})
	})
}

// TestSwept: what a dead process has left is removed, and nothing else.
func TestSwept(t *testing.T) {
	eachWay(t, func(t *testing.T, way Way) {
		if way != Clsact {
			return
		}
		dead, deadFlows := classifierOf(t, roleBans()), classifierOf(t, roleFlows())
		lives, other := classifierOf(t, roleBans()), classifierOf(t, role{name: "somebody", priority: roleBans().priority})
		elsewhere := classifierOf(t, role{name: roleBans().name, priority: 1})
		var last []io.Closer
		for _, c := range []*classifier{dead, deadFlows, lives, other, elsewhere} {
			last = append(last, attachedBy(t, c))
		}
		for _, c := range []*classifier{dead, deadFlows, other, elsewhere} {
			if err := unix.Close(c.alive); err != nil {
				t.Fatal(err)
			}
			c.alive = -1
		}
		for _, r := range []role{roleBans(), roleFlows()} {
			if err := sweep(r); err != nil {
				t.Error(err)
			}
		}
		if got := filtersOf(t, loopback, queueIngress); !slices.Equal(got, []string{"somebody", "tollgate_bans", "tollgate_bans"}) {
			t.Errorf("left: %v", got)
		}
		for _, each := range last { // some for the second time
			if err := each.Close(); err != nil {
				t.Error(err)
			}
		}
		if queued(t, loopback) {
			t.Error("the queue is left")
		}
	})
}
