package kernel

import (
	"fmt"
	"log/slog"
	"net"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// links are the interfaces that a program is attached to. One goroutine at a time has them.
type links struct {
	program *ebpf.Program
	anchor  link.Anchor              // its place among the programs of an interface
	fits    func(net.Interface) bool // which interfaces are for it; nil: all
	on      map[int]link.Link        // by the interface's index
	faults  faults
}

// keep attaches the program to those of these interfaces that are up, and to no others.
func (l *links) keep(interfaces []net.Interface) {
	up := make(map[int]bool)
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || l.fits != nil && !l.fits(i) {
			continue
		}
		up[i.Index] = true
		if l.on[i.Index] != nil {
			continue
		}
		if fresh, err := attach(l.program, i.Index, l.anchor); err == nil {
			l.on[i.Index] = fresh
		} else {
			l.faults.tell(i.Name, err)
		}
	}
	for index, each := range l.on {
		if !up[index] {
			l.detach(index, each)
		}
	}
}

// leave detaches the program everywhere.
func (l *links) leave() {
	for index, each := range l.on {
		l.detach(index, each)
	}
}

func (l *links) detach(index int, each link.Link) {
	delete(l.on, index)
	if err := each.Close(); err != nil {
		l.faults.tell("detach", err)
	}
}

func attach(p *ebpf.Program, index int, anchor link.Anchor) (link.Link, error) {
	return link.AttachTCX(link.TCXOptions{Interface: index, Program: p, Attach: ebpf.AttachTCXIngress, Anchor: anchor})
}

// faults logs each fault once: an interface without room for a program is looked at again and again.
type faults struct {
	log     *slog.Logger
	meaning string // what they come to
	told    map[string]bool
}

func (f *faults) tell(what string, err error) {
	text := fmt.Sprintf("%s: %v", what, err)
	if !f.told[text] {
		f.told[text] = true
		f.log.Warn(f.meaning, "error", text)
	}
}
