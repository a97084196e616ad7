package panelapi

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

func overviews() []scenario {
	return []scenario{
		{"overview: calls", "blocklist:\n  - {prefix: \"00882\"}\n", callsCounted},
		{"overview: how calls sound", "rtp_bridging: true\n", soundCounted},
		{"overview: destinations", "", destinationsTold},
	}
}

// overview is what the first page shows.
type overview struct {
	Calls, Attempts, Answered, Failed, Refused, Registrations, Bans int

	Rate    float64  `json:"calls_per_second"`
	ASR     *float64 `json:"asr"`
	PDD     *float64 `json:"pdd_seconds"`
	MOS     *float64 `json:"mos"`
	Minutes []struct{ Attempts int }
	Reasons []struct {
		Reason, Sentence string
		Count            int
	}
	Top []struct {
		Customer string
		Calls    int
	}
	Destinations struct {
		Up, Down, Unknown, Off, Disabled int

		List []neighbour
	}
	Degraded []struct{ Part string }
}

// neighbour is a destination as it does.
type neighbour struct {
	Name, Customer, Status string

	LastCode int `json:"last_code"`
}

// overview asks for the customer's.
func (sc *scene) overview(as *client) (o overview) {
	sc.Helper()
	as.read("GET", fmt.Sprintf("/overview?customer=%d", sc.id), nil, &o)
	return o
}

// shows waits until the overview is as wanted.
func (sc *scene) shows(want func(*overview) bool) (o overview) {
	sc.Helper()
	harness.Eventually(sc.T, soon, func() error {
		if o = sc.overview(sc.api); !want(&o) {
			return fmt.Errorf("%+v", o)
		}
		return nil
	})
	return o
}

// callsCounted: a call that is up, its end, one that was refused and one that failed.
func callsCounted(sc *scene) {
	a, b := sc.Talk()
	o := sc.shows(func(o *overview) bool { return o.Calls == 1 && o.Answered == 1 && o.Rate > 0 }) // of seconds that are over
	if o.Attempts != 1 || o.PDD == nil || *o.PDD < 0 || *o.PDD > 5 || o.ASR == nil || *o.ASR != 1 || o.MOS != nil || len(o.Minutes) != 60 {
		sc.Errorf("a call that is up: %+v", o)
	}
	if len(o.Top) != 1 || o.Top[0].Customer != sc.Customer.Name || o.Top[0].Calls != 1 || len(o.Reasons) != 0 {
		sc.Errorf("the busiest, and why nothing was refused: %+v", o)
	}
	sc.End(a, b)
	blocked := sc.Caller.Invite(sc.number("00882123456"))
	blocked.Expect(403)
	busy := sc.Caller.Invite(sc.URI())
	c := sc.Callee.Accept("INVITE")
	c.Answer(486)
	c.Expect("ACK")
	busy.Expect(486)
	o = sc.shows(func(o *overview) bool { return o.Calls == 0 && o.Refused == 1 && o.Failed == 1 })
	if o.Attempts != 3 || o.Answered != 1 || *o.ASR < 0.333 || *o.ASR > 0.334 || len(o.Top) != 0 {
		sc.Errorf("after three: %+v", o)
	}
	if len(o.Reasons) != 1 || o.Reasons[0].Reason != "blocklist" || o.Reasons[0].Count != 1 || o.Reasons[0].Sentence == "" {
		sc.Errorf("why: %+v", o.Reasons)
	}
	own := sc.customerKey()
	if o := sc.overview(own); o.Attempts != 3 || len(o.Degraded) != 0 {
		sc.Errorf("for himself: %+v", o)
	}
	own.refused(404, "GET", "/overview?customer=999999", nil)
}

// soundCounted: a bridged call of which both sides were heard has a MOS.
func soundCounted(sc *scene) {
	near, far := sc.socket(sc.Caller), sc.socket(sc.Callee)
	a := sc.Caller.Invite(sc.URI(), sound(near))
	b := sc.Callee.Accept("INVITE")
	toFar := sc.led(b.Incoming())
	b.Answer(200, sound(far))
	toNear := sc.led(a.Expect(200))
	a.Ack()
	b.Expect("ACK")
	for i := range uint16(60) {
		sc.says(near, toNear, far, i)
		sc.says(far, toFar, near, i)
	}
	sc.End(a, b)
	o := sc.shows(func(o *overview) bool { return o.MOS != nil })
	if *o.MOS < 1 || *o.MOS > 5 || o.Answered != 1 {
		sc.Errorf("%+v", o)
	}
	harness.Eventually(sc.T, soon, func() error {
		if list := sc.api.items(sc.list("cdrs")); len(list) != 1 || list[0]["media"] == nil {
			return fmt.Errorf("the record: %v", list)
		}
		return nil
	})
}

func (sc *scene) socket(u *peer.UA) *net.UDPConn {
	sc.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(u.Addr().Addr(), 0)))
	if err != nil {
		sc.Fatal(err)
	}
	sc.Cleanup(func() { conn.Close() })
	return conn
}

// sound describes a stream at a socket.
func sound(conn *net.UDPConn) peer.Option {
	at := conn.LocalAddr().(*net.UDPAddr)
	return peer.Body("application/sdp", fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 0\r\n", at.IP, at.Port))
}

var audio = regexp.MustCompile(`(?m)^m=audio (\d+) `)

// led is where a description leads, at the node.
func (sc *scene) led(m *peer.Message) netip.AddrPort {
	sc.Helper()
	found := audio.FindStringSubmatch(m.Body)
	if found == nil {
		sc.Fatalf("no audio in\n%s", m.Bytes())
	}
	port, _ := strconv.ParseUint(found[1], 10, 16)
	return netip.AddrPortFrom(sc.Caller.Edge.Addr(), uint16(port))
}

// says sends a packet of sound, and wants it to arrive.
func (sc *scene) says(from *net.UDPConn, to netip.AddrPort, at *net.UDPConn, seq uint16) {
	sc.Helper()
	b := make([]byte, 172)
	b[0] = 0x80
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], uint32(seq)*160)
	binary.BigEndian.PutUint32(b[8:], 7)
	if _, err := from.WriteToUDPAddrPort(b, to); err != nil {
		sc.Fatal(err)
	}
	_ = at.SetReadDeadline(time.Now().Add(soon))
	if _, err := at.Read(make([]byte, 2000)); err != nil {
		sc.Fatalf("packet %d: %v", seq, err)
	}
}

// destinationsTold: one that does well, one that does not, and one that is disabled.
func destinationsTold(sc *scene) {
	ill := sc.Peer(udp())
	sc.Callee.Answering("OPTIONS", func() int { return 200 })
	ill.Answering("OPTIONS", func() int { return 503 })
	sc.Customer.Keepalive = true
	sc.Customer.Destinations = append(sc.Customer.Destinations, harness.Destination{Name: "ill", Addr: ill.Addr()})
	sc.Apply()
	o := sc.shows(func(o *overview) bool { return o.Destinations.Up == 1 && o.Destinations.Down == 1 })
	if list := o.Destinations.List; len(list) != 2 || list[0].Name != "ill" || list[0].LastCode != 503 || list[1].Name != "d1" || list[1].LastCode != 200 {
		sc.Errorf("what is wrong comes first: %+v", list)
	}
	for _, d := range sc.api.items(sc.list("destinations")) {
		if d["name"] == "ill" {
			sc.api.must("PATCH", fmt.Sprintf("/destinations/%d", id(d)), object{"disabled": true})
		}
	}
	if o := sc.overview(sc.api); o.Destinations.Disabled != 1 || o.Destinations.Down != 0 || o.Destinations.Up != 1 {
		sc.Errorf("disabled: %+v", o.Destinations)
	}
}
