package sdp_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tollgate/sdp"
)

// face is how the streams of a golden file are bridged: in order to ports 30000, 30002...
type face struct {
	addr   string // "" = 198.51.100.7
	rtcp   uint16 // a=rtcp: this much over the port
	mux    bool
	crypto []string
	barred []string // codecs that are taken out before it
}

var (
	twoKeys = []string{"1 AES_CM_128_HMAC_SHA1_80 inline:b3Vycw==", "2 AES_CM_128_HMAC_SHA1_32 inline:b3Vycy10b28="}
	bridges = map[string]face{
		"audio":         {},
		"bare-lf":       {crypto: twoKeys},
		"barred":        {barred: []string{"G729", "PCMA"}, crypto: twoKeys[:1]},
		"capabilities":  {},
		"fax":           {},
		"held-inactive": {},
		"held-sendonly": {},
		"held-stream":   {},
		"held-zero":     {addr: "2001:db8:f::7"},
		"ice":           {},
		"ip4-to-ip6":    {addr: "2001:db8:f::7"},
		"ip6":           {},
		"keys":          {mux: true, rtcp: 1},
		"mux-added":     {mux: true},
		"mux-kept":      {mux: true},
		"mux-removed":   {},
		"no-origin":     {rtcp: 5},
		"no-session-c":  {crypto: twoKeys},
		"opportunistic": {},
		"plain-to-srtp": {crypto: twoKeys},
		"refused":       {mux: true, rtcp: 1, crypto: twoKeys},
		"rtcp-address":  {rtcp: 9},
		"rtcp-port":     {},
		"several-c":     {},
		"srtp-to-plain": {},
		"srtp-to-srtp":  {crypto: twoKeys},
		"tcp":           {rtcp: 1},
		"unknown":       {},
		"video":         {rtcp: 1, mux: true},
		"webrtc":        {},
	}
)

// TestBridge compares what the other side is told with golden files.
func TestBridge(t *testing.T) {
	for name, f := range bridges {
		path := filepath.Join("testdata", name+".sdp")
		given, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var d sdp.Description
		if err := d.Parse(given); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var e sdp.Edit
		e.Reset(&d)
		if err := f.bridge(&d, &e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got, err := e.Append(nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		golden(t, path+".bridged", got)
		if err := d.Parse(got); err != nil {
			t.Errorf("%s: %v in\n%s", name, err, got)
		}
	}
}

// bridge edits a description as a relay does: what it cannot carry is off.
func (f face) bridge(d *sdp.Description, e *sdp.Edit) (fault error) {
	addr := netip.MustParseAddr("198.51.100.7")
	if f.addr != "" {
		addr = netip.MustParseAddr(f.addr)
	}
	e.Bar(f.barred)
	e.Origin(77, 3, addr)
	e.Connection(addr)
	e.WithoutICE()
	var t sdp.Transport
	for i := range d.Media() {
		m := &d.Media()[i]
		if err := d.Transport(m, &t); err != nil {
			fault = err
		}
		to := sdp.Face{Addr: addr, Port: 30000 + 2*uint16(i), Profile: t.Profile.Plain()}
		if t.Profile.RTP() {
			if to.Mux = f.mux; f.rtcp > 0 {
				to.RTCP = to.Port + f.rtcp
			}
			for _, value := range f.crypto {
				to.Profile = t.Profile.Secure()
				to.Crypto = append(to.Crypto, []byte(value))
			}
		}
		if t.Profile == sdp.Other || t.Profile == sdp.DTLS {
			e.Off(m)
		}
		e.Bridge(m, to)
	}
	return fault
}

// TestOff shows that off stays off, in whatever order it comes.
func TestOff(t *testing.T) {
	const given = session + "m=audio 4000/2 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\nm=audio 4002 RTP/AVP 8\r\n"
	steps := map[byte]func(*sdp.Edit, *sdp.Description){
		'o': func(e *sdp.Edit, d *sdp.Description) { e.Off(&d.Media()[0]) },
		'c': func(e *sdp.Edit, _ *sdp.Description) { e.Bar([]string{"PCMU", "PCMA/8000"}) },
		'b': func(e *sdp.Edit, d *sdp.Description) {
			f := sdp.Face{Addr: netip.MustParseAddr("192.0.2.1"), Port: 30000, Profile: sdp.SAVP, Crypto: [][]byte{[]byte("1 x")}}
			e.Bridge(&d.Media()[0], f)
		},
	}
	for _, order := range []string{"o", "ob", "bo", "cb", "bc", "obc", "cob", "boc", "bco", "oob", "boo"} {
		var d sdp.Description
		if err := d.Parse([]byte(given)); err != nil {
			t.Fatal(err)
		}
		var e sdp.Edit
		e.Reset(&d)
		for i := range len(order) {
			steps[order[i]](&e, &d)
		}
		got, err := e.Append(nil)
		proto := "RTP/AVP"
		if strings.Contains(order, "b") {
			proto = "RTP/SAVP"
		}
		if err != nil || !strings.Contains(string(got), "\r\nm=audio 0 "+proto+" 0 8\r\n") {
			t.Errorf("%s: %v in\n%s", order, err, got)
		}
		again, err := e.Append(nil)
		if err != nil || !slices.Equal(again, got) {
			t.Errorf("%s: a second time: %v in\n%s", order, err, again)
		}
	}
}

// TestConnectionUnsaid shows that a stream gets its own c= where the session's was left.
func TestConnectionUnsaid(t *testing.T) {
	var d sdp.Description
	if err := d.Parse([]byte(session + "m=audio 4000 RTP/AVP 0\r\n")); err != nil {
		t.Fatal(err)
	}
	var e sdp.Edit
	e.Reset(&d)
	e.Bridge(&d.Media()[0], sdp.Face{Addr: netip.MustParseAddr("::ffff:198.51.100.7"), Port: 65535})
	got, err := e.Append(nil)
	if want := session + "m=audio 65535 RTP/AVP 0\r\nc=IN IP4 198.51.100.7\r\n"; err != nil || string(got) != want {
		t.Errorf("%v in\n%s", err, got)
	}
}

// TestHash shows that a version is no change, and all else is.
func TestHash(t *testing.T) {
	hash := func(body string) uint64 {
		var d sdp.Description
		if err := d.Parse([]byte(body)); err != nil {
			t.Fatal(err)
		}
		return d.Hash()
	}
	const stream = "m=audio 4000 RTP/AVP 0\r\n"
	was := hash(session + stream)
	if hash(strings.Replace(session, "o=- 7 9", "o=x 8 10", 1)+stream) != was {
		t.Error("o= changed it")
	}
	if hash(strings.Replace(session, "o=- 7 9 IN IP4 192.0.2.1\r\n", "", 1)+stream) != was {
		t.Error("no o= changed it")
	}
	for _, other := range []string{session, session + stream + "a=sendonly\r\n", strings.Replace(session, "192.0.2.1/", "192.0.2.2/", 1) + stream, session + stream + "o=x\r\n"} {
		if hash(other) == was {
			t.Errorf("the same for\n%s", other)
		}
	}
}
