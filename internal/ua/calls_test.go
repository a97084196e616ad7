package ua

import (
	"crypto/tls"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCalls places a call to each extension over real sockets.
func TestCalls(t *testing.T) {
	for _, network := range []struct {
		name   string
		proto  Proto
		listen string
	}{
		{"udp4", UDP, "127.0.0.2:0"},
		{"udp6", UDP, "[::1]:0"},
		{"tcp4", TCP, "127.0.0.2:0"},
		{"tcp6", TCP, "[::1]:0"},
		{"tls4", TLS, "127.0.0.2:0"},
		{"tls6", TLS, "[::1]:0"},
	} {
		t.Run(network.name, func(t *testing.T) {
			pbx, _ := startPBX(t, PBXConfig{
				Listen: netip.MustParseAddrPort(network.listen), TLS: testCertificate(t), Ring: 30 * time.Millisecond,
			})
			for _, c := range extensionCalls {
				t.Run(c.user, func(t *testing.T) {
					t.Parallel()
					c.place(t, ProbeConfig{Server: pbx.Addr(network.proto), Proto: network.proto})
				})
			}
		})
	}
}

type extensionCall struct {
	user    string
	ring    time.Duration
	talk    time.Duration
	outcome Outcome
	status  int
	endedBy string
	hears   bool // RTP comes
}

var extensionCalls = []extensionCall{
	{"100", time.Minute, 100 * time.Millisecond, Answered, 200, "us", true},
	{"101", time.Minute, 100 * time.Millisecond, Answered, 200, "us", true},
	{"102", time.Minute, 0, Refused, 486, "", false},
	{"103", 50 * time.Millisecond, 0, NoAnswer, 487, "", false},
	{"104", time.Minute, 0, Answered, 200, "us", true},
	{"0123", time.Minute, time.Minute, Answered, 200, "them", false},
}

func (c *extensionCall) place(t *testing.T, cfg ProbeConfig) {
	t.Helper()
	cfg.URI = "sip:" + c.user + "@" + cfg.Server.String()
	cfg.Ring, cfg.Talk = c.ring, c.talk
	l, err := Probe(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if l.Outcome != c.outcome || l.Status != c.status || l.EndedBy != c.endedBy || l.Error != "" {
		t.Errorf("%s %d %q, want %s %d %q\n%s", l.Outcome, l.Status, l.EndedBy, c.outcome, c.status, c.endedBy, &l)
	}
	if c.hears && l.Media.Received == 0 {
		t.Errorf("no RTP came: %+v", l.Media)
	}
	early := slices.ContainsFunc(l.Steps, func(s Step) bool { return strings.Contains(s.Line, " 183 ") })
	if early != (c.user == "104") {
		t.Errorf("early media: %v\n%s", early, &l)
	}
}

func TestProbeNoServer(t *testing.T) {
	pbx, stop := startPBX(t, PBXConfig{Listen: netip.MustParseAddrPort("127.0.0.2:0")})
	stop()
	_, err := Probe(t.Context(), ProbeConfig{Server: pbx.Addr(TCP), Proto: TCP, URI: "sip:100@127.0.0.2"})
	if err == nil || !strings.HasPrefix(err.Error(), "connect tcp 127.0.0.2:") {
		t.Errorf("error %v", err)
	}
}

func TestProbeChecksCertificate(t *testing.T) {
	pbx, _ := startPBX(t, PBXConfig{Listen: netip.MustParseAddrPort("127.0.0.2:0"), TLS: testCertificate(t)})
	_, err := Probe(t.Context(), ProbeConfig{
		Server: pbx.Addr(TLS), Proto: TLS, URI: "sip:100@127.0.0.2", TLS: &tls.Config{ServerName: "pbx.example"},
	})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v", err)
	}
}

func TestProbeRefusesConfig(t *testing.T) {
	good := ProbeConfig{Server: netip.MustParseAddrPort("127.0.0.1:5060"), URI: "sip:100@127.0.0.1"}
	for name, spoil := range map[string]func(*ProbeConfig){
		"no server":      func(c *ProbeConfig) { c.Server = netip.AddrPort{} },
		"no port":        func(c *ProbeConfig) { c.Server = netip.AddrPortFrom(c.Server.Addr(), 0) },
		"protocol":       func(c *ProbeConfig) { c.Proto = "smpp" },
		"no URI":         func(c *ProbeConfig) { c.URI = "" },
		"no scheme":      func(c *ProbeConfig) { c.URI = "100" },
		"http":           func(c *ProbeConfig) { c.URI = "http://127.0.0.1" },
		"line in URI":    func(c *ProbeConfig) { c.URI = "sip:100@127.0.0.1\r\nX: y" },
		"from":           func(c *ProbeConfig) { c.From = "alice" },
		"header":         func(c *ProbeConfig) { c.Headers = []string{"no colon"} },
		"two headers":    func(c *ProbeConfig) { c.Headers = []string{"A: b\r\nC: d"} },
		"angle brackets": func(c *ProbeConfig) { c.URI = "sip:100@127.0.0.1>" },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := Probe(t.Context(), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPBXNeedsAddress(t *testing.T) {
	for _, listen := range []netip.AddrPort{{}, netip.MustParseAddrPort("0.0.0.0:5060"), netip.MustParseAddrPort("[::]:0")} {
		if _, err := NewPBX(PBXConfig{Listen: listen}); err == nil {
			t.Errorf("%s: no error", listen)
		}
	}
	pbx, _ := startPBX(t, PBXConfig{Listen: netip.MustParseAddrPort("127.0.0.2:0")})
	if _, err := NewPBX(PBXConfig{Listen: pbx.Addr(UDP)}); err == nil || !strings.HasPrefix(err.Error(), "bind udp 127.0.0.2:") {
		t.Errorf("port in use: %v", err)
	}
}
