package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// phones are many phones behind one socket. Each has an address of its own: the
// kernel lets the socket of 0.0.0.0 send from any address in 127.0.0.0/8, and says
// for what arrives to which of them it came. They register, answer pings and are
// busy. Only enrol repeats what is lost.
type phones struct {
	conn  *net.UDPConn
	port  uint16
	cseq  int // of the last REGISTER; one count for all phones rises for each of them
	ended sync.WaitGroup

	mu      sync.Mutex   // guards the rest
	granted tally        // 200s, by CSeq
	refused map[int]int  // other answers' statuses, by CSeq
	rung    map[int]bool // phones that were called
	pings   []time.Time  // when each came
	nonces  []string     // by phone, where the peer itself asks for passwords; else nil
	counts  []int        // of answers to them
}

// firstPhone is the address of phone 0, and firstUser the user of its address of record.
const (
	firstPhone = 127<<24 | 16<<16 | 1
	firstUser  = 2_000_000
	maxPhones  = 2_000_000 // numbers have seven digits
)

func phoneAddr(i int) (a [4]byte) {
	binary.BigEndian.PutUint32(a[:], uint32(firstPhone+i))
	return a
}

func phoneAt(a [4]byte) int { return int(binary.BigEndian.Uint32(a[:])) - firstPhone }

func phoneUser(i int) string { return strconv.Itoa(firstUser + i) }

// phoneOf finds the phone in a header that has its address of record; -1: none.
func phoneOf(header string) int {
	_, uri, _ := strings.Cut(header, "sip:")
	user, _, _ := strings.Cut(uri, "@")
	n, err := strconv.Atoi(user)
	if err != nil || n < firstUser {
		return -1
	}
	return n - firstUser
}

func startPhones(port uint16) (*phones, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{Port: int(port)})
	if err != nil {
		return nil, fmt.Errorf("phones: %w", err)
	}
	p := &phones{conn: conn, port: uint16(conn.LocalAddr().(*net.UDPAddr).Port), refused: map[int]int{}, rung: map[int]bool{}}
	raw, err := conn.SyscallConn()
	if err == nil {
		var set error
		err = raw.Control(func(fd uintptr) {
			set = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		})
		err = errors.Join(err, set, conn.SetReadBuffer(4<<20))
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("phones: %w", err)
	}
	p.ended.Go(p.receive)
	return p, nil
}

func (p *phones) close() {
	p.conn.Close()
	p.ended.Wait()
}

// begin begins to count the answers to the next n REGISTERs, and gives the CSeq of the first.
func (p *phones) begin(n int) (first int) {
	first = p.cseq + 1
	p.mu.Lock()
	defer p.mu.Unlock()
	p.granted.reset(first, n)
	p.refused = map[int]int{}
	p.cseq += n
	return first
}

// register has n phones in turn, the first again after the last, register with edge at
// an even rate: n REGISTERs in all, none repeated.
func (p *phones) register(edge netip.AddrPort, count, n, rate int) error {
	first := p.begin(n)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	start := time.Now()
	var text []byte
	for sent := 0; sent < n; {
		<-tick.C
		for due := min(n, int(time.Since(start).Seconds()*float64(rate))); sent < due; sent++ {
			text = p.appendRegister(text[:0], sent%count, first+sent)
			if err := p.send(sent%count, text, edge); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle waits until every REGISTER is answered, or for limit, and tells how many got
// their 200, and how often one got it again.
func (p *phones) settle(limit time.Duration) (answered, again int) {
	for deadline := time.Now().Add(limit); ; {
		p.mu.Lock()
		answered, again = p.granted.counts()
		done := answered+len(p.refused) >= len(p.granted.seen)
		p.mu.Unlock()
		if done || time.Now().After(deadline) {
			return answered, again
		}
		<-time.After(2 * time.Millisecond)
	}
}

// refusal is one of the answers to the last register that is no 200; 0: there is none.
func (p *phones) refusal() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, status := range p.refused {
		return status
	}
	return 0
}

// appendRegister appends a REGISTER as a phone behind a NAT sends it to refresh, with
// the credentials of the last challenge. The Via has the public address, so that the
// bare forwarder can send the answer back.
func (p *phones) appendRegister(dst []byte, i, cseq int) []byte {
	user, domain, inside := phoneUser(i), customerDomain(i%customers), netip.AddrFrom4([4]byte{192, 168, byte(i / 250 % 250), byte(1 + i%250)})
	credentials := fmt.Sprintf("Authorization: Digest username=\"%[2]s\", realm=\"%[1]s\", nonce=\"6f1d2c3b4a59687766554433221100ff\", uri=\"sip:%[1]s\", "+
		"response=\"0f1e2d3c4b5a69788796a5b4c3d2e1f0\", algorithm=MD5\r\n", domain, user)
	if p.nonces != nil {
		user, credentials = ownUser(i), p.credentials(i)
	}
	return fmt.Appendf(dst, "REGISTER sip:%[1]s SIP/2.0\r\n"+
		"Via: SIP/2.0/UDP %[2]s:%[3]d;branch=z9hG4bKr%[4]d;rport\r\n"+
		"Max-Forwards: 70\r\n"+
		"From: \"Desk %[5]s\" <sip:%[5]s@%[1]s>;tag=f%[5]s\r\n"+
		"To: \"Desk %[5]s\" <sip:%[5]s@%[1]s>\r\n"+
		"Call-ID: 5fb2c3d4e5f6%[5]s@%[6]s\r\n"+
		"CSeq: %[4]d REGISTER\r\n"+
		"Contact: <sip:%[5]s@%[6]s:5062;transport=udp;line=sr5fbb>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-00000%[5]s>\"\r\n"+
		"%[7]s"+
		"Supported: path\r\n"+
		"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, UPDATE, INFO, MESSAGE\r\n"+
		"User-Agent: Deskphone T46G 28.83.0.130\r\n"+
		"Expires: 3600\r\nContent-Length: 0\r\n\r\n",
		domain, netip.AddrFrom4(phoneAddr(i)), p.port, cseq, user, inside, credentials)
}

// send writes one datagram from a phone's own address.
func (p *phones) send(i int, text []byte, to netip.AddrPort) error {
	oob := unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: phoneAddr(i)})
	if _, _, err := p.conn.WriteMsgUDPAddrPort(text, oob, to); err != nil {
		return fmt.Errorf("phones: %w", err)
	}
	return nil
}

func (p *phones) receive() {
	buf, oob := make([]byte, 65536), make([]byte, 128)
	for {
		n, oobn, _, from, err := p.conn.ReadMsgUDPAddrPort(buf, oob)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		to, known := arrivedAt(oob[:oobn])
		if err == nil && known {
			p.handle(phoneAt(to), parseProbe(buf[:n]), from)
		}
	}
}

// arrivedAt is the address that a datagram was sent to.
func arrivedAt(oob []byte) ([4]byte, bool) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return [4]byte{}, false
	}
	for _, m := range messages {
		// struct in_pktinfo: the interface, the local address, the one in the header.
		if m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo {
			return [4]byte(m.Data[8:12]), true
		}
	}
	return [4]byte{}, false
}

// handle is a phone's side of everything. A lost reply shows as a missing one, so
// errors of sending are not looked at.
func (p *phones) handle(i int, m probeMessage, from netip.AddrPort) {
	if m.method == "" {
		p.response(i, m)
		return
	}
	p.mu.Lock()
	switch m.method {
	case "OPTIONS":
		p.pings = append(p.pings, time.Now())
	case "INVITE":
		p.rung[i] = true
	}
	p.mu.Unlock()
	const rest = "Content-Length: 0\r\n\r\n"
	switch m.method {
	case "OPTIONS":
		_ = p.send(i, []byte(m.reply(";tag=p")+rest), from)
	case "INVITE":
		busy := strings.Replace(m.reply(";tag=p"), "200 OK", "486 Busy Here", 1)
		_ = p.send(i, []byte(busy+rest), from)
	}
}

func (p *phones) response(i int, m probeMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case m.status == 200 && m.header("Contact") != "":
		p.granted.note(m.cseq())
	case m.status == 401 && p.nonces != nil:
		p.asked(i, m.header("WWW-Authenticate"))
		p.refused[m.cseq()] = m.status
	case m.status >= 200:
		p.refused[m.cseq()] = m.status
	}
}

// called says whether a phone rang since the last time it was asked.
func (p *phones) called(i int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.rung[i]
	delete(p.rung, i)
	return was
}

// pinged takes the times of all pings since the last time it was asked.
func (p *phones) pinged() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.pings
	p.pings = nil
	return all
}

// tally counts how often each of some messages was seen; they are known by their CSeq.
type tally struct {
	first int
	seen  []uint8
}

func (t *tally) reset(first, n int) { *t = tally{first: first, seen: make([]uint8, n)} }

func (t *tally) note(cseq int) {
	if i := cseq - t.first; i >= 0 && i < len(t.seen) && t.seen[i] < 255 {
		t.seen[i]++
	}
}

// counts is how many were seen at all, and how often one was seen again.
func (t *tally) counts() (once, again int) {
	for _, n := range t.seen {
		if n > 0 {
			once++
			again += int(n) - 1
		}
	}
	return once, again
}

// has says that a message was seen.
func (t *tally) has(cseq int) bool { return t.seen[cseq-t.first] > 0 }

// cseq is the number in the CSeq header; -1: there is none.
func (m probeMessage) cseq() int {
	number, _, _ := strings.Cut(m.header("CSeq"), " ")
	if n, err := strconv.Atoi(number); err == nil {
		return n
	}
	return -1
}
