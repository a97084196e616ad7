package transport

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// steering decides which sockets of a group get new datagrams, by a BPF program that the
// kernel runs for each. It has two switches.
//
// Spread: a wake-up costs more than reading a datagram, and two readers that each wake
// for every second datagram spend up to twice the CPU of one; so while one reader keeps
// up, everything goes to the first socket, and only beyond that flows are spread over all.
// Where a flow changes its socket, datagrams of it may pass each other once, as they may
// in any network.
//
// Split: while the readers are behind, requests that may wait go to sockets of their own
// (udpLate), so that a flood of them neither delays nor pushes out what belongs to calls
// that are up.
type steering struct {
	fd   int // a socket of the group; -1: cannot be steered
	n    uint32
	ipv6 bool

	mu     sync.Mutex // held while the program is changed
	spread atomic.Bool
	split  atomic.Bool
	since  atomic.Int64 // nanoseconds: when the share of busy time began to be taken
	busy   atomic.Int64 // nanoseconds of all readers since then
	start  time.Time
}

const (
	// fullBatches in a row mean that the first reader does not keep up.
	fullBatches = 32
	// weighFor is how long the readers are watched before one takes all again.
	weighFor = 2 * time.Second
)

// init leads everything to the first of n sockets; false: this kernel cannot.
func (s *steering) init(fd, n int, ipv6 bool) bool {
	s.start, s.fd, s.n, s.ipv6 = time.Now(), fd, uint32(n), ipv6
	s.set(false, false)
	return s.fd >= 0
}

func (s *steering) setSpread(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(on, s.split.Load())
}

// setSplit says whether it has changed anything.
func (s *steering) setSplit(on bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 || s.split.Load() == on {
		return false
	}
	s.set(s.spread.Load(), on)
	return true
}

// set changes the switches; with mu held, or nobody else there yet.
func (s *steering) set(spread, split bool) {
	if s.fd < 0 {
		return
	}
	program := s.program(spread, split)
	err := unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	if err != nil {
		s.fd = -1 // Linux before 4.5: the kernel's hash spreads flows
		return
	}
	s.spread.Store(spread)
	s.split.Store(split)
}

// late are the first four bytes of the requests that may wait; read only. PRACK and BYE are not among them, so that no
// flood of others pushes them out.
var late = [...]string{"INVI", "REGI", "OPTI", "SUBS", "PUBL", "MESS", "CANC", "INFO", "UPDA", "NOTI", "REFE"}

// program is what the kernel runs, with the datagram's payload at offset 0.
func (s *steering) program(spread, split bool) []unix.SockFilter {
	urgent := s.choose(spread, 0)
	if !split {
		return urgent
	}
	p := []unix.SockFilter{stmt(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, 0)}
	for i, w := range late {
		behind := len(late) - 1 - i + len(urgent) // instructions from the next one to those for late ones
		p = append(p, jump(unix.BPF_JEQ, binary.BigEndian.Uint32([]byte(w)), uint8(behind), 0))
	}
	p = append(p, urgent...)
	return append(p, s.choose(spread, s.n)...)
}

// netOffset is where the IP header begins for a BPF program (SKF_NET_OFF).
const netOffset = ^uint32(0x100000 - 1)

// choose gives the index of a socket: base, or one of n from there by a hash of where
// the datagram comes from. IP options would be taken for a part of that, which does no harm.
func (s *steering) choose(spread bool, base uint32) []unix.SockFilter {
	if !spread {
		return []unix.SockFilter{stmt(unix.BPF_RET|unix.BPF_K, base)}
	}
	const spreading = 0x9e3779b1
	sum := func(addr, port uint32) []unix.SockFilter {
		return []unix.SockFilter{
			stmt(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, netOffset+addr),
			stmt(unix.BPF_MISC|unix.BPF_TAX, 0),
			stmt(unix.BPF_LD|unix.BPF_H|unix.BPF_ABS, netOffset+port),
			stmt(unix.BPF_ALU|unix.BPF_ADD|unix.BPF_X, 0),
		}
	}
	p := []unix.SockFilter{
		stmt(unix.BPF_LD|unix.BPF_B|unix.BPF_ABS, netOffset),
		stmt(unix.BPF_ALU|unix.BPF_RSH|unix.BPF_K, 4),
		jump(unix.BPF_JEQ, 6, 5, 0),
	}
	p = append(append(p, sum(12, 20)...), stmt(unix.BPF_JMP|unix.BPF_JA, 4))
	p = append(p, sum(20, 40)...) // the last four bytes of an IPv6 source
	return append(p,
		stmt(unix.BPF_ALU|unix.BPF_MUL|unix.BPF_K, spreading),
		stmt(unix.BPF_ALU|unix.BPF_RSH|unix.BPF_K, 16),
		stmt(unix.BPF_ALU|unix.BPF_MOD|unix.BPF_K, s.n),
		stmt(unix.BPF_ALU|unix.BPF_ADD|unix.BPF_K, base),
		stmt(unix.BPF_RET|unix.BPF_A, 0),
	)
}

func stmt(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

// jump compares with a constant: on by yes instructions or by no.
func jump(op uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, Jt: yes, Jf: no, K: k}
}

// overloaded is said by a reader that got fullBatches.
func (s *steering) overloaded(now time.Time) {
	if s.spread.Load() || s.n < 2 {
		return
	}
	s.busy.Store(0)
	s.since.Store(int64(now.Sub(s.start)))
	s.setSpread(true)
}

// spent is said by each reader after each batch while flows are spread.
func (s *steering) spent(from, to time.Time) {
	busy := s.busy.Add(int64(to.Sub(from)))
	since, now := s.since.Load(), int64(to.Sub(s.start))
	if now-since < int64(weighFor) || !s.since.CompareAndSwap(since, now) {
		return
	}
	s.busy.Store(0)
	if busy < (now-since)/2 {
		s.setSpread(false)
	}
}
