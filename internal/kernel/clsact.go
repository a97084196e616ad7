package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// What rtnetlink calls things (linux/pkt_sched.h, linux/pkt_cls.h).
const (
	queueClsact  = 0xfffffff1 // TC_H_CLSACT
	queueHandle  = 0xffff0000
	queueIngress = 0xfffffff2 // its filters on the way in
	queueEgress  = 0xfffffff3 // and out

	classifierFD    = 6 // TCA_BPF_FD
	classifierName  = 7 // TCA_BPF_NAME
	classifierFlags = 8 // TCA_BPF_FLAGS
	itsWordIsLast   = 1 // TCA_BPF_FLAG_ACT_DIRECT: what the program answers is done

	messageSize = 20 // of struct tcmsg
)

// classifier attaches a program as a filter of tc, for kernels without tcx.
//
// Unlike a link such a filter outlives its process. So what is attached is a stub, which does
// nothing but jump into the program by a table. The kernel empties that table when its last
// descriptor is closed, also by kill -9: what is left then lets all pass, and is removed by the
// next process (sweep).
//
// While the program has nothing to do the stubs stay, and the table is empty. To remove the queue would
// have the kernel stop and start the interface, and lose what is just being sent.
//
// A filter is known as ours by its name and priority. Its handle is the serial number of the
// classifier, which holds a socket of that name as long as it lives; the lowest bit says that
// the queue, without which there are no filters, was made by Tollgate: whoever removes the last
// filter removes it, too.
type classifier struct {
	role    role
	program *ebpf.Program
	works   bool // it is in the table
	serial  uint32
	table   *ebpf.Map
	stub    *ebpf.Program
	alive   int // the socket
	ask     *netlink
}

// newClassifier makes one that is attached nowhere. Close it, also after an error of attach.
func newClassifier(program *ebpf.Program, r role) (c *classifier, err error) {
	c = &classifier{role: r, program: program, alive: -1}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	c.table, err = ebpf.NewMap(&ebpf.MapSpec{Name: "tg_jump", Type: ebpf.ProgramArray, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	if err != nil {
		return c, fmt.Errorf("map tg_jump: %w", err)
	}
	c.stub, err = ebpf.NewProgram(&ebpf.ProgramSpec{Name: r.name, Type: ebpf.SchedCLS, Instructions: asm.Instructions{
		asm.LoadMapPtr(asm.R2, c.table.FD()),
		asm.Mov.Imm(asm.R3, 0),
		asm.FnTailCall.Call(),
		asm.Mov.Imm(asm.R0, answerPass), // nobody is there
		asm.Return(),
	}})
	if err != nil {
		return c, fmt.Errorf("load the program: %w", err)
	}
	if c.ask, err = listenNetlink(0); err != nil {
		return c, err
	}
	c.serial = rand.Uint32N(1<<30)<<1 + 2
	c.alive, err = live(c.serial)
	return c, err
}

// live takes the name that says that a serial number is in use. It is of the network namespace, as filters are.
func live(serial uint32) (fd int, err error) {
	if fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("@tollgate clsact %08x", serial&^1)}); err != nil {
		return -1, errors.Join(fmt.Errorf("serial number %08x: %w", serial, err), unix.Close(fd))
	}
	return fd, nil
}

func (c *classifier) work() error {
	if c.works {
		return nil
	}
	if err := c.table.Put(uint32(0), c.program); err != nil {
		return fmt.Errorf("map tg_jump: %w", err)
	}
	c.works = true
	return nil
}

func (c *classifier) rest() bool {
	if !c.works {
		return true
	}
	c.works = c.table.Delete(uint32(0)) != nil
	return !c.works
}

// Close forgets the program. What is still attached lets all pass.
func (c *classifier) Close() error {
	var errs []error
	if c.stub != nil {
		errs = append(errs, c.stub.Close())
	}
	if c.table != nil {
		errs = append(errs, c.table.Close())
	}
	if c.ask != nil {
		errs = append(errs, c.ask.close())
	}
	if c.alive >= 0 {
		errs = append(errs, unix.Close(c.alive))
	}
	return errors.Join(errs...)
}

func (c *classifier) attach(index int) (io.Closer, error) {
	made, err := c.ask.addQueue(index)
	if err != nil {
		return nil, err
	}
	f := &filter{ask: c.ask, index: index, priority: c.role.priority, handle: c.serial}
	if made {
		f.handle |= 1
	}
	body := f.message()
	body = attribute(body, unix.TCA_KIND, []byte("bpf\x00"))
	var options []byte
	options = attribute(options, classifierFD, binary.NativeEndian.AppendUint32(nil, uint32(c.stub.FD())))
	options = attribute(options, classifierName, []byte(c.role.name+"\x00"))
	options = attribute(options, classifierFlags, binary.NativeEndian.AppendUint32(nil, itsWordIsLast))
	body = attribute(body, unix.TCA_OPTIONS, options)
	if _, err = c.ask.do(unix.RTM_NEWTFILTER, unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL, body); err == nil {
		return f, nil
	}
	return nil, errors.Join(noClassifier("filter", err), f.leaveQueue())
}

// noClassifier is an error of the kernel's about what it needs for a classifier.
func noClassifier(what string, err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
		err = fmt.Errorf("%w: %w", ebpf.ErrNotSupported, err)
	}
	return fmt.Errorf("clsact %s: %w", what, err)
}

// addQueue makes an interface have the queue that filters belong to. It says whether it is one of
// Tollgate's making.
func (n *netlink) addQueue(index int) (made bool, err error) {
	body := message(index, queueHandle, queueClsact, 0)
	body = attribute(body, unix.TCA_KIND, []byte("clsact\x00"))
	_, err = n.do(unix.RTM_NEWQDISC, unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL, body)
	if !errors.Is(err, unix.EEXIST) {
		if err != nil {
			return false, noClassifier("queue", err)
		}
		return true, nil
	}
	for _, r := range []role{roleBans(), roleFlows()} {
		ours, err := n.filters(index, queueIngress, r)
		if err != nil {
			return false, err
		}
		for _, f := range ours {
			made = made || f.handle&1 != 0
		}
	}
	return made, nil
}

// filter is a stub at an interface's ingress, ours or of another process.
type filter struct {
	ask      *netlink
	index    int // of the interface
	priority uint16
	handle   uint32
}

// message is the head of a request about a filter or a queue (struct tcmsg).
func message(index int, handle, parent, info uint32) []byte {
	b := make([]byte, messageSize)
	binary.NativeEndian.PutUint32(b[4:], uint32(index))
	binary.NativeEndian.PutUint32(b[8:], handle)
	binary.NativeEndian.PutUint32(b[12:], parent)
	binary.NativeEndian.PutUint32(b[16:], info)
	return b
}

func (f *filter) message() []byte {
	return message(f.index, f.handle, queueIngress, uint32(f.priority)<<16|uint32(networkOrder(unix.ETH_P_ALL)))
}

// Close removes the filter, and the queue where Tollgate made it and nobody else uses it.
func (f *filter) Close() error {
	_, err := f.ask.do(unix.RTM_DELTFILTER, unix.NLM_F_ACK, f.message())
	if err = orGone(err); err != nil {
		return fmt.Errorf("remove a clsact filter: %w", err)
	}
	return f.leaveQueue()
}

// leaveQueue removes the queue where Tollgate made it and nobody uses it any more.
func (f *filter) leaveQueue() error {
	if f.handle&1 == 0 {
		return nil
	}
	for _, side := range []uint32{queueIngress, queueEgress} {
		used := false
		err := f.ask.list(unix.RTM_GETTFILTER, message(f.index, 0, side, 0), func([]byte) { used = true })
		if err != nil || used {
			return orGone(err)
		}
	}
	_, err := f.ask.do(unix.RTM_DELQDISC, unix.NLM_F_ACK, message(f.index, queueHandle, queueClsact, 0))
	if err = orGone(err); err != nil {
		return fmt.Errorf("remove the clsact queue: %w", err)
	}
	return nil
}

// orGone takes it for done where what is to be removed, or its interface, is not there any more.
func orGone(err error) error {
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}

// filters are those of a role on one side of an interface, whosoever they are.
func (n *netlink) filters(index int, side uint32, r role) (found []*filter, err error) {
	err = n.list(unix.RTM_GETTFILTER, message(index, 0, side, 0), func(b []byte) {
		if len(b) < messageSize {
			return
		}
		f := &filter{ask: n, index: index, handle: binary.NativeEndian.Uint32(b[8:]), priority: uint16(binary.NativeEndian.Uint32(b[16:]) >> 16)}
		if f.handle != 0 && f.priority == r.priority && nameOf(b[messageSize:]) == r.name {
			found = append(found, f)
		}
	})
	if err = orGone(err); err != nil {
		return nil, fmt.Errorf("list clsact filters: %w", err)
	}
	return found, nil
}

// nameOf is a filter's name, if it is a program.
func nameOf(b []byte) (name string) {
	for kind, value := range attributes(b) {
		switch {
		case kind == unix.TCA_KIND && string(value) != "bpf\x00":
			return ""
		case kind == unix.TCA_OPTIONS:
			for kind, value := range attributes(value) {
				if kind == classifierName {
					name = strings.TrimRight(string(value), "\x00")
				}
			}
		}
	}
	return name
}

// sweep removes what processes that are dead have left of a role.
func sweep(r role) error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("interfaces: %w", err)
	}
	ask, err := listenNetlink(0)
	if err != nil {
		return err
	}
	errs := []error{}
	for _, i := range interfaces {
		ours, err := ask.filters(i.Index, queueIngress, r)
		errs = append(errs, err)
		for _, f := range ours {
			fd, err := live(f.handle)
			if errors.Is(err, unix.EADDRINUSE) {
				continue // its process lives
			}
			if err == nil {
				err = errors.Join(f.Close(), unix.Close(fd))
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, ask.close())...)
}
