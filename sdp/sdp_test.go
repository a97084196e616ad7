package sdp_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"tollgate/sdp"
)

const session = "v=0\r\no=- 7 9 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1/127\r\nt=0 0\r\n"

// TestBar shows m= lines and attributes before and after.
func TestBar(t *testing.T) {
	for _, c := range []struct {
		name, list, given, want string
		silent                  bool
	}{
		{"nothing named", "", "m=audio 4000 RTP/AVP 0 8\r\n", "m=audio 4000 RTP/AVP 0 8\r\n", false},
		{"not there", "opus", "m=audio 4000 RTP/AVP 0 8\r\n", "m=audio 4000 RTP/AVP 0 8\r\n", false},
		{"first", "PCMU", "m=audio 4000 RTP/AVP 0 8\r\n", "m=audio 4000 RTP/AVP 8\r\n", false},
		{"last", "pcma", "m=audio 4000 RTP/AVP 0 8\r\n", "m=audio 4000 RTP/AVP 0\r\n", false},
		{"by number", "PCMU GSM G723 PCMA G722 G729 L16", "m=audio 4000 RTP/AVP 0 3 4 8 9 10 11 18 97\r\n", "m=audio 4000 RTP/AVP 97\r\n", false},
		{"the static G726", "G726-32", "m=audio 4000 RTP/AVP 2 0\r\n", "m=audio 4000 RTP/AVP 0\r\n", false},
		{"with its lines", "iLBC", "m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 ilbc/8000\r\na=fmtp:97 mode=30\r\na=rtcp-fb:97 nack\r\na=rtcp-fb:* nack\r\n", "m=audio 4000 RTP/AVP 0\r\na=rtcp-fb:* nack\r\n", false},
		{"another number's lines stay", "G729", "m=audio 4000 RTP/AVP 18 118\r\na=rtpmap:118 G7291/8000\r\n", "m=audio 4000 RTP/AVP 118\r\na=rtpmap:118 G7291/8000\r\n", false},
		{"rtpmap says something else", "G729", "m=audio 4000 RTP/AVP 0 18\r\na=rtpmap:18 PCMU/8000\r\n", "m=audio 4000 RTP/AVP 0\r\n", false},
		{"one of two rtpmaps", "opus", "m=audio 4000 RTP/AVP 0 99\r\na=rtpmap:99 opus/48000/2\r\na=rtpmap:99 PCMA/8000\r\n", "m=audio 4000 RTP/AVP 0\r\n", false},
		{"written with a zero", "PCMU", "m=audio 4000 RTP/AVP 8 00\r\n", "m=audio 4000 RTP/AVP 8\r\n", false},
		{"at its clock rate", "speex/16000", "m=audio 4000 RTP/AVP 97 98\r\na=rtpmap:97 speex/8000\r\na=rtpmap:98 speex/16000\r\n", "m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 speex/8000\r\n", false},
		{"order stays", "PCMA", "m=audio 4000 RTP/AVP 18 8 0  9\r\n", "m=audio 4000 RTP/AVP 18 0  9\r\n", false},
		{"events stay", "PCMA", "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n", "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n", false},
		{"events of a rate that goes", "AMR-WB", "m=audio 4000 RTP/AVP 96 0 100 101\r\na=rtpmap:96 AMR-WB/16000\r\na=rtpmap:100 telephone-event/16000\r\na=rtpmap:101 telephone-event/8000\r\n", "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n", false},
		{"events of a rate that never was", "PCMA", "m=audio 4000 RTP/AVP 8 0 100\r\na=rtpmap:100 telephone-event/16000\r\n", "m=audio 4000 RTP/AVP 0 100\r\na=rtpmap:100 telephone-event/16000\r\n", false},
		{"events by name", "telephone-event", "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n", "m=audio 4000 RTP/AVP 0\r\n", false},
		{"nothing but events is left", "PCMA", "m=audio 4000 RTP/AVP 8 13 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n", "m=audio 0 RTP/AVP 8 13 101\r\na=ptime:20\r\n", true},
		{"nothing left", "PCMA PCMU", "m=audio 4000/2 RTP/AVP 8 0\r\na=rtpmap:0 PCMU/8000\r\n", "m=audio 0 RTP/AVP 8 0\r\n", true},
		{"red of what goes", "opus", "m=audio 4000 RTP/AVP 99 63 0 64\r\na=rtpmap:99 opus/48000/2\r\na=fmtp:63 99/99\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:64 red/8000\r\na=fmtp:64 0/0\r\n", "m=audio 4000 RTP/AVP 0 64\r\na=rtpmap:64 red/8000\r\na=fmtp:64 0/0\r\n", false},
		{"the second audio", "PCMA", "m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\n", "m=audio 4000 RTP/AVP 0\r\nm=audio 0 RTP/AVP 8\r\n", false},
		{"the first one is off", "PCMA", "m=audio 0 RTP/AVP 8\r\nm=audio 4002 RTP/AVP 8\r\n", "m=audio 0 RTP/AVP 8\r\nm=audio 0 RTP/AVP 8\r\n", true},
		{"video alone", "H263", "m=video 4000 RTP/AVP 34\r\nm=audio 4002 RTP/AVP 8\r\n", "m=video 0 RTP/AVP 34\r\nm=audio 4002 RTP/AVP 8\r\n", false},
		{"no RTP", "PCMU", "m=audio 4000 udp 0\r\nm=image 4002 udptl t38\r\n", "m=audio 4000 udp 0\r\nm=image 4002 udptl t38\r\n", false},
		{"formats that are no payload types", "PCMU", "m=audio 4000 RTP/AVP 0 x\r\n", "m=audio 4000 RTP/AVP x\r\n", false},
		{"SRTP", "PCMU", "m=audio 4000 rtp/savp 0 8\r\na=crypto:1 A inline:x\r\n", "m=audio 4000 rtp/savp 8\r\na=crypto:1 A inline:x\r\n", false},
	} {
		var d sdp.Description
		if err := d.Parse([]byte(session + c.given)); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var e sdp.Edit
		e.Reset(&d)
		silent := e.Bar(strings.Fields(c.list), nil)
		got, err := e.Append(nil)
		if err != nil || string(got) != session+c.want {
			t.Errorf("%s: expected\n%s\ngot %v\n%s", c.name, c.want, err, got)
		}
		if (silent != nil) != c.silent {
			t.Errorf("%s: the first audio stream is off: expected %v", c.name, c.silent)
		}
		if e.Changes() != (c.want != c.given) {
			t.Errorf("%s: Changes says %v", c.name, e.Changes())
		}
	}
}

// TestBarTwice shows that what was taken out by one list is taken out by none other.
func TestBarTwice(t *testing.T) {
	var d sdp.Description
	if err := d.Parse([]byte(session + "m=audio 4000 RTP/AVP 0 8 9\r\n")); err != nil {
		t.Fatal(err)
	}
	var e sdp.Edit
	e.Reset(&d)
	e.Bar([]string{"PCMA", "PCMU"}, []string{"pcmu"})
	if got, _ := e.Append(nil); !strings.HasSuffix(string(got), "RTP/AVP 9\r\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		body, want string
	}{
		{"", "line 1: expected v=0"},
		{"\r\n", "line 1: expected v=0"},
		{"o=x\r\n", "line 1: expected v=0"},
		{"v=1\r\n", "line 1: expected v=0"},
		{"v=0\r\nnonsense\r\n", "line 2: not of the form x=..."},
		{"v=0\r\n a=x\r\n", "line 2: not of the form x=..."},
		{"v=0\r\n\r\nm=audio 1 RTP/AVP 0\r\n", "line 2: an empty line"},
		{"v=0\r\nm=audio 1\r\n", "line 2: expected m=<media> <port> <proto> <fmt>"},
		{"v=0\r\ns=-\r\nm=audio x RTP/AVP 0\r\n", "line 3: the port of m= is no number from 0 to 65535"},
		{"v=0\r\nm=audio 65536 RTP/AVP 0\r\n", "line 2: the port of m= is no number from 0 to 65535"},
		{"v=0\r\nm=audio 1/x RTP/AVP 0\r\n", "line 2: the port of m= is no number from 0 to 65535"},
		{"v=0\r\ns=a\rb\r\n", "line 2: a CR or NUL within the line"},
		{"v=0\r\ns=a\x00b\r\n", "line 2: a CR or NUL within the line"},
		{"v=0\r\n" + strings.Repeat("a=x\n", sdp.MaxLines), "line 2049: more than 2048 lines"},
		{"v=0\r\n" + strings.Repeat("m=a 1 b 1\n", sdp.MaxMedia+1), "more than 128 m= lines"},
		{"v=0\r\n" + strings.Repeat("a", sdp.MaxSize), "line 1: more than 65535 bytes"},
	} {
		var d sdp.Description
		err := d.Parse([]byte(c.body))
		var fault *sdp.Fault
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: expected %q, got %v", c.body, c.want, err)
		}
	}
}

func TestTolerated(t *testing.T) {
	for _, body := range []string{
		"v=0", "v=0\n", "v=0\r\n\r\n", "v=0\r\n\n\r\n", "v=0 \r\n", "v=0\r\ns=\r\nZ=x\r\n", "v=0\r\nm=audio 0 RTP/AVP\r\n",
	} {
		var d sdp.Description
		if err := d.Parse([]byte(body)); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestReading(t *testing.T) {
	body, err := os.ReadFile("testdata/desk.sdp")
	if err != nil {
		t.Fatal(err)
	}
	var d sdp.Description
	if err := d.Parse([]byte(strings.Replace(string(body), "a=ptime", "a=rtcp:53020\r\na=crypto:1 X inline:k\r\nc=IN IP6 2001:db8::5\r\na=ptime", 1))); err != nil {
		t.Fatal(err)
	}
	o, ok := d.Origin()
	if got := string(d.Slice(o.ID)) + string(d.Slice(o.Version)) + string(d.Slice(o.Address)); !ok || got != "205180192.0.2.1" {
		t.Errorf("o=: %v %q", ok, got)
	}
	if len(d.Session()) != 5 || len(d.Media()) != 2 {
		t.Fatalf("%d session lines, %d media", len(d.Session()), len(d.Media()))
	}
	audio, video := &d.Media()[0], &d.Media()[1]
	if !d.Is(audio, "AUDIO") || audio.Number != 49170 || string(d.Slice(audio.Proto)) != "RTP/AVP" || !d.RTP(video) {
		t.Errorf("m=: %+v", audio)
	}
	if at, ok := d.AddrPort(audio); !ok || at.String() != "[2001:db8::5]:49170" {
		t.Errorf("audio to %v", at)
	}
	if at, ok := d.AddrPort(video); !ok || at.String() != "192.0.2.1:51372" {
		t.Errorf("video to %v", at)
	}
	if _, value := d.FindAttribute(d.Lines(audio), "rtcp"); string(d.Slice(value)) != "53020" {
		t.Errorf("a=rtcp: %q", d.Slice(value))
	}
	if l, _ := d.FindAttribute(d.Lines(video), "crypto"); l != nil {
		t.Error("the audio's a=crypto is the video's")
	}
	if got := string(d.AppendCodecs(nil, audio)); got != "G729, PCMU, PCMA, G722, AMR-WB, opus, telephone-event, telephone-event, CN" {
		t.Errorf("codecs: %s", got)
	}
}

func TestDirection(t *testing.T) {
	for text, want := range map[string]string{
		"m=audio 1 RTP/AVP 0\r\n":                                       "sendrecv",
		"m=audio 1 RTP/AVP 0\r\na=inactive\r\n":                         "inactive",
		"a=sendonly\r\nm=audio 1 RTP/AVP 0\r\n":                         "sendonly",
		"a=sendonly\r\nm=audio 1 RTP/AVP 0\r\na=recvonly\r\n":           "recvonly",
		"m=audio 1 RTP/AVP 0\r\nm=video 2 RTP/AVP 31\r\na=inactive\r\n": "sendrecv",
	} {
		var d sdp.Description
		if err := d.Parse([]byte(session + text)); err != nil {
			t.Fatal(err)
		}
		if got := d.Direction(&d.Media()[0]).String(); got != want {
			t.Errorf("%q: expected %s, got %s", text, want, got)
		}
	}
}

func TestHostileNames(t *testing.T) {
	var d sdp.Description
	if err := d.Parse([]byte(session + "m=audio 1 RTP/AVP 96 \"x\\\x1b\r\na=rtpmap:96 " + strings.Repeat("n", 99) + "/8000\r\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := string(d.AppendCodecs(nil, &d.Media()[0])), strings.Repeat("n", 24)+", ?x??"; got != want {
		t.Errorf("expected %q, got %q", want, got)
	}
}

func TestEdit(t *testing.T) {
	var d sdp.Description
	if err := d.Parse([]byte("v=0\ns=abc\n")); err != nil {
		t.Fatal(err)
	}
	var e sdp.Edit
	e.Reset(&d)
	name := d.Session()[1]
	e.Insert(name.Span.End).String("t=").Uint(0).Bytes([]byte(" 0\n"))
	e.At(name.Value).String("-")
	if got, err := e.Append([]byte(">")); err != nil || string(got) != ">v=0\ns=-\nt=0 0\n" {
		t.Errorf("got %v %q", err, got)
	}
	e.Delete(name.Span)
	if got, err := e.Append([]byte(">")); !errors.Is(err, sdp.ErrOverlap) || string(got) != ">" {
		t.Errorf("overlapping: got %v %q", err, got)
	}
	e.Reset(&d)
	e.At(name.Value).String(strings.Repeat("x", sdp.MaxSize))
	if _, err := e.Append(nil); !errors.Is(err, sdp.ErrTooLong) {
		t.Errorf("too long: got %v", err)
	}
}
