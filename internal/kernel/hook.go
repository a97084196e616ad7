package kernel

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// Way is how programs are attached to interfaces.
type Way string

// The ways. Auto is TCX where the kernel has it, else Clsact.
const (
	Auto   Way = ""
	TCX    Way = "tcx"
	Clsact Way = "clsact"
)

// role is a program's part among those of an interface.
type role struct {
	name     string // in the kernel
	anchor   link.Anchor
	priority uint16 // for clsact, the lowest first; those that tc gives by itself are far above
}

// What is banned is not forwarded either: bans come first, flows last.
func roleBans() role  { return role{"tollgate_bans", link.Head(), 5060} }
func roleFlows() role { return role{"tollgate_flows", link.Tail(), 5061} }

// attacher puts a program at the ingress of an interface, until what it gives is closed.
type attacher interface {
	attach(index int) (io.Closer, error)
	// rest makes the program do nothing, wherever it is attached, until work; false: it is to be
	// detached for that.
	rest() bool
	work() error
	io.Closer
}

// hook is a program at the ingress of all interfaces that it suits, while there is something for
// it to do. One goroutine attaches and detaches it, until end.
type hook struct {
	mu     sync.Mutex // guards closed, and what the owner says
	closed bool

	role       role
	way        Way
	why        string // not tcx
	program    *ebpf.Program
	attacher   attacher
	interfaces atomic.Int64 // that it is attached to

	on     map[int]io.Closer        // by the interface's index; only run has it
	fits   func(net.Interface) bool // which interfaces are for it; nil: all
	faults faults

	wake chan struct{}
	stop chan struct{}
	done sync.WaitGroup
}

// ready is a hook without its program; meaning says what faults of an interface come to.
func (h *hook) ready(r role, log *slog.Logger, meaning string) {
	h.role, h.on = r, make(map[int]io.Closer)
	h.faults = faults{log, meaning, make(map[string]bool)}
	h.wake, h.stop = make(chan struct{}, 1), make(chan struct{})
}

// pick finds a way in which this kernel takes the program: it attaches it once, for a moment, while
// the program knows nothing yet.
func (h *hook) pick(want Way) error {
	h.why = "clsact was asked for"
	if want != Clsact {
		h.why = "this kernel has no tcx, which came with Linux 6.6"
		err := h.try(TCX, &tcx{h.program, h.role.anchor})
		if err == nil || want == TCX || !errors.Is(err, ebpf.ErrNotSupported) {
			return err
		}
	}
	c, err := newClassifier(h.program, h.role)
	if err != nil {
		return err
	}
	return h.try(Clsact, c)
}

func (h *hook) try(way Way, a attacher) error {
	h.way, h.attacher = way, a
	interfaces, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("interfaces: %w", err)
	}
	if len(interfaces) == 0 {
		return errors.New("there is no network interface")
	}
	l, err := a.attach(interfaces[0].Index)
	if err != nil {
		return fmt.Errorf("attach to %s: %w", interfaces[0].Name, err)
	}
	return l.Close()
}

// Way is how the program is attached; where that is clsact, also why.
func (h *hook) Way() (way Way, why string) {
	if h.way == Clsact {
		why = h.why
	}
	return h.way, why
}

// run keeps the program attached while it is busy, until end. What keep does it does at once when it is
// woken, and every so often.
func (h *hook) run(busy func() bool, keep func(), every time.Duration) {
	defer h.leave()
	if err := sweep(h.role); err != nil {
		h.faults.tell("what another process has left", err)
	}
	for {
		var later <-chan time.Time
		if busy() {
			keep()
			later = time.After(every)
		} else {
			h.idle()
		}
		select {
		case <-h.stop:
			return
		case <-h.wake:
		case <-later:
		}
	}
}

// look makes run look at once.
func (h *hook) look() {
	select {
	case h.wake <- struct{}{}:
	default: // it is about to
	}
}

// end has run detach the program, and waits for it; false: it has ended already.
func (h *hook) end() bool {
	h.mu.Lock()
	was := h.closed
	h.closed = true
	h.mu.Unlock()
	if was {
		return false
	}
	close(h.stop)
	h.done.Wait()
	return true
}

// unload gives the program back, which is attached nowhere.
func (h *hook) unload() error {
	var errs []error
	if h.attacher != nil {
		errs = append(errs, h.attacher.Close())
	}
	if h.program != nil {
		errs = append(errs, h.program.Close())
	}
	return errors.Join(errs...)
}

// attachTo attaches the program to those of these interfaces that are up, and to no others.
func (h *hook) attachTo(interfaces []net.Interface) {
	up := make(map[int]bool)
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || h.fits != nil && !h.fits(i) {
			continue
		}
		up[i.Index] = true
		if h.on[i.Index] != nil {
			continue
		}
		if fresh, err := h.attacher.attach(i.Index); err == nil {
			h.on[i.Index] = fresh
		} else {
			h.faults.tell(i.Name, err)
		}
	}
	for index, each := range h.on {
		if !up[index] {
			h.detach(index, each)
		}
	}
	if err := h.attacher.work(); err != nil {
		h.faults.tell("work", err)
		return
	}
	h.interfaces.Store(int64(len(h.on)))
}

// idle has the program do nothing.
func (h *hook) idle() {
	if h.attacher.rest() {
		h.interfaces.Store(0)
	} else {
		h.leave()
	}
}

// leave detaches the program everywhere.
func (h *hook) leave() {
	for index, each := range h.on {
		h.detach(index, each)
	}
	h.interfaces.Store(0)
}

func (h *hook) detach(index int, each io.Closer) {
	delete(h.on, index)
	if err := each.Close(); err != nil {
		h.faults.tell("detach", err)
	}
}

// tcx attaches by links, which the kernel ends with their last descriptor.
type tcx struct {
	program *ebpf.Program
	anchor  link.Anchor
}

func (t *tcx) attach(index int) (io.Closer, error) {
	return link.AttachTCX(link.TCXOptions{Interface: index, Program: t.program, Attach: ebpf.AttachTCXIngress, Anchor: t.anchor})
}

// rest, work and Close are for attacher: links come and go without anybody noticing.
func (t *tcx) rest() bool   { return false }
func (t *tcx) work() error  { return nil }
func (t *tcx) Close() error { return nil }

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
