package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"syscall"

	"golang.org/x/sys/unix"
)

// errShort is an answer of the kernel that ends too soon; it never gives one.
var errShort = errors.New("the kernel's answer is cut off")

// changes are the groups of netlink that tell of whatever may change a route or an interface.
const changes = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR |
	unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE | unix.RTMGRP_IPV4_RULE | 1<<(unix.RTNLGRP_IPV6_RULE-1)

// netlink is a socket to the kernel's routing (rtnetlink(7)).
type netlink struct {
	fd  int
	seq uint32
	buf [16 << 10]byte
}

// listenNetlink opens one that hears of these groups.
func listenNetlink(groups uint32) (*netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	n := &netlink{fd: fd}
	if err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(fmt.Errorf("netlink: %w", err), n.close())
	}
	return n, nil
}

func (n *netlink) close() error { return unix.Close(n.fd) }

// pending takes all notices, and says whether there were any. That some were lost is one.
func (n *netlink) pending() bool {
	for any := false; ; any = true {
		_, _, err := unix.Recvfrom(n.fd, n.buf[:], unix.MSG_DONTWAIT)
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			return any
		}
	}
}

// attribute appends one to a request.
func attribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, -len(value)&3)...)
}

// attributes are those of an answer, or of an attribute that holds others.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			size := int(binary.NativeEndian.Uint16(b))
			if size < unix.SizeofRtAttr || size > len(b) {
				return
			}
			if !yield(binary.NativeEndian.Uint16(b[2:])&^uint16(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[unix.SizeofRtAttr:size]) {
				return
			}
			b = b[min((size+3)&^3, len(b)):]
		}
	}
}

// number is an attribute of 32 bits; 0: there is none.
func number(b []byte, wanted uint16) uint32 {
	for kind, value := range attributes(b) {
		if kind == wanted && len(value) == 4 {
			return binary.NativeEndian.Uint32(value)
		}
	}
	return 0
}

// do asks for one thing, or has it changed where flags say so (NLM_F_ACK, and what else the change
// wants). The answer is the socket's until it is used again; a change has none. The error is the kernel's.
func (n *netlink) do(kind uint16, flags int, body []byte) (answer []byte, err error) {
	err = n.ask(kind, flags, body, func(m []byte) { answer = m })
	return answer, err
}

// list asks for all there are of a thing.
func (n *netlink) list(kind uint16, body []byte, each func(answer []byte)) error {
	return n.ask(kind, unix.NLM_F_DUMP, body, each)
}

// ask reads what the kernel has answered by the time the question is sent.
func (n *netlink) ask(kind uint16, flags int, body []byte, each func(answer []byte)) error {
	n.seq++
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.NLM_F_REQUEST|flags))
	b = binary.NativeEndian.AppendUint32(b, n.seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	if err := unix.Sendto(n.fd, append(b, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("ask the kernel: %w", err)
	}
	for {
		size, _, err := unix.Recvfrom(n.fd, n.buf[:], unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("the kernel's answer: %w", err)
		}
		messages, err := syscall.ParseNetlinkMessage(n.buf[:size])
		if err != nil {
			return fmt.Errorf("the kernel's answer: %w", err)
		}
		for i := range messages {
			m := &messages[i]
			switch {
			case m.Header.Seq != n.seq: // of a question that was given up
				continue
			case m.Header.Type == unix.NLMSG_DONE:
				return nil
			case m.Header.Type == unix.NLMSG_ERROR:
				return refusal(m.Data)
			}
			each(m.Data)
			if m.Header.Flags&unix.NLM_F_MULTI == 0 {
				return nil
			}
		}
	}
}

// refusal is what the kernel says of a question; nil: it has done it.
func refusal(b []byte) error {
	if len(b) < 4 {
		return errShort
	}
	if code := -int32(binary.NativeEndian.Uint32(b)); code != 0 {
		return syscall.Errno(code)
	}
	return nil
}
