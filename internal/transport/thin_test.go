package transport

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/internal/overload"
)

// TestThinProgram: the kernel keeps a hog's INVITEs away and nothing else, where none of them is let through by chance.
func TestThinProgram(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	caller, err := net.DialUDP("udp4", nil, conn.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	long := strings.Repeat("long.", 13) + "example"
	hogs := []hog{hogAt("flooded.example"), hogAt("192.0.2.1:5060"), hogAt(long[:maxThinHost])}
	hogs[2].cut = true
	numbers := []string{"113", "118", "0800112112", strings.Repeat("1", maxThinNumber), "+39118", "5", "6", "7"}
	if len(numbers) != maxSpare {
		t.Errorf("try %d numbers", maxSpare)
	}
	hogs[0].spare = numbers
	hogs[1].source = caller.LocalAddr().(*net.UDPAddr).AddrPort()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		th := thinning{fd: int(fd), hogs: hogs}
		th.attach()
	}); err != nil {
		t.Fatal(err)
	}
	var want []string
	send := func(passes bool, line string) {
		if passes {
			want = append(want, line)
		}
		if _, err := fmt.Fprintf(caller, "%s SIP/2.0\r\nMax-Forwards: 70\r\nSubject: %s\r\n\r\n", line, strings.Repeat("x", 80)); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range numbers {
		send(true, "INVITE sip:"+n+"@flooded.example")
		send(true, "INVITE sip:"+n+"@flooded.example;user=phone")
		send(false, "INVITE sip:1"+n+"@flooded.example")
		send(n[0] == '1' && len(n) == maxThinNumber, "INVITE sip:"+n[1:]+"1@flooded.example")
		send(false, "INVITE sip:"+n+"@192.0.2.1:5060")
	}
	send(false, "INVITE sip:1000@flooded.example")
	send(false, "INVITE sip:1000@flooded.example;user=phone")
	send(true, "INVITE sip:1000@flooded.example.net")
	send(true, "INVITE sip:1000@flooded.exampl")
	send(true, "INVITE sip:flooded.example")
	send(true, "BYE sip:1000@flooded.example")
	send(true, "INVITE sip:1000@192.0.2.1")
	send(false, "INVITE sip:1000@"+long)
	send(false, "INVITE sip:1000@"+long[:maxThinHost])
	send(true, "INVITE sip:1000@"+long[1:])
	send(true, "OPTIONS sip:last@flooded.example")
	var got []string
	for buf := make([]byte, 1500); len(got) == 0 || got[len(got)-1] != want[len(want)-1]; {
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(buf[:n]), " SIP/2.0")
		got = append(got, line)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestSpare: whoever is flooded says what his emergency calls look like; what no program can tell is left out.
func TestSpare(t *testing.T) {
	long := strings.Repeat("1", maxThinNumber+1)
	th := thinning{fd: -1, emergency: func(_ Flow, l *overload.Look) []string {
		if string(l.URI) != "sip:x@flooded.example" || string(l.Host) != "flooded.example" {
			t.Errorf("asked of %q, host %q", l.URI, l.Host)
		}
		return append([]string{"118", long}, strings.Split("123456789", "")...)
	}}
	h := hogAt("flooded.example")
	if got := strings.Join(th.spareOf(&h), " "); got != "118 1 2 3 4 5 6 7" {
		t.Errorf("let through: %s", got)
	}
	h.cut = true
	if got := th.spareOf(&h); got != nil {
		t.Errorf("of a host that is not known in full: %v", got)
	}
}

// TestSpareChanges: emergency numbers that are changed while a flood is thinned hold from the next window on.
func TestSpareChanges(t *testing.T) {
	number := "118"
	th := thinning{fd: -1, emergency: func(Flow, *overload.Look) []string { return []string{number} }}
	now := time.Unix(1, 0)
	for _, number = range []string{"118", "4711"} {
		for range hogDrops + 1 {
			th.note(&overload.Rank{Class: overload.Invite, Share: 7, ByHost: true}, &overload.Look{Method: overload.INVITE, Host: []byte("flooded.example")}, &Flow{}, false)
		}
		now = now.Add(window)
		th.turn(now)
		if got := strings.Join(th.hogs[0].spare, " "); got != number {
			t.Errorf("let through: %s, want %s", got, number)
		}
	}
}

// hogAt is one of which nothing is let through.
func hogAt(host string) (h hog) {
	h.length = uint8(copy(h.host[:], host))
	return h
}

// TestMildThinningEnds: a flood of which most is let through is over as soon as nothing had to be dropped, as a heavy one is.
func TestMildThinningEnds(t *testing.T) {
	for _, keep := range []float64{0.5, 0.7, 0.72, 0.85, 0.99} {
		th := thinning{fd: -1, hogs: []hog{{share: 7, keep: keep}}}
		now := time.Unix(1, 0)
		th.turn(now)
		if th.turn(now.Add(window)) {
			t.Errorf("after a window without a drop %.2f of a share is let through, of which it was %.2f", th.hogs[0].keep, keep)
		}
	}
}

// TestThinningEnds: a second after the last request that had to be dropped nothing is thinned any more, however
// often or seldom the reader gets to look.
func TestThinningEnds(t *testing.T) {
	for _, every := range []time.Duration{window, 300 * time.Millisecond, time.Second} {
		th := thinning{fd: -1}
		now := time.Unix(1, 0)
		th.turn(now)
		rank := overload.Rank{Class: overload.Invite, Share: 7, ByHost: true}
		look := overload.Look{Method: overload.INVITE, Host: []byte("flooded.example")}
		for range 20 {
			for i := range 50_000 {
				th.note(&rank, &look, &Flow{}, i < 20)
			}
			now = now.Add(window)
			th.turn(now)
		}
		if len(th.hogs) != 1 || th.hogs[0].keep > 0.01 {
			t.Fatalf("the flood is not thinned: %+v", th.hogs)
		}
		for over := now; len(th.hogs) > 0; th.turn(now) {
			if now = now.Add(every); now.Sub(over) > 1600*time.Millisecond {
				t.Errorf("looked at every %v: %v after the flood one of %.0f is let through", every, now.Sub(over), 1/th.hogs[0].keep)
				break
			}
		}
	}
}
