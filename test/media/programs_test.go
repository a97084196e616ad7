package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

const (
	rate     = 8000
	aliceHz  = 440.0
	bobHz    = 1000.0
	talkTime = 6 // seconds until alice hangs up
)

// TestSoftphones: baresip talks to baresip, real audio both ways. Either one encrypts, or neither.
func TestSoftphones(t *testing.T) {
	for _, kernel := range []string{"off", "auto"} {
		n := node(t, harness.Settings{}, kernel, 60)
		for _, pair := range []string{"udp4-udp4", "tls4-udp4", "udp4-tls4", "tls4-tls4"} {
			t.Run(fmt.Sprintf("kernel %s/%s", kernel, pair), func(t *testing.T) {
				t.Parallel()
				v := stage.Matrix(pair)[1]
				softphones(stage.New(t, n, v, bridged))
			})
		}
	}
}

func softphones(s *stage.Stage) {
	dir := s.T.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, who := range []string{"alice", "bob"} {
		if err := os.Mkdir(file(who), 0o700); err != nil {
			s.Fatal(err)
		}
	}
	tone(s, file("alice-says.wav"), aliceHz)
	tone(s, file("bob-says.wav"), bobHz)
	secure := map[string]string{"udp": "", "tls": ";mediaenc=srtp-mand"}
	bob := &harness.Baresip{
		IP: harness.IP(s.T), Port: harness.Ports(s.T, 2), Account: "<sip:bob@" + s.Domain + ">;regint=0;answermode=auto" + secure[s.Variant.Callee.Proto],
		Plays: file("bob-says.wav"), Records: file("bob"),
	}
	bob.Start(s.T)
	port, proto := bob.Port, "udp"
	if s.Variant.Callee.Proto == "tls" {
		port, proto = port+1, "tls+srtp"
	}
	s.Customer.Destinations = []harness.Destination{{Addr: netip.AddrPortFrom(netip.MustParseAddr(bob.IP), uint16(port)), Proto: proto}}
	s.Apply()
	alice := &harness.Baresip{
		IP: harness.IP(s.T), Port: harness.Ports(s.T, 2), Seconds: talkTime, Dial: s.URI(),
		Account: fmt.Sprintf("<sip:alice@alice.invalid;transport=%s>;regint=0;outbound=\"sip:%s;transport=%s\"%s",
			s.Variant.Caller.Proto, s.Caller.Edge, s.Variant.Caller.Proto, secure[s.Variant.Caller.Proto]),
		Plays: file("alice-says.wav"), Records: file("alice"),
	}
	alice.Start(s.T)
	alice.Until(s.T, "Call established")
	alice.Until(s.T, "terminated")
	bob.Until(s.T, "terminated")
	heard(s, file("alice"), bobHz, aliceHz)
	heard(s, file("bob"), aliceHz, bobHz)
}

// tone writes a minute of a tone as a WAV file: baresip ends a call with its file.
func tone(s *stage.Stage, file string, hz float64) {
	s.Helper()
	const seconds = 60
	var b bytes.Buffer
	w := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // a Buffer takes all
	b.WriteString("RIFF")
	w(uint32(36 + seconds*rate*2))
	b.WriteString("WAVEfmt ")
	w(uint32(16))
	w([]uint16{1, 1})
	w([]uint32{rate, rate * 2})
	w([]uint16{2, 16})
	b.WriteString("data")
	w(uint32(seconds * rate * 2))
	for i := range seconds * rate {
		w(int16(12000 * math.Sin(2*math.Pi*hz*float64(i)/rate)))
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		s.Fatal(err)
	}
}

// heard wants a recording to be a tone for most of the call, and not another one.
func heard(s *stage.Stage, folder string, want, other float64) {
	s.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*-dec.wav"))
	if err != nil || len(files) != 1 {
		s.Fatalf("recordings: %v %v", files, err)
	}
	loud, good := tones(s, files[0], want, other)
	s.Logf("%s: %.2f s of sound, %.2f s of them the tone of %.0f Hz", filepath.Base(folder), float64(loud)/20, float64(good)/20, want)
	if good < 20*talkTime/2 || good < loud*9/10 {
		s.Errorf("%s: %.2f s of sound, %.2f s of them the tone of %.0f Hz", filepath.Base(folder), float64(loud)/20, float64(good)/20, want)
	}
}

// tones counts in a recording the pieces of 50 ms in which something is heard, and those in which
// it is a certain tone and not another one.
func tones(s *stage.Stage, file string, want, other float64) (loud, good int) {
	s.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		s.Fatal(err)
	}
	const head = 44
	if len(data) < head {
		return 0, 0
	}
	samples := make([]float64, (len(data)-head)/2)
	for i := range samples {
		samples[i] = float64(int16(binary.LittleEndian.Uint16(data[head+2*i:])))
	}
	return pieces(samples, want, other)
}

// pieces is what tones says, of samples.
func pieces(samples []float64, want, other float64) (loud, good int) {
	const block = rate / 20 // whole waves of both tones
	for ; len(samples) >= block; samples = samples[block:] {
		all := 0.0
		for _, x := range samples[:block] {
			all += x * x
		}
		if all/block < 1000*1000 {
			continue // not there yet
		}
		loud++
		if share := power(samples[:block], want) / all; share > 0.9 && power(samples[:block], other)/all < 0.05 {
			good++
		}
	}
	return loud, good
}

// power is what a tone has of samples, by the sums that correlate with it (Goertzel).
func power(samples []float64, hz float64) float64 {
	re, im := 0.0, 0.0
	for i, x := range samples {
		a := 2 * math.Pi * hz * float64(i) / rate
		re += x * math.Cos(a)
		im += x * math.Sin(a)
	}
	return 2 * (re*re + im*im) / float64(len(samples))
}

// TestSIPp: SIPp sends back what it hears, byte for byte.
func TestSIPp(t *testing.T) {
	scenario, err := filepath.Abs("../sipp/scenarios/basic-uas.xml")
	if err != nil {
		t.Fatal(err)
	}
	play := func(t *testing.T, n *harness.Node) {
		for _, v := range stage.One() {
			t.Run(v.String(), func(t *testing.T) {
				t.Parallel()
				s := stage.New(t, n, v, bridged)
				echo := &harness.SIPp{
					Scenario: scenario, Addr: netip.AddrPortFrom(netip.MustParseAddr(harness.IP(t)), uint16(harness.Port(t))),
					Proto: "udp", Calls: 1, Args: []string{"-rtp_echo"},
				}
				echo.Start(t)
				s.Customer.Destinations = []harness.Destination{{Addr: echo.Addr}}
				s.Apply()
				a := &side{phone: newPhone(s, s.Caller, 0xa)}
				a.call = s.Caller.Invite(s.URI(), a.sdp("m=audio PORT RTP/AVP 0 8"))
				a.call.Expect(180)
				a.told(a.call.Expect(200))
				a.call.Ack()
				tick := time.NewTicker(10 * time.Millisecond)
				defer tick.Stop()
				for i := range 300 {
					packet := a.packet(fmt.Sprintf("%160d", i))
					a.send(packet)
					a.hears(packet)
					<-tick.C
				}
				a.call.Hangup()
				echo.Wait(t)
			})
		}
	}
	paths(t, play)
}
