package bridge

import (
	"errors"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"tollgate/internal/media"
	"tollgate/internal/media/rtp"
	"tollgate/internal/media/srtp"
	"tollgate/sdp"
)

// engine notes what it is told, and gives ports from 20000 on.
type engine struct {
	ports   map[string]uint16
	parties map[string]media.Party
	off     []int
	settled int
	used    map[string]netip.Addr // where a side's ports in use are
	full    bool
}

func newEngine() *engine {
	return &engine{ports: map[string]uint16{}, parties: map[string]media.Party{}, used: map[string]netip.Addr{}}
}

func key(n int, side media.Side) string { return strconv.Itoa(n) + "/" + strconv.Itoa(int(side)) }

func (e *engine) Open(uint64, bool) (media.ID, error) { return 1, nil }
func (e *engine) Settle(media.ID)                     { e.settled++ }
func (e *engine) Shut(media.ID)                       {}

func (e *engine) Stream(id media.ID, n int, side media.Side, at media.Place) (uint16, error) {
	e.used[key(n, side)] = at.Bind
	return e.Reserve(id, n, side, at)
}

func (e *engine) Reserve(_ media.ID, n int, side media.Side, at media.Place) (uint16, error) {
	if e.full {
		return 0, media.ErrNoPorts
	}
	k := key(n, side) + " " + at.Bind.String()
	if e.ports[k] == 0 {
		e.ports[k] = uint16(20000 + 2*len(e.ports))
	}
	return e.ports[k], nil
}

func (e *engine) Party(_ media.ID, n int, side media.Side, p media.Party) {
	e.parties[key(n, side)] = p
}

func (e *engine) Said(_ media.ID, n int, side media.Side) (p media.Party, known bool) {
	p, known = e.parties[key(n, side)]
	return p, known
}

func (e *engine) Off(_ media.ID, n int)                                   { e.off = append(e.off, n) }
func (e *engine) Quality(_ media.ID, dst []media.Quality) []media.Quality { return dst }
func (e *engine) Append(dst []byte, _ media.ID) []byte                    { return append(dst, "engine"...) }

func (e *engine) Restore(data []byte, _ uint64) (media.ID, error) {
	if string(data) != "engine" {
		return 0, errors.New(string(data))
	}
	return 9, nil
}

// rig is a call between a caller at 192.0.2.1 and a callee at 10.0.0.2; we are 203.0.113.1 for
// the one and 10.0.0.1 for the other.
type rig struct {
	testing.TB
	engine  *engine
	session Session
	pass    Pass
}

func newRig(t *testing.T) *rig {
	r := &rig{TB: t, engine: newEngine()}
	r.pass = Pass{Media: r.engine, Session: 77}
	r.pass.Ends[media.Caller] = End{Place: place("203.0.113.1"), From: netip.MustParseAddr("192.0.2.1"), Outside: true}
	r.pass.Ends[media.Callee] = End{Place: place("10.0.0.1"), From: netip.MustParseAddr("10.0.0.2")}
	return r
}

func place(a string) media.Place {
	addr := netip.MustParseAddr(a)
	return media.Place{Bind: addr, Advertise: addr}
}

func text(addr string, lines ...string) string {
	return "v=0\r\no=- 5 5 IN IP4 " + addr + "\r\ns=-\r\nc=IN IP4 " + addr + "\r\nt=0 0\r\n" + strings.Join(lines, "\r\n") + "\r\n"
}

// do passes a description and gives it as the other party has it.
func (r *rig) do(from media.Side, offer bool, body string) string {
	r.Helper()
	out, err := r.try(from, offer, body)
	if err != nil {
		r.Fatalf("%v\n%s", err, body)
	}
	return out
}

func (r *rig) try(from media.Side, offer bool, body string) (string, error) {
	r.Helper()
	var d sdp.Description
	var e sdp.Edit
	if err := d.Parse([]byte(body)); err != nil {
		r.Fatal(err)
	}
	if err := r.session.Check(&d, from, r.pass.Fork, offer); err != nil {
		return "", err
	}
	e.Reset(&d)
	r.pass.From, r.pass.Offer = from, offer
	if err := r.session.Do(&r.pass, &d, &e); err != nil {
		return "", err
	}
	out, err := e.Append(nil)
	return string(out), err
}

func (r *rig) has(body string, lines ...string) {
	r.Helper()
	for _, line := range lines {
		if !strings.Contains(body, line+"\r\n") {
			r.Errorf("no %q in\n%s", line, body)
		}
	}
}

// line gives the value of the first line that begins with a text.
func (r *rig) line(body, begin string) string {
	r.Helper()
	for line := range strings.Lines(body) {
		if v, ok := strings.CutPrefix(line, begin); ok {
			return strings.TrimSpace(v)
		}
	}
	r.Fatalf("no line %q in\n%s", begin, body)
	return ""
}

const plain = "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000"

func TestEachPartyIsToldOfUs(t *testing.T) {
	r := newRig(t)
	got := r.do(media.Caller, true, text("192.0.2.1", plain))
	r.has(got, "o=- 77 1 IN IP4 10.0.0.1", "c=IN IP4 10.0.0.1", "m=audio 20002 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000")
	got = r.do(media.Callee, false, text("10.0.0.2", "m=audio 5000 RTP/AVP 0"))
	r.has(got, "o=- 77 1 IN IP4 203.0.113.1", "c=IN IP4 203.0.113.1", "m=audio 20000 RTP/AVP 0")
	caller, callee := r.engine.parties["0/0"], r.engine.parties["0/1"]
	if caller.RTP.String() != "192.0.2.1:4000" || caller.RTCP.Port() != 4001 || callee.RTP.String() != "10.0.0.2:5000" {
		t.Errorf("parties at %v %v and %v", caller.RTP, caller.RTCP, callee.RTP)
	}
	if !caller.RTPStream || !caller.Sends || !caller.Receives || callee.Payloads[1]&(1<<(101-64)) == 0 || !callee.Clocks.Event(101) || callee.Clocks.Name(0) != rtp.PCMU {
		t.Errorf("%+v\n%+v", caller, callee)
	}
}

// TestVersions: o= goes up where a party is told something else, and only there (RFC 3264 8).
func TestVersions(t *testing.T) {
	r := newRig(t)
	for _, step := range []struct {
		from  media.Side
		offer bool
		body  string
		want  string
	}{
		{media.Caller, true, text("192.0.2.1", plain), "o=- 77 1 "},
		{media.Caller, true, text("192.0.2.1", plain), "o=- 77 1 "}, // to the next destination
		{media.Callee, false, text("10.0.0.2", plain), "o=- 77 1 "}, // 183
		{media.Callee, false, text("10.0.0.2", plain), "o=- 77 1 "}, // 200
		{media.Callee, true, text("10.0.0.2", plain, "a=sendonly"), "o=- 77 2 "},
		{media.Caller, false, text("192.0.2.1", plain, "a=recvonly"), "o=- 77 2 "},
		{media.Callee, true, strings.Replace(text("10.0.0.2", plain, "a=sendonly"), "5 5", "5 6", 1), "o=- 77 2 "},
	} {
		if got := r.do(step.from, step.offer, step.body); !strings.Contains(got, step.want) {
			t.Errorf("expected %q in\n%s", step.want, got)
		}
	}
	if p := r.engine.parties["0/1"]; !p.Sends || p.Receives {
		t.Errorf("on hold, but %+v", p)
	}
}

// TestLateOffer: who writes first is the offerer, whatever the message.
func TestLateOffer(t *testing.T) {
	r := newRig(t)
	r.session.Late()
	if r.session.Answers(media.Callee) {
		t.Error("nothing was offered")
	}
	r.do(media.Callee, false, text("10.0.0.2", plain))
	if !r.session.Answers(media.Caller) {
		t.Error("the callee has offered")
	}
	r.do(media.Caller, false, text("192.0.2.1", plain))
}

func TestStreamsComeAndGo(t *testing.T) {
	r := newRig(t)
	video, fax := "m=video 6000 RTP/AVP 96", "m=image 6002 udptl t38"
	got := r.do(media.Caller, true, text("192.0.2.1", plain, video, fax, "m=message 7000 TCP/MSRP *", "m=audio 7002 UDP/TLS/RTP/SAVPF 0"))
	r.has(got, "m=video 20006 RTP/AVP 96", "m=image 20010 udptl t38", "m=message 0 TCP/MSRP *", "m=audio 0 UDP/TLS/RTP/SAVPF 0")
	if p := r.engine.parties["2/0"]; p.RTPStream || p.RTP.Port() != 6002 {
		t.Errorf("T.38: %+v", p)
	}
	got = r.do(media.Callee, false, text("10.0.0.2", plain, "m=video 0 RTP/AVP 96"))
	r.has(got, "m=video 0 RTP/AVP 96")
	if len(r.engine.off) > 0 {
		t.Errorf("off before it is settled who answers: %v", r.engine.off)
	}
	r.session.Settle(&r.pass)
	if !reflect.DeepEqual(r.engine.off, []int{1, 2, 3, 4}) {
		t.Errorf("off: %v", r.engine.off)
	}
	if _, err := r.try(media.Caller, true, text("192.0.2.1", strings.Repeat(video+"\r\n", 9)+plain)); !errors.Is(err, ErrStreams) {
		t.Errorf("10 streams: %v", err)
	}
	r = newRig(t)
	r.engine.full = true
	if _, err := r.try(media.Caller, true, text("192.0.2.1", plain)); !errors.Is(err, ErrNoPorts) {
		t.Errorf("no ports: %v", err)
	}
}

// TestForks: two phones in two networks ring at once, each told of us in its own as if there were
// no other. What the one does not take the other may.
func TestForks(t *testing.T) {
	r := newRig(t)
	video := "m=video 6000 RTP/AVP 96"
	inside := r.pass.Ends[media.Callee]
	outside := End{Place: place("203.0.113.2"), From: netip.MustParseAddr("192.0.2.9"), Outside: true}
	r.pass.First = true
	for _, end := range []End{inside, outside} {
		r.pass.Ends[media.Callee] = end
		r.has(r.do(media.Caller, true, text("192.0.2.1", plain, video)), "o=- 77 1 IN IP4 "+end.Place.Bind.String(), "c=IN IP4 "+end.Place.Bind.String())
	}
	r.pass.First = false
	r.has(r.do(media.Callee, false, text("192.0.2.9", "m=audio 5000 RTP/AVP 0")), "m=audio 20000 RTP/AVP 0")
	if p := r.engine.parties["1/1"]; p.RTP.IsValid() || p.Sends {
		t.Errorf("no video was taken, but %+v", p)
	}
	r.pass.Ends[media.Callee] = inside
	r.has(r.do(media.Callee, false, text("10.0.0.2", "m=audio 0 RTP/AVP 0", "m=video 5002 RTP/AVP 96")), "m=audio 0 RTP/AVP 0", "m=video 20004 RTP/AVP 96")
	if p := r.engine.parties["1/1"]; p.RTP.String() != "10.0.0.2:5002" {
		t.Errorf("video goes to %v", p.RTP)
	}
	r.session.Settle(&r.pass)
	if !reflect.DeepEqual(r.engine.off, []int{0}) || r.engine.settled != 1 {
		t.Errorf("off: %v, settled %d times", r.engine.off, r.engine.settled)
	}
}

// TestBelieved: where media is sent when a party names an address that it cannot mean.
func TestBelieved(t *testing.T) {
	for _, test := range []struct {
		side           media.Side
		forced         bool
		from, says, to string
	}{
		{media.Caller, false, "192.0.2.1", "198.51.100.9", "198.51.100.9"},
		{media.Caller, false, "192.0.2.1", "192.168.1.5", "192.0.2.1"}, // behind NAT
		{media.Caller, false, "192.0.2.1", "127.0.0.1", "192.0.2.1"},
		{media.Callee, false, "192.0.2.1", "10.9.9.9", "10.9.9.9"}, // a PBX with media of its own
		{media.Callee, false, "10.0.0.2", "127.0.0.1", "10.0.0.2"},
		{media.Callee, false, "10.0.0.2", "169.254.1.1", "10.0.0.2"},
		{media.Callee, false, "127.0.0.2", "127.0.0.3", "127.0.0.3"},
		{media.Callee, true, "10.0.0.2", "198.51.100.9", "10.0.0.2"},
		{media.Caller, false, "192.0.2.1", "2001:db8::1", "192.0.2.1"}, // we have no IPv6 for it
		{media.Callee, false, "10.0.0.2", "2001:db8::1", "10.0.0.2"},
	} {
		r := newRig(t)
		end := &r.pass.Ends[test.side]
		end.From, end.Forced = netip.MustParseAddr(test.from), test.forced
		said := text(test.says, plain)
		if strings.Contains(test.says, ":") {
			said = strings.ReplaceAll(said, "IP4", "IP6")
		}
		r.do(test.side, true, said)
		if got := r.engine.parties[key(0, test.side)]; got.RTP.Addr().String() != test.to || got.RTCP.Addr() != got.RTP.Addr() {
			t.Errorf("%+v: %v, %v", test, got.RTP, got.RTCP)
		}
	}
	r := newRig(t)
	r.do(media.Caller, true, strings.Replace(text("192.0.2.1", plain), "c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0", 1))
	if p := r.engine.parties["0/0"]; p.RTP.IsValid() {
		t.Errorf("held by 0.0.0.0, but media goes to %v", p.RTP)
	}
}

// crypto is a line with a fresh key.
func crypto(tag int, s srtp.Suite) (string, srtp.Key) {
	k := srtp.NewKey(s)
	return "a=crypto:" + string(k.AppendCrypto(nil, tag)), k
}

// TestEncryptedCaller: SRTP outside, plain inside, and after a re-INVITE with the same key.
func TestEncryptedCaller(t *testing.T) {
	r := newRig(t)
	unknown := "a=crypto:1 AES_999 inline:d29ybGQ="
	line, theirs := crypto(7, srtp.AEADAES256GCM)
	offer := text("192.0.2.1", "m=audio 4000 RTP/SAVP 0", unknown, line)
	got := r.do(media.Caller, true, offer)
	r.has(got, "m=audio 20002 RTP/AVP 0")
	if strings.Contains(got, "crypto") {
		t.Errorf("keys went on:\n%s", got)
	}
	got = r.do(media.Callee, false, text("10.0.0.2", plain))
	tag, ours, err := srtp.ParseCrypto([]byte(r.line(got, "a=crypto:")))
	p := r.engine.parties["0/0"]
	if err != nil || tag != 7 || ours.Suite != srtp.AEADAES256GCM || p.In != theirs || p.Out != ours || !strings.Contains(got, "RTP/SAVP 0") {
		t.Errorf("%v, tag %d, in %v, out %v\n%s", err, tag, p.In == theirs, p.Out == ours, got)
	}
	r.do(media.Caller, true, offer)
	again := r.do(media.Callee, false, text("10.0.0.2", plain))
	if r.line(again, "a=crypto:") != r.line(got, "a=crypto:") {
		t.Error("another key, although nothing has changed")
	}
	if _, err := r.try(media.Caller, true, text("192.0.2.1", "m=audio 4000 RTP/SAVP 0", unknown)); !errors.Is(err, ErrNoSuite) {
		t.Errorf("no suite that we have: %v", err)
	}
}

// TestEncryptedCallee: plain outside, SRTP inside; what is answered must have been offered.
func TestEncryptedCallee(t *testing.T) {
	r := newRig(t)
	r.pass.Ends[media.Callee].Encrypted = true
	got := r.do(media.Caller, true, text("192.0.2.1", plain))
	if n := strings.Count(got, "a=crypto:"); n != len(suites) || !strings.Contains(got, "RTP/SAVP 0 101") {
		t.Fatalf("%d lines\n%s", n, got)
	}
	for _, bad := range []string{
		text("10.0.0.2", plain),
		text("10.0.0.2", "m=audio 5000 RTP/SAVP 0"),
		text("10.0.0.2", "m=audio 5000 RTP/SAVP 0", first(crypto(2, srtp.AESCM128HMACSHA180))),
	} {
		if out, err := r.try(media.Callee, false, bad); err == nil {
			t.Errorf("taken:\n%s", out)
		}
	}
	line, theirs := crypto(2, srtp.AES256CMHMACSHA180)
	answer := text("10.0.0.2", "m=audio 5000 RTP/SAVP 0", line)
	r.has(r.do(media.Callee, false, answer), "m=audio 20000 RTP/AVP 0")
	was := r.engine.parties["0/1"]
	if was.In != theirs || was.Out.Suite != srtp.AES256CMHMACSHA180 || was.Out == theirs {
		t.Errorf("in %v, out %v", was.In == theirs, was.Out.Suite)
	}
	// Within the call one suite is offered, with the key in use; the callee's own offer has his.
	got = r.do(media.Caller, true, text("192.0.2.1", plain, "a=inactive"))
	if n := strings.Count(got, "a=crypto:"); n != 1 {
		t.Errorf("%d lines within the call", n)
	}
	line = "a=crypto:" + string(theirs.AppendCrypto(nil, 1))
	r.do(media.Callee, false, text("10.0.0.2", "m=audio 5000 RTP/SAVP 0", line, "a=inactive"))
	if now := r.engine.parties["0/1"]; now.In != was.In || now.Out != was.Out {
		t.Error("the keys have changed within the call")
	}
}

func first(line string, _ srtp.Key) string { return line }

// TestMoves: an offer within a call has ports opened in another network, and media stays where it is until
// that is answered. Refused, they are given back.
func TestMoves(t *testing.T) {
	r := newRig(t)
	r.do(media.Caller, true, text("192.0.2.1", plain))
	r.do(media.Callee, false, text("10.0.0.2", plain))
	r.do(media.Caller, true, text("192.0.2.1", plain))
	r.session.Withdraw(r.engine)
	if r.engine.settled != 0 {
		t.Error("ports are given back before it is settled who answers")
	}
	r.session.Settle(&r.pass)
	before := r.pass.Ends[media.Caller].Place
	for _, way := range []string{"refused", "answered"} {
		r.pass.Ends[media.Caller].Place = place("10.0.0.1")
		r.do(media.Caller, true, text("10.0.0.7", plain))
		if at, p := r.engine.used["0/0"], r.engine.parties["0/0"]; at != before.Bind || p.RTP.Addr().String() != "192.0.2.1" {
			t.Errorf("%s: not answered, and media is at %s with %s", way, at, p.RTP)
		}
		settled := r.engine.settled
		if way == "answered" {
			r.has(r.do(media.Callee, false, text("10.0.0.2", plain)), "c=IN IP4 10.0.0.1", "m=audio 20004 RTP/AVP 0 101")
			before = r.pass.Ends[media.Caller].Place
		} else {
			r.session.Withdraw(r.engine)
			r.session.Withdraw(r.engine)
		}
		if at := r.engine.used["0/0"]; at != before.Bind || r.engine.settled != settled+1 {
			t.Errorf("%s: media is at %s, settled %d times", way, at, r.engine.settled-settled)
		}
	}
}

func TestKeptOverARestart(t *testing.T) {
	r := newRig(t)
	line, _ := crypto(1, srtp.AESCM128HMACSHA180)
	r.do(media.Caller, true, text("192.0.2.1", "m=audio 4000 RTP/SAVP 0", line))
	r.do(media.Callee, false, text("10.0.0.2", plain))
	r.session.Settle(&r.pass)
	data := r.session.Append(nil, r.engine)
	var back Session
	if err := back.Restore(r.engine, data, 1); err != nil {
		t.Fatal(err)
	}
	want := r.session
	want.id = 9
	for i := range want.streams { // what the next description says again
		st := &want.streams[i]
		st.plays, st.clocks = back.streams[i].plays, back.streams[i].clocks
	}
	if !reflect.DeepEqual(back, want) {
		t.Errorf("back as\n%+v, was\n%+v", back.told, want.told)
	}
	for n := range data {
		if err := new(Session).Restore(r.engine, data[:n], 1); n > 0 && err == nil {
			t.Errorf("taken with %d of %d bytes", n, len(data))
		}
	}
}

// FuzzDo passes two descriptions, offer and answer or whatever they are, from each side: there is
// no panic, and whatever goes on names us alone and can be read.
func FuzzDo(f *testing.F) {
	line, _ := crypto(1, srtp.AESCM128HMACSHA180)
	secure := text("192.0.2.1", "m=audio 4000 RTP/SAVP 0", line)
	f.Add(text("192.0.2.1", plain), text("10.0.0.2", plain), uint8(0))
	f.Add(secure, text("10.0.0.2", "m=audio 5000 RTP/AVP 0"), uint8(3))
	f.Add(text("192.0.2.1", plain, "m=image 6002 udptl t38"), secure, uint8(9))
	f.Fuzz(func(t *testing.T, one, two string, how uint8) {
		r := newRig(t)
		r.pass.Ends[media.Callee].Encrypted = how&1 != 0
		r.pass.First = how&2 != 0
		for i, body := range []string{one, two, one, two} {
			var d sdp.Description
			var e sdp.Edit
			from, offer := media.Side(i&1), i&1 == 0 || how&4 != 0
			if d.Parse([]byte(body)) != nil || r.session.Check(&d, from, r.pass.Fork, offer) != nil {
				continue
			}
			e.Reset(&d)
			r.pass.From, r.pass.Offer = from, offer
			if how&16 != 0 {
				r.pass.Fork = uint8(i / 2)
			}
			if r.session.Do(&r.pass, &d, &e) != nil {
				continue
			}
			out, err := e.Append(nil)
			if err != nil {
				continue
			}
			r.clean(out, r.pass.Ends[1-from].Place.Advertise)
			if how&8 != 0 {
				r.session.Settle(&r.pass)
			}
		}
	})
}

// clean wants a description to lead each stream that is on to us.
func (r *rig) clean(out []byte, at netip.Addr) {
	r.Helper()
	var d sdp.Description
	if err := d.Parse(out); err != nil {
		r.Fatalf("%v\n%q", err, out)
	}
	var t sdp.Transport
	for i := range d.Media() {
		switch err := d.Transport(&d.Media()[i], &t); {
		case err != nil:
			r.Errorf("%v\n%q", err, out)
		case t.Port != 0 && (t.Port < 20000 || t.Addr != at && !t.Addr.IsUnspecified()):
			r.Errorf("a stream leads to %s port %d\n%q", t.Addr, t.Port, out)
		}
	}
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte{recordVersion, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var s Session
		if s.Restore(newEngine(), data, 1) == nil && len(s.streams) > MaxStreams {
			t.Error(len(s.streams))
		}
	})
}
