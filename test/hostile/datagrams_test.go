package hostile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

// seed makes a run that failed repeatable.
const seed = 20261121

// TestDatagrams floods a node with datagrams that are nearly right, from strangers, from
// callers and from the PBX, which answers as badly.
func TestDatagrams(t *testing.T) {
	t.Parallel()
	count := 20_000
	if harness.Soak() {
		count = 1_000_000
	}
	node := harness.Start(t)
	s := stage.New(t, node, stage.One()[0], nil)
	var arrived atomic.Int64
	node.Apply(t, harness.Customer{
		Name: "victim", Domains: []string{"victim.test"}, Initial: "1s", Invite: "3s", MaxCall: "5s", Outbound: "any",
		Destinations: []harness.Destination{{Addr: mirror(t, &arrived)}},
	}, harness.Customer{
		Name: "hidden victim", Domains: []string{"hidden.test"}, Initial: "1s", Invite: "3s", MaxCall: "5s", Hidden: true,
		Destinations: []harness.Destination{{Addr: mirror(t, &arrived)}},
	})
	realCalls(t, node)
	alive := pinger{s.Caller, s.URI()}
	r := rand.New(rand.NewPCG(seed, 1))
	f := &flood{t: t, r: r, edge: node.Addr("udp", netip.IPv4Unspecified()), sockets: sockets(t, 8)}
	f.send(count / 10) // what the node needs once
	before := measure(t, node.PID())
	for sent := 0; sent < count; sent += 250 {
		f.send(250)
		alive.ping(t, fmt.Sprintf("after %d datagrams of seed %d", sent+250, seed))
	}
	if n := int(arrived.Load()); n < count/50 {
		t.Errorf("of %d datagrams only %d led to something behind the node: the flood is too broken to test much", count, n)
	}
	t.Logf("%d datagrams led to %d behind the node", count, arrived.Load())
	flat(t, node, before)
	realCalls(t, node)
	cleanLog(t, node)
}

// flood sends mutations of whole conversations.
type flood struct {
	t       *testing.T
	r       *rand.Rand
	edge    netip.AddrPort
	sockets []*net.UDPConn
	serial  int
}

func sockets(t *testing.T, n int) []*net.UDPConn {
	t.Helper()
	ip := harness.IP(t)
	var list []*net.UDPConn
	for range n {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		list = append(list, conn)
	}
	return list
}

func (f *flood) send(n int) {
	f.t.Helper()
	for range n {
		conn := f.sockets[f.r.IntN(len(f.sockets))]
		raw := f.datagram(conn.LocalAddr().String())
		if _, err := conn.WriteToUDPAddrPort(raw, f.edge); err != nil {
			f.t.Fatalf("send %d bytes: %v", len(raw), err)
		}
	}
}

func (f *flood) datagram(me string) []byte {
	if f.r.IntN(10) == 0 {
		raw := make([]byte, f.r.IntN(1500))
		for i := range raw {
			raw[i] = byte(f.r.Uint32())
		}
		return raw
	}
	raw := f.message(me)
	for range f.r.IntN(4) { // a quarter goes as it is
		raw = mutate(f.r, raw)
	}
	return raw[:min(len(raw), 60000)]
}

// message is one of a conversation whose parts fit each other often enough.
func (f *flood) message(me string) []byte {
	f.serial++
	methods := []string{
		"INVITE", "INVITE", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "MESSAGE",
		"SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH", "FOO",
	}
	method := methods[f.r.IntN(len(methods))]
	domain := []string{"victim.test", "hidden.test", "unknown.test"}[f.r.IntN(3)]
	call := f.serial - f.r.IntN(20)
	start := fmt.Sprintf("%s sip:bob%d@%s SIP/2.0", method, f.r.IntN(100), domain)
	if f.r.IntN(6) == 0 {
		start = fmt.Sprintf("SIP/2.0 %d Whatever", 100+f.r.IntN(600))
	}
	to := fmt.Sprintf("<sip:bob@%s>", domain)
	if f.r.IntN(3) == 0 {
		to += fmt.Sprintf(";tag=mirror%d", f.r.IntN(3))
	}
	body := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
	return []byte(strings.Join([]string{
		start,
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bKh%d;rport", me, call),
		fmt.Sprintf("From: \"H\" <sip:h@192.0.2.9>;tag=h%d", call), "To: " + to,
		fmt.Sprintf("Call-ID: hostile%d", call), fmt.Sprintf("CSeq: %d %s", 1+f.r.IntN(4), method),
		"Contact: <sip:h@" + me + ">", fmt.Sprintf("Max-Forwards: %d", f.r.IntN(71)),
		"RAck: 1 1 INVITE", "Supported: 100rel, timer", "Session-Expires: 3;refresher=uas",
		"User-Agent: " + strings.Repeat("x", f.r.IntN(40)), "P-Asserted-Identity: <sip:1@192.0.2.9>, <tel:+39040>",
		"Content-Type: application/sdp", fmt.Sprintf("Content-Length: %d", len(body)), "", body,
	}, "\r\n"))
}

// mutate damages a message in one place.
func mutate(r *rand.Rand, raw []byte) []byte {
	if len(raw) < 4 {
		return append(raw, byte(r.Uint32()))
	}
	at := r.IntN(len(raw))
	end := min(len(raw), at+1+r.IntN(60))
	switch r.IntN(10) {
	case 0:
		raw[at] = byte(r.Uint32())
		return raw
	case 1:
		return bytes.Join([][]byte{raw[:at], raw[end:]}, nil)
	case 2:
		return bytes.Join([][]byte{raw[:end], raw[at:]}, nil)
	case 3:
		return raw[:at]
	case 4:
		return bytes.Join([][]byte{raw[:at], bytes.Repeat(raw[at:end], 1+r.IntN(200)), raw[end:]}, nil)
	case 5:
		return bytes.Join([][]byte{raw[:at], []byte(nasty[r.IntN(len(nasty))]), raw[at:]}, nil)
	default:
		return mutateLine(r, raw)
	}
}

// nasty are pieces that parsers and logs have stumbled over.
var nasty = []string{
	"\x00", "\r", "\n", "\r\n\r\n", "\x1b[2J", "\n" + hostileLine + "\n", "4294967296", "-1", "99999999999999999999", "%", "%00", "%zz",
	";;;;", "<<<<", "\"", "\\", "[::1", "]", "sip:", "tel:+39", ";tag=", ";branch=", ",,,,", "\t ", "\xff\xfe", "é", ";lr", "@", "?a=b&c",
}

// mutateLine drops, repeats, empties, swaps or renames a header line.
func mutateLine(r *rand.Rand, raw []byte) []byte {
	lines := bytes.Split(raw, []byte("\r\n"))
	i, j := r.IntN(len(lines)), r.IntN(len(lines))
	switch r.IntN(5) {
	case 0:
		lines = append(lines[:i:i], lines[i+1:]...)
	case 1:
		lines = append(lines[:i:i], append([][]byte{lines[j]}, lines[i:]...)...)
	case 2:
		lines[i], lines[j] = lines[j], lines[i]
	case 3:
		if name, _, ok := bytes.Cut(lines[i], []byte(":")); ok {
			lines[i] = append(bytes.Clone(name), ':')
		}
	case 4:
		lines[i] = append(bytes.Repeat([]byte("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"), 1+r.IntN(120)), lines[i]...)
	}
	return bytes.Join(lines, []byte("\r\n"))
}

// mirror is a PBX that answers every request with what comes to its mind, damaged half of the time.
func mirror(t *testing.T, arrived *atomic.Int64) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(harness.IP(t))})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		reflect(conn, arrived)
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func reflect(conn *net.UDPConn, arrived *atomic.Int64) {
	r := rand.New(rand.NewPCG(seed, 2))
	buf := make([]byte, 65536)
	statuses := []int{100, 180, 183, 200, 200, 200, 302, 407, 481, 486, 491, 500, 503, 603}
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		arrived.Add(1)
		if bytes.HasPrefix(buf[:n], []byte("SIP/2.0")) || bytes.HasPrefix(buf[:n], []byte("ACK ")) {
			continue
		}
		for range 1 + r.IntN(3) {
			answer := echo(buf[:n], statuses[r.IntN(len(statuses))], r.IntN(3), conn.LocalAddr().String())
			if r.IntN(2) == 0 {
				answer = mutate(r, answer)
			}
			_, _ = conn.WriteToUDPAddrPort(answer[:min(len(answer), 60000)], from)
		}
	}
}

// echo answers a request by its own lines.
func echo(raw []byte, status, tag int, me string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "SIP/2.0 %d Mirror\r\n", status)
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch strings.ToLower(string(name)) {
		case "via", "from", "call-id", "cseq", "record-route":
			b.Write(line)
			b.WriteString("\r\n")
		case "to":
			b.Write(line)
			if !bytes.Contains(line, []byte("tag=")) {
				fmt.Fprintf(&b, ";tag=mirror%d", tag)
			}
			b.WriteString("\r\n")
		}
	}
	fmt.Fprintf(&b, "Contact: <sip:m@%s>\r\nRequire: 100rel\r\nRSeq: 1\r\nContent-Length: 0\r\n\r\n", me)
	return b.Bytes()
}
