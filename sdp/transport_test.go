package sdp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tollgate/sdp"
)

// said is a Transport in words.
func said(d *sdp.Description, t *sdp.Transport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v:%d %d", t.Profile, t.Addr, t.Port, t.RTCP)
	if t.RTCPAddr.IsValid() {
		fmt.Fprintf(&b, " at %v", t.RTCPAddr)
	}
	if t.Mux {
		b.WriteString(" mux")
	}
	if t.Direction != sdp.SendRecv {
		fmt.Fprintf(&b, " %v", t.Direction)
	}
	for _, s := range t.Crypto {
		fmt.Fprintf(&b, " [%s]", d.Slice(s))
	}
	if t.Audio {
		b.WriteString(" audio")
	}
	return b.String()
}

// TestTransport reads the first stream of a session at 192.0.2.1.
func TestTransport(t *testing.T) {
	var tr sdp.Transport // used again and again
	for _, c := range []struct{ name, given, want string }{
		{"plain", "m=audio 4000 RTP/AVP 0\r\n", "RTP/AVP 192.0.2.1:4000 4001 audio"},
		{"its own c=", "m=video 4000 RTP/AVPF 96\r\nc=IN IP6 2001:db8::1\r\n", "RTP/AVPF 2001:db8::1:4000 4001"},
		{"names in any case", "m=Audio 4000 rtp/savp 0\r\nc=in ip4 192.0.2.2\r\n", "RTP/SAVP 192.0.2.2:4000 4001 audio"},
		{"the highest port", "m=audio 65535 RTP/AVP 0\r\n", "RTP/AVP 192.0.2.1:65535 0 audio"},
		{"RTCP elsewhere", "m=audio 4000 RTP/AVP 0\r\na=rtcp:53020\r\n", "RTP/AVP 192.0.2.1:4000 53020 audio"},
		{"RTCP at another host", "m=audio 4000 RTP/AVP 0\r\na=rtcp:53020 IN IP4 192.0.2.2\r\n", "RTP/AVP 192.0.2.1:4000 53020 at 192.0.2.2 audio"},
		{"RTCP at the same", "m=audio 4000 RTP/AVP 0\r\na=rtcp:53020 IN IP4 192.0.2.1\r\na=rtcp-mux\r\n", "RTP/AVP 192.0.2.1:4000 53020 mux audio"},
		{"another attribute's name", "m=audio 4000 RTP/AVP 0\r\na=rtcp-mux-only\r\na=rtcp-fb:* nack\r\na=Crypto:1\r\n", "RTP/AVP 192.0.2.1:4000 4001 audio"},
		{"keys", "m=audio 4000 RTP/SAVPF 0\r\na=crypto:1 A inline:x\r\na=x\r\na=crypto:2 B inline:y \r\n", "RTP/SAVPF 192.0.2.1:4000 4001 [1 A inline:x] [2 B inline:y ] audio"},
		{"keys of the next stream", "m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/SAVP 0\r\na=crypto:1 A inline:x\r\n", "RTP/AVP 192.0.2.1:4000 4001 audio"},
		{"held", "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n", "RTP/AVP 192.0.2.1:4000 4001 sendonly audio"},
		{"held by address", "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n", "RTP/AVP 0.0.0.0:4000 4001 sendonly audio"},
		{"held by address, receives", "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 ::\r\na=recvonly\r\n", "RTP/AVP :::4000 4001 inactive audio"},
		{"held by a name", "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 nobody.Invalid\r\na=sendonly\r\n", "RTP/AVP :::4000 4001 sendonly audio"},
		{"inactive", "a=inactive\r\nm=audio 4000 RTP/AVP 0\r\n", "RTP/AVP 192.0.2.1:4000 4001 inactive audio"},
		{"DTLS", "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n", "UDP/TLS/RTP/SAVP 192.0.2.1:4000 4001 audio"},
		{"fax", "m=image 4000 UDPTL t38\r\na=rtcp:x\r\n", "udptl 192.0.2.1:4000 0"},
		{"UDP", "m=application 4000 UDP/BFCP *\r\n", "udp 192.0.2.1:4000 0"},
		{"TCP", "m=message 4000 TCP/MSRP *\r\nc=IN IP4 host.example.com\r\n", "other invalid IP:4000 0"},
		{"RTP over TCP", "m=audio 4000 TCP/RTP/AVP 0\r\n", "other 192.0.2.1:4000 0 audio"},
		{"off", "m=audio 0 RTP/AVP 0\r\nc=IN IP4 host.example.com\r\na=rtcp:x\r\n", "RTP/AVP invalid IP:0 0 audio"},
		{"a TTL", "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.9/127\r\n", "RTP/AVP 192.0.2.9:4000 4001 audio"},
		{"a count", "m=audio 4000/2 RTP/AVP 0\r\n", "RTP/AVP 192.0.2.1:4000 4001 audio"},
	} {
		var d sdp.Description
		if err := d.Parse([]byte(session + c.given)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		err := d.Transport(&d.Media()[0], &tr)
		if got := said(&d, &tr); err != nil || got != c.want {
			t.Errorf("%s: expected %s, got %s, %v", c.name, c.want, got, err)
		}
	}
}

// TestNoConnection shows that no c= at all is no fault of a transport's: it has no address.
func TestNoConnection(t *testing.T) {
	var d sdp.Description
	if err := d.Parse([]byte("v=0\nm=audio 4000 RTP/AVP 0\n")); err != nil {
		t.Fatal(err)
	}
	var tr sdp.Transport
	if err := d.Transport(&d.Media()[0], &tr); err != nil || tr.Addr.IsValid() {
		t.Errorf("%v, %v", tr.Addr, err)
	}
}

func TestTransportFaults(t *testing.T) {
	const (
		form   = "line 7: expected IN IP4 or IN IP6 and one address"
		name   = "line 7: expected an IP address: names are not looked up"
		family = "line 7: the address is not of its family"
	)
	for line, want := range map[string]string{
		"c=":                                  form,
		"c=IN IP4":                            form,
		"c=ATM NSAP 47.0091":                  form,
		"c=IN IP5 192.0.2.1":                  form,
		"c=IN IP4 192.0.2.1 192.0.2.2":        form,
		"c=IN IP4 host.example.com":           name,
		"c=IN IP4 .invalid":                   name,
		"c=IN IP4 /127":                       name,
		"c=IN IP4 192.0.2.01":                 name,
		"c=IN IP4 192.0.2":                    name,
		"c=IN IP4 192.0.2.1.":                 name,
		"c=IN IP4 192.0.2.256":                name,
		"c=IN IP4 3221225985":                 name,
		"c=IN IP6 [2001:db8::1]":              name,
		"c=IN IP6 " + strings.Repeat(":", 65): name,
		"c=IN IP6 fe80::1%eth0":               family,
		"c=IN IP6 ::ffff:192.0.2.1":           family,
		"c=IN IP4 ::ffff:192.0.2.1":           family,
		"c=IN IP6 192.0.2.1":                  family,
		"c=IN IP4 2001:db8::1":                family,
		"c=IN IP4 224.2.1.1/127/3":            "line 7: the address is a multicast one",
		"c=IN IP6 ff15::101/3":                "line 7: the address is a multicast one",
		"a=rtcp":                              "line 7: the port of a=rtcp is no number from 1 to 65535",
		"a=rtcp:0":                            "line 7: the port of a=rtcp is no number from 1 to 65535",
		"a=rtcp:65536":                        "line 7: the port of a=rtcp is no number from 1 to 65535",
		"a=rtcp:53020 IN IP4":                 form,
		"a=rtcp:53020 IN IP4 224.0.0.1":       "line 7: the address is a multicast one",
	} {
		var d sdp.Description
		if err := d.Parse([]byte(session + "m=audio 4000 RTP/AVP 0\r\n" + line + "\r\n")); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		var tr sdp.Transport
		err := d.Transport(&d.Media()[0], &tr)
		var fault *sdp.Fault
		if !errors.As(err, &fault) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: expected %q, got %v", line, want, err)
		}
	}
}

func TestPayloads(t *testing.T) {
	for given, want := range map[string]string{
		"m=audio 4000 RTP/AVP 101 0 8 0\r\na=rtpmap:101 Telephone-Event/8000\r\n":               "101 Telephone-Event/8000 event, 0 PCMU/8000, 8 PCMA/8000, ",
		"m=audio 4000 RTP/AVP 0 x 128 99\r\na=rtpmap:0 L16/44100/2\r\na=rtpmap:0 PCMA/8000\r\n": "0 L16/44100, 99 /0, ",
		"m=audio 4000 RTP/SAVP 96\r\na=rtpmap:96 speex\r\na=rtpmap:97 x/1\r\n":                  "96 speex/0, ",
		"m=audio 4000 RTP/AVP 1 2 3 4 5 6 7 9 10 11 12 13 14 15 16 17 18 19\r\n": "1 /0, 2 G726-32/8000, 3 GSM/8000, 4 G723/8000, " +
			"5 DVI4/8000, 6 DVI4/16000, 7 LPC/8000, 9 G722/8000, 10 L16/44100, 11 L16/44100, 12 QCELP/8000, 13 CN/8000, " +
			"14 MPA/90000, 15 G728/8000, 16 DVI4/11025, 17 DVI4/22050, 18 G729/8000, 19 CN/8000, ",
		"m=video 4000 RTP/AVP 25 26 28 31 32 33 34\r\n": "25 CelB/90000, 26 JPEG/90000, 28 nv/90000, 31 H261/90000, " +
			"32 MPV/90000, 33 MP2T/90000, 34 H263/90000, ",
		"m=image 4000 udptl 0\r\n": "",
	} {
		var d sdp.Description
		if err := d.Parse([]byte(session + given)); err != nil {
			t.Fatal(err)
		}
		got := ""
		d.Payloads(&d.Media()[0], func(pt uint8, name []byte, hz int, event bool) {
			got += fmt.Sprintf("%d %s/%d", pt, name, hz)
			if event {
				got += " event"
			}
			got += ", "
		})
		if got != want {
			t.Errorf("%s: expected %s, got %s", given, want, got)
		}
	}
}

func TestProfiles(t *testing.T) {
	for p := sdp.Other; p <= sdp.UDP; p++ {
		plain, secure := p.Plain(), p.Secure()
		switch p {
		case sdp.AVP, sdp.SAVP:
			if plain != sdp.AVP || secure != sdp.SAVP {
				t.Errorf("%v: %v and %v", p, plain, secure)
			}
		case sdp.AVPF, sdp.SAVPF:
			if plain != sdp.AVPF || secure != sdp.SAVPF {
				t.Errorf("%v: %v and %v", p, plain, secure)
			}
		default:
			if plain != p || secure != p {
				t.Errorf("%v: %v and %v", p, plain, secure)
			}
		}
	}
}
