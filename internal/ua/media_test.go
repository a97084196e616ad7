package ua

import (
	"math"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// linear decodes u-law (ITU-T G.711).
func linear(u byte) int {
	u = ^u
	v := (int(u&0x0f)<<3+132)<<(u>>4&7) - 132
	if u&0x80 != 0 {
		return -v
	}
	return v
}

func TestULaw(t *testing.T) {
	for sample, want := range map[int]byte{0: 0xff, 32767: 0x80, -32768: 0x00, 1000: 0xce, -1000: 0x4e} {
		if got := ulaw(sample); got != want {
			t.Errorf("%d is %#x, want %#x", sample, got, want)
		}
	}
	for u := range 256 {
		if got := ulaw(linear(byte(u))); got != byte(u) && u != 0x7f { // 0x7f is minus zero
			t.Errorf("%#x comes back as %#x", u, got)
		}
	}
}

// TestTone: it is 425 Hz and goes on smoothly.
func TestTone(t *testing.T) {
	frames := tone()
	crossings, last := 0, 0
	for i := range 8000 {
		v := linear(frames[i/frameSamples%2][i%frameSamples])
		if last < 0 && v >= 0 {
			crossings++
		}
		if i > 0 && math.Abs(float64(v-last)) > 3500 {
			t.Fatalf("a click at sample %d: %d to %d", i, last, v)
		}
		last = v
	}
	if crossings < toneHertz-1 || crossings > toneHertz {
		t.Errorf("%d Hz", crossings)
	}
}

// TestEchoLoop: two echoes that talk to each other stay within bounds.
func TestEchoLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		var ends [2]*media
		for i := range ends {
			m, err := newMedia(n.listen, pbxAddr.Addr(), playEcho)
			if err != nil {
				t.Fatal(err)
			}
			defer m.close()
			ends[i] = m
		}
		for i := range ends {
			ends[i].sendTo(ends[1-i].local)
			ends[i].start()
		}
		from, _ := n.listen(callerAddr)
		defer from.Close()
		_, _ = from.WriteToUDPAddrPort([]byte("not RTP at all"), ends[0].local)
		_, _ = from.WriteToUDPAddrPort(append([]byte{0x80}, make([]byte, 20)...), ends[0].local)
		timer := time.NewTimer(time.Second)
		<-timer.C
		if sent := ends[0].seen().Sent; sent == 0 || sent > maxEcho {
			t.Errorf("%d packets", sent)
		}
	})
}

func TestParseDescription(t *testing.T) {
	const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
	for _, c := range []struct {
		name, body string
		ok         bool
		chosen     int
		rtp        string
		send, recv bool
	}{
		{"plain", head + "c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n", true, 0, "192.0.2.1:4000", true, true},
		{"bare LF", "v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n", true, 0, "192.0.2.1:4000", true, true},
		{"stream's own", head + "c=IN IP4 192.0.2.1\r\na=sendonly\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\na=recvonly\r\n", true, 0, "[2001:db8::1]:4000", false, true},
		{"second stream", head + "c=IN IP4 192.0.2.1\r\nm=video 4000 RTP/AVP 0\r\na=inactive\r\nm=audio 0 RTP/AVP 0\r\nm=audio 6000 RTP/AVP 96 0\r\nm=audio 7000 RTP/AVP 0\r\na=inactive\r\n", true, 2, "192.0.2.1:6000", true, true},
		{"no u-law", head + "c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8 96\r\n", true, -1, "", true, true},
		{"no audio", head + "m=image 4000 udptl t38\r\n", true, -1, "", true, true},
		{"bad port", head + "m=audio 99999 RTP/AVP 0\r\n", true, -1, "", true, true},
		{"no stream", head, false, 0, "", false, false},
		{"empty", "", false, 0, "", false, false},
		{"no description", "hello", false, 0, "", false, false},
		{"no version", "o=- 1 1 IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n", false, 0, "", false, false},
		{"many streams", head + strings.Repeat("m=audio 4000 RTP/AVP 8\r\n", 17), false, 0, "", false, false},
	} {
		d, ok := parseDescription([]byte(c.body))
		if ok != c.ok {
			t.Errorf("%s: %v", c.name, ok)
		}
		if !ok || !c.ok {
			continue
		}
		if d.chosen != c.chosen || d.chosen >= 0 && d.rtp.String() != c.rtp || d.send != c.send || d.recv != c.recv {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
}

func TestUsable(t *testing.T) {
	for rtp, want := range map[string]bool{
		"192.0.2.1:4000": true, "[2001:db8::1]:4000": true,
		"0.0.0.0:4000": false, "[::]:4000": false, "224.0.0.1:4000": false, "[ff02::1]:4000": false, "192.0.2.1:0": false,
	} {
		d := description{rtp: netip.MustParseAddrPort(rtp), recv: true}
		if d.usable() != want {
			t.Errorf("%s: %v", rtp, !want)
		}
	}
}

// TestAnswerRefusesStreams: each stream of the offer has its line in the answer.
func TestAnswerRefusesStreams(t *testing.T) {
	m := &message{}
	body := "v=0\r\nc=IN IP4 192.0.2.1\r\nt=1 2\r\nm=video 4000 RTP/AVP 99\r\nm=audio 5000 RTP/AVP 0\r\nm=x\x1b\r\n"
	wire := "INVITE sip:a@b SIP/2.0\r\nContent-Type: application/SDP;charset=x\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body
	if err := m.Parse([]byte(wire)); err != nil {
		t.Fatal(err)
	}
	s := newSession(&media{local: pbxAddr})
	got, status := s.answer(m)
	want := "t=1 2\r\nm=video 0 RTP/AVP 99\r\nm=audio 5060 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\nm=audio 0 RTP/AVP 0\r\n"
	if status != 0 || !strings.HasSuffix(string(got), want) {
		t.Errorf("%d\n%s", status, got)
	}
}

func FuzzParseDescription(f *testing.F) {
	f.Add("v=0\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na=sendonly\r\n")
	f.Add("v=0\nm=audio 1 RTP/AVP 0\nc=IN IP6 ::1\n")
	f.Fuzz(func(t *testing.T, body string) {
		d, ok := parseDescription([]byte(body))
		if !ok || d.chosen < 0 {
			return
		}
		s := newSession(&media{local: pbxAddr})
		streams := make([]string, len(d.streams))
		for i, v := range d.streams {
			streams[i] = declined(v)
		}
		streams[d.chosen] = s.stream()
		answer := s.write(d.timing, streams, direction(d.recv, d.send))
		again, ok := parseDescription(answer)
		if !ok || len(again.streams) != len(d.streams) || again.chosen != d.chosen {
			t.Errorf("answer to\n%q is\n%q", body, answer)
		}
	})
}
