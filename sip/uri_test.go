package sip

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestParseURI(t *testing.T) {
	for text, want := range map[string]string{
		"sip:example.com":                        "1 user= host=example.com",
		"sip:bob@example.com":                    "1 user=bob host=example.com",
		"SIPS:bob:secret@EXAMPLE.com:5061;a=b;c": "2 user=bob:secret host=EXAMPLE.com:5061 params=a=b;c",
		"sip:bob@[2001:db8::1]:5060;lr?a=b&c=d":  "1 user=bob host=2001:db8::1:5060 params=lr headers=a=b&c=d",
		"sip:+39040;npdi;rn=+39@h;user=phone":    "1 user=+39040;npdi;rn=+39 host=h params=user=phone",
		"sip:*21*123#@h":                         "1 user=*21*123# host=h",
		"sip:a%40b@h":                            "1 user=a%40b host=h",
		"sip:h?to=x%3Fy":                         "1 user= host=h headers=to=x%3Fy",
		"sip:my_host:5060":                       "1 user= host=my_host:5060",
		"tel:+39-040/x":                          "bad number in tel URI",
		"tel:+39-040.(12);ext=5":                 "3 user=+39-040.(12) host= params=ext=5",
		"tel:*100;phone-context=example.com":     "3 user=*100 host= params=phone-context=example.com",
		"tel:+":                                  "bad number in tel URI",
		"urn:service:sos":                        "0 user= host=",
		"isbn:2983792873":                        "0 user= host=",
		"http://www.example.com":                 "0 user= host=",
		"x:":                                     "character not allowed in a URI",
		"x: y":                                   "character not allowed in a URI",
		"":                                       "URI without a scheme",
		"example.com":                            "URI without a scheme",
		"1sip:x":                                 "URI without a scheme",
		":x":                                     "URI without a scheme",
		"sip:":                                   "bad host in URI",
		"sip:a@":                                 "bad host in URI",
		"sip:@h":                                 "bad user part in URI",
		"sip::pw@h":                              "bad user part in URI",
		"sip:a b@h":                              "bad user part in URI",
		"sip:a%zz@h":                             "bad user part in URI",
		"sip:a%4@h":                              "bad user part in URI",
		"sip:a@h@i":                              "bad host in URI",
		"sip:a@h;x=@":                            "character not allowed in a URI",
		"sip:a@h?x=@":                            "character not allowed in a URI",
		"sip:a@h;x=\"y\"":                        "character not allowed in a URI",
		"sip:a@h ;x":                             "bad host in URI",
		"sip:a@h:":                               "bad port in URI",
		"sip:a@h:65536":                          "bad port in URI",
		"sip:a@h:-1":                             "bad port in URI",
		"sip:2001:db8::10":                       "bad port in URI",
		"sip:[2001:db8::10":                      "bad host in URI",
		"sip:[2001:db8::10]x":                    "bad host in URI",
		"sip:[192.0.2.1]":                        "bad host in URI",
		"sip:[fe80::1%25eth0]":                   "bad host in URI",
		"sip:a@\x00":                             "bad host in URI",
	} {
		u, err := ParseURI([]byte(text))
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprintf("%d user=%s", u.Scheme, u.User)
			if u.Password != nil {
				got += ":" + string(u.Password)
			}
			got += " host=" + string(u.Host)
			if u.HasPort {
				got += fmt.Sprint(":", u.Port)
			}
			if u.Params != nil {
				got += " params=" + string(u.Params)
			}
			if u.Headers != nil {
				got += " headers=" + string(u.Headers)
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestParams(t *testing.T) {
	const list = `;a=1; B = "x;y=z\"" ;c;;lr;a=2;d=`
	for name, want := range map[string]string{"A": "1", "b": `x;y=z\"`, "c": "nil", "LR": "nil", "d": "", "e": "none", "y": "none", "": "none"} {
		v, ok := FindParam([]byte(list), name)
		got := string(v)
		if !ok {
			got = "none"
		} else if v == nil {
			got = "nil"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
	u, err := ParseURI([]byte("sip:h;Transport=TCP;lr"))
	if v, ok := u.Param("transport"); err != nil || !ok || string(v) != "TCP" {
		t.Errorf("%s, %v, %v", v, ok, err)
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{"%30%34%30": "040", "a%": "a%", "%4": "%4", "%zz": "%zz", "%2525": "%25", "%00": "\x00", "%c3%B6": "ö"} {
		if got := string(AppendUnescaped(nil, []byte(in))); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// TestAddr compares our reader of IP literals with the standard one.
func TestAddr(t *testing.T) {
	for _, s := range []string{
		"192.0.2.1", "0.0.0.0", "255.255.255.255", "256.0.0.1", "1.2.3", "1.2.3.4.5", "1..2.3", "a.b.c.d", "", "1.2.3.4 ", "010.1.1.1", "1.2.3.00",
		"::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", ":::", "1:::2", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",
		"::ffff:192.0.2.1", "64:ff9b::192.0.2.1", "1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:7:192.0.2.1", "::192.0.2", "::192.0.2.1:1", "12345::", "g::", "1::2:3:4:5:6:7:8", "::2:3:4:5:6:7:8",
	} {
		want, err := netip.ParseAddr(s)
		u := URI{Host: []byte(s)}
		got, ok := u.Addr()
		if ok != (err == nil) || ok && got != want.Unmap() {
			t.Errorf("%q: %v, %v; netip: %v, %v", s, got, ok, want, err)
		}
	}
}

func TestParseNameAddr(t *testing.T) {
	for text, want := range map[string]string{
		`<sip:a@b>`:                          `||sip:a@b||true`,
		`"A \" <x>, B" <sip:a@b;p>;tag=1;x`:  `|A \" <x>, B|sip:a@b;p|tag=1;x|true`,
		`A B  <sip:a@b> ; tag=1`:             `|A B|sip:a@b| tag=1|true`,
		`A<sip:a@b>`:                         `|A|sip:a@b||true`,
		"\r\n sip:a@b\r\n ;tag=1":            "||sip:a@b|tag=1|false",
		`sip:a@b`:                            `||sip:a@b||false`,
		`""<sip:a@b>`:                        `|""|sip:a@b||true`,
		`"A <sip:a@b>`:                       `quoted string is not ended`,
		`"A"`:                                `no URI`,
		`<sip:a@b`:                           `< without >`,
		`<>`:                                 `no URI`,
		``:                                   `no URI`,
		`;tag=1`:                             `no URI`,
		`"A" sip:a@b`:                        `no URI`,
		`"x" <sip:a@b>;y="<sip:z>,";tag="q"`: `|x|sip:a@b|y="<sip:z>,";tag="q"|true`,
	} {
		n, err := ParseNameAddr([]byte(text))
		got := fmt.Sprint(err)
		if err == nil {
			display := string(n.Display)
			if n.Display != nil && len(n.Display) == 0 {
				display = `""`
			}
			got = fmt.Sprintf("|%s|%s|%s|%v", display, n.URI, n.Params, n.Bracketed)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestParseVia(t *testing.T) {
	for text, want := range map[string]string{
		"SIP/2.0/UDP h":                                    "UDP h 0 -1 ||",
		"sip/2.0/tls [::1]:5061;branch=b":                  "tls ::1 5061 -1 b||",
		"SIP/2.0/TCP 192.0.2.1:5060;rport;branch=b":        "TCP 192.0.2.1 5060 0 b||",
		"SIP/2.0/TLS-SCTP h;Rport=7;Received=1.2.3.4":      "TLS-SCTP h 0 7 |1.2.3.4|",
		"SIP/2.0/UDP h : 5 ; branch = b;hidden":            "UDP h 5 -1 b||",
		"SIP/2.0/UDP h;received=[::1]":                     "UDP h 0 -1 |::1|",
		"SIP/2.0/UDP h;;branch=1;branch=2;x=\";branch=3\"": "UDP h 0 -1 1||",
		"SIP/2.0/UDP h;rport=x":                            "UDP h 0 0 ||",
		"SIP/7.0/UDP h":                                    "UDP h 0 -1 ||",
		"SIP/2.0/UDP":                                      "bad Via",
		"SIP/2.0/UDP ":                                     "bad Via",
		"SIP/2.0/ h":                                       "bad Via",
		"SIP/2.0 h":                                        "bad Via",
		"SIP/2.0/UDP h:":                                   "bad Via",
		"SIP/2.0/UDP h:70000":                              "bad Via",
		"SIP/2.0/UDP h i":                                  "bad Via",
		"SIP/2.0/UDP [::1":                                 "bad Via",
		"SIP/2.0/UDP ;branch=b":                            "bad Via",
		"":                                                 "bad Via",
	} {
		v, err := ParseVia([]byte(text))
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprintf("%s %s %d %d %s|%s|", v.Transport, v.Host, v.Port, v.RPort, v.Branch, v.Received)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
