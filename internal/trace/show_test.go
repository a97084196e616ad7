package trace_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"tollgate/internal/policy"
	"tollgate/internal/trace"
)

func TestRef(t *testing.T) {
	id := trace.ID{6: 0x39, 7: 0xd2, 8: 0x54, 9: 0x80}
	if id.Ref() != "77959" {
		t.Errorf("got %s", id.Ref())
	}
	if back, ok := trace.ParseID(id.String()); !ok || back != id {
		t.Errorf("got %v", back)
	}
	for given, want := range map[string]string{"7kq2m": "7KQ2M", "oil01": "01101", "7KQ2": "", "7KQ2MM": "", "7KQU0": "", "7K\x00Q2": ""} {
		if got, ok := trace.CanonicalRef(given); got != want || ok != (want != "") {
			t.Errorf("%q: got %q", given, got)
		}
	}
	for _, bad := range []string{"", "zz", strings.Repeat("g", 24), strings.Repeat("0", 26)} {
		if _, ok := trace.ParseID(bad); ok {
			t.Errorf("%q is an id", bad)
		}
	}
}

func TestLadder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		c := r.talk(true)
		r.start(c)
		time.Sleep(1234500 * time.Microsecond)
		r.hangUp(c)
		r.in(c.source, c.request("BYE", c.branch+"y", ";tag=tt"))
		d, m := r.get(c.id)
		var out strings.Builder
		if err := trace.Ladder(&out, policy.English, &d, m); err != nil {
			t.Fatal(err)
		}
		want := `
          ms  192.0.2.5:5071 udp                                Tollgate  10.0.0.9:5060
       0.000  ----- INVITE sip:0049301234@acme.example ------>     |
                                                                   *  passed: validate, hops, identify
                                                                   *  goes to pbx1
       0.000                                                       |  ----- INVITE sip:0049301234@acme.example ------>
       0.000                                                       |  <------------ 180 Ringing (INVITE) -------------
       0.000  <------------ 180 Ringing (INVITE) -------------     |
       0.000                                                       |  <--------------- 200 OK (INVITE) ---------------
       0.000  <--------------- 200 OK (INVITE) ---------------     |
       0.000  ------- ACK sip:0049301234@acme.example ------->     |
       0.000                                                       |  ------- ACK sip:0049301234@acme.example ------->
    1234.500  ------- BYE sip:0049301234@acme.example ------->     |
    1234.500                                                       |  ------- BYE sip:0049301234@acme.example ------->
    1234.500                                                       |  <---------------- 200 OK (BYE) -----------------
    1234.500  <---------------- 200 OK (BYE) -----------------     |
    1234.500  --- BYE sip:0049301234@acme.example (again) --->     |
answered after 1.000 s, ended after 2.000 s by caller
`
		if got := "\n" + out.String(); got != want {
			t.Errorf("got%s", got)
		}
	})
}

func TestLadderOfRefusal(t *testing.T) {
	d := trace.Decision{
		Refused: true, Status: -1, Reason: "banned", Sentence: policy.Banned.Sentence(), Source: caller, Transport: "udp",
		Passed: []string{"validate"}, Would: []trace.Would{{Sentence: "A rule.", RuleName: "r1"}}, Messages: 3,
	}
	var out strings.Builder
	if err := trace.Ladder(&out, policy.English, &d, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"refused without an answer, banned: The source is banned.", "let pass: A rule. (r1)", "3 more messages are not kept"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func FuzzLadder(f *testing.F) {
	f.Add([]byte("INVITE sip:\x1b]0;x\a SIP/2.0\r\nCall-ID: \u202e\r\n"), "\x1b[2J", true)
	f.Add([]byte("SIP/2.0 200 \x9b\r\nCSeq: 1 \x1b\r\n"), "\u0085", false)
	f.Fuzz(func(t *testing.T, data []byte, text string, in bool) {
		d := trace.Decision{
			Source: caller, Transport: text, Passed: []string{text}, Destination: text, Reason: text, Sentence: text, RuleName: text,
			Detail: text, EndedBy: text, Ended: time.Now(), Answered: in, Would: []trace.Would{{Sentence: text, RuleName: text}},
			Later:  []trace.Later{{Method: text, Reason: text, Sentence: text, RuleName: text}},
			CallID: "a", FarCallID: text, Refused: in, Status: 403,
		}
		var out strings.Builder
		if err := trace.Ladder(&out, policy.English, &d, []trace.Message{{In: in, Data: data, Remote: caller}, {Data: data, Remote: callee}}); err != nil {
			t.Fatal(err)
		}
		for _, r := range out.String() {
			if r != '\n' && r != ' ' && !unicode.IsPrint(r) {
				t.Fatalf("%q in\n%q", r, out.String())
			}
		}
	})
}

func TestPcap(t *testing.T) {
	at := time.Unix(1700000000, 123456789)
	six := netip.MustParseAddrPort("[2001:db8::1]:5061")
	long := bytes.Repeat([]byte("x"), 65000)
	list := []trace.Message{
		{At: at, In: true, Transport: "udp", Local: us, Remote: caller, Data: []byte("INVITE odd")},
		{At: at, Transport: "tcp", Local: us, Remote: callee, Data: long},
		{At: at, In: true, Transport: "tcp", Local: us, Remote: callee, Data: []byte("SIP/2.0 200 OK")},
		{At: at, Transport: "tls", Local: six, Remote: netip.MustParseAddrPort("[2001:db8::2]:40000"), Data: []byte("over TLS")},
		{At: at, Transport: "udp", Local: six, Remote: netip.MustParseAddrPort("[2001:db8::2]:40000"), Data: []byte("six")},
	}
	var out bytes.Buffer
	if err := trace.Pcap(&out, list); err != nil {
		t.Fatal(err)
	}
	got := readPcap(t, out.Bytes())
	want := []packet{
		{caller, us, 17, 0, "INVITE odd"},
		{us, callee, 6, 1, string(long[:60000])},
		{us, callee, 6, 60001, string(long[60000:])},
		{callee, us, 6, 1, "SIP/2.0 200 OK"},
		{netip.MustParseAddrPort("[2001:db8::1]:5060"), netip.MustParseAddrPort("[2001:db8::2]:40000"), 6, 1, "over TLS"},
		{six, netip.MustParseAddrPort("[2001:db8::2]:40000"), 17, 0, "six"},
	}
	if len(got) != len(want) {
		t.Fatalf("%d packets", len(got))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("packet %d: %.200v", i, got[i])
		}
	}
	var empty bytes.Buffer
	if err := trace.Pcap(&empty, nil); err != nil || empty.Len() != 24 {
		t.Errorf("%d bytes, %v", empty.Len(), err)
	}
}

// packet is one of a capture.
type packet struct {
	from, to netip.AddrPort
	proto    byte
	seq      uint32
	data     string
}

// readPcap reads a capture as Wireshark does, checksums included.
func readPcap(t *testing.T, b []byte) (list []packet) {
	t.Helper()
	le, be := binary.LittleEndian, binary.BigEndian
	if le.Uint32(b) != 0xa1b23c4d || le.Uint32(b[20:]) != 101 {
		t.Fatalf("header %x", b[:24])
	}
	for b = b[24:]; len(b) > 0; {
		n := le.Uint32(b[8:])
		if at := time.Unix(int64(le.Uint32(b)), int64(le.Uint32(b[4:]))); at.UnixNano() != 1700000000123456789 || le.Uint32(b[12:]) != n {
			t.Errorf("at %v, %d bytes", at, n)
		}
		ip := b[16 : 16+n]
		b = b[16+n:]
		var p packet
		var from, to netip.Addr
		var rest []byte
		sum := uint32(0)
		if ip[0]>>4 == 4 {
			if int(be.Uint16(ip[2:])) != len(ip) || folded(ip[:20], 0) != 0xffff {
				t.Errorf("IP header %x", ip[:20])
			}
			from, to, p.proto, rest = netip.AddrFrom4([4]byte(ip[12:])), netip.AddrFrom4([4]byte(ip[16:])), ip[9], ip[20:]
			sum = uint32(folded(ip[12:20], 0))
		} else {
			if int(be.Uint16(ip[4:])) != len(ip)-40 {
				t.Errorf("IP header %x", ip[:40])
			}
			from, to, p.proto, rest = netip.AddrFrom16([16]byte(ip[8:])), netip.AddrFrom16([16]byte(ip[24:])), ip[6], ip[40:]
			sum = uint32(folded(ip[8:40], 0))
		}
		if got := folded(rest, sum+uint32(p.proto)+uint32(len(rest))); got != 0xffff {
			t.Errorf("checksum %x", got)
		}
		p.from, p.to = netip.AddrPortFrom(from, be.Uint16(rest)), netip.AddrPortFrom(to, be.Uint16(rest[2:]))
		if p.proto == 17 {
			if int(be.Uint16(rest[4:])) != len(rest) {
				t.Errorf("UDP header %x", rest[:8])
			}
			p.data = string(rest[8:])
		} else {
			p.seq, p.data = be.Uint32(rest[4:]), string(rest[20:])
		}
		list = append(list, p)
	}
	return list
}

func folded(b []byte, sum uint32) uint16 {
	for i, c := range b {
		sum += uint32(c) << (8 * (1 - i%2))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
