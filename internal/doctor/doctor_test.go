package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"tollgate/internal/config"
	"tollgate/internal/kernel"
	"tollgate/internal/transport"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant of these tests

// well is a machine with nothing to complain about; tests spoil it.
func well(t *testing.T) *System {
	t.Helper()
	n := config.Default()
	n.SIP.Listen = []config.Listener{listener("udp", "203.0.113.7:5060"), listener("tcp", "203.0.113.7:5060")}
	n.DataDir = "/var/lib/tollgate"
	return &System{
		Files: fstest.MapFS{
			"proc/net/udp":                      text("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"),
			"proc/net/tcp":                      text("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"),
			"proc/sys/net/core/rmem_max":        text("4194304\n"),
			"proc/sys/net/core/wmem_max":        text("4194304\n"),
			"proc/modules":                      text("nf_conntrack 200704 0 - Live 0x0\n"),
			"proc/self/limits":                  text("Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n"),
			"proc/sys/kernel/osrelease":         text("6.1.0-18-amd64\n"),
			"sys/kernel/btf/vmlinux":            text(""),
			"etc/ssl/private/tollgate/none.pem": text(""),
		},
		Now: now, Config: n, File: "node.yaml",
		Tenants: "tenants.yaml", Domains: []string{"pbx.example.com"},
		Destinations: []Destination{{Customer: "c", Name: "pbx", Host: "198.51.100.5", Port: 5060, Protocol: "udp"}},
		Own: func() ([]netip.Addr, error) {
			return []netip.Addr{addr("127.0.0.1"), addr("203.0.113.7"), addr("10.0.0.4")}, nil
		},
		Source: func(netip.Addr) (netip.Addr, bool) { return addr("203.0.113.7"), true },
		Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			if host == "pbx.example.com" {
				return []netip.Addr{addr("203.0.113.7")}, nil
			}
			return nil, transport.ErrNoHost
		},
		Synchronised: func() (bool, error) { return true, nil },
		Folder: func(path string) (Folder, error) {
			return Folder{Path: path, Exists: true, IsDir: true, Mode: 0o700, Writable: true, Free: 50 << 30}, nil
		},
		Ask:    func(context.Context, string, netip.AddrPort) error { return nil },
		Filter: func() (kernel.Way, error) { return kernel.TCX, nil },
	}
}

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func listener(proto, at string) config.Listener {
	return config.Listener{Proto: proto, Addr: netip.MustParseAddrPort(at)}
}

// set changes a file.
func (s *System) set(name, content string) { s.Files.(fstest.MapFS)[name] = text(content) }

// TestWell: nothing but ok, each check once.
func TestWell(t *testing.T) {
	r := Look(t.Context(), well(t))
	var names []string
	for _, f := range r.Findings {
		if f.Level != OK {
			t.Errorf("%+v", f)
		}
		names = append(names, f.Check)
	}
	var want []string
	for _, c := range checks() {
		want = append(want, c.name)
	}
	if !slices.Equal(names, want) {
		t.Errorf("told %q, checks are %q", names, want)
	}
}

// mediaTable has five ports of media.ports in use, one of them on another address.
const mediaTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:4E22 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 0
   1: 00000000:4E24 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2 2 0000000000000000 0
   2: 077100CB:4E26 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 3 2 0000000000000000 0
   3: 0100007F:4E28 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4 2 0000000000000000 0
   4: 00000000:4E2A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 5 2 0000000000000000 0
`

// spoiled is a machine with one thing wrong.
type spoiled struct {
	name  string
	spoil func(s *System)
	check string
	level Level
	words string // of the finding and its lines, separated by |
}

func machines() []spoiled {
	return []spoiled{
		{"bad node.yaml", func(s *System) { s.Faults = []string{"node.yaml:3:1: x is no key"} }, "config", Problem, "node.yaml:3:1"},
		{"no node.yaml", func(s *System) { s.File = "" }, "config", OK, "tollgate init"},
		{"unknown variable", func(s *System) { s.Config.Unknown = []string{"TOLLGATE_X"} }, "config", Warning, "TOLLGATE_X|unset"},
		{"bad tenants.yaml", func(s *System) { s.TenantFaults, s.Tenants = []string{"tenants.yaml:2:3: y"}, "" }, "tenants", Problem, "tenants.yaml:2:3"},
		{"no tenants", func(s *System) { s.Tenants, s.Domains, s.Destinations = "", nil, nil }, "dns", OK, "no customers"},
		{"node runs", func(s *System) { s.PID = 7 }, "node", OK, "process 7"},
		{"node waits", func(s *System) { s.PID, s.Unconfirmed = 7, "the apply of x goes back" }, "node", Warning, "process 7; the apply of x|tollgate apply --confirm"},
		{"node mute", func(s *System) { s.NodeErr = errors.New("no permission") }, "node", Warning, "no permission"},
		{"foreign address", func(s *System) { s.Config.SIP.Listen[0] = listener("udp", "192.0.2.9:5060") }, "addresses", Problem, "192.0.2.9|203.0.113.7, 10.0.0.4, 127.0.0.1"},
		{"no addresses", func(s *System) { s.Own = func() ([]netip.Addr, error) { return nil, errors.New("netlink") } }, "addresses", Problem, "netlink"},
		{"private alone", func(s *System) { s.Config.SIP.Listen = []config.Listener{listener("udp", "10.0.0.4:5060")} }, "advertise", Warning, "10.0.0.4|advertise: PUBLIC-ADDRESS"},
		{"private wildcard", func(s *System) {
			s.Config.SIP.Listen = []config.Listener{listener("udp", "0.0.0.0:5060")}
			s.Source = func(netip.Addr) (netip.Addr, bool) { return addr("100.64.1.2"), true }
		}, "advertise", Warning, "100.64.1.2|udp://100.64.1.2:5060"},
		{"advertise nowhere", func(s *System) { s.Config.SIP.Listen[0].Advertise = "gone.example:5062" }, "advertise", Problem, "gone.example|dig +short gone.example"},
		{"advertise leads", func(s *System) { s.Config.SIP.Listen[0].Advertise = "[2001:db8::7]:5062" }, "advertise", OK, "2001:db8::7"},
		{"open API", func(s *System) { s.Config.HTTP.Listen = ":8080" }, "api", Warning, "without TLS|127.0.0.1:8080"},
		{"open metrics", func(s *System) { s.Config.HTTP.Metrics = "203.0.113.7:9090" }, "api", Warning, "no password"},
		{"domain elsewhere", func(s *System) {
			s.Resolve = func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{addr("192.0.2.99")}, nil }
		}, "dns", Warning, "192.0.2.99|outbound proxy|pbx.example.com. A 203.0.113.7"},
		{"domain unknown", func(s *System) { s.Domains = []string{"new.example"} }, "dns", Warning, "has no address|new.example. A 203.0.113.7"},
		{"platform host", func(s *System) { s.Domains, s.Config.Platform.Host = []string{"new.example"}, "edge.example" }, "dns", Warning, "new.example. CNAME edge.example."},
		{"no DNS", func(s *System) {
			s.Resolve = func(context.Context, string) ([]netip.Addr, error) { return nil, transport.ErrNoDNS }
		}, "dns", Warning, "cannot be looked up"},
		{"domain is our address", func(s *System) { s.Domains = []string{"10.0.0.4"} }, "dns", OK, "1 of 1"},
		{"domain is another address", func(s *System) { s.Domains = []string{"192.0.2.4"} }, "dns", Warning, "192.0.2.4"},
		{"no certificate", func(s *System) {
			s.Config.SIP.Listen = append(s.Config.SIP.Listen, listener("tls", "203.0.113.7:5061"))
		}, "certificates", Warning, "self-signed|certificates: ["},
		{"folder is missing", func(s *System) {
			s.Folder = func(string) (Folder, error) { return Folder{}, fs.ErrPermission }
		}, "data", Problem, "permission"},
		{"folder is a file", func(s *System) { s.folder(func(f *Folder) { f.IsDir = false }) }, "data", Problem, "is a file"},
		{"folder is another's", func(s *System) { s.folder(func(f *Folder) { f.Writable = false }) }, "data", Problem, "may not write|install -d"},
		{"folder is open", func(s *System) { s.folder(func(f *Folder) { f.Mode = 0o755 }) }, "data", Warning, "0755|chmod 700"},
		{"disk is full", func(s *System) { s.folder(func(f *Folder) { f.Free = 50 << 20 }) }, "data", Problem, "50 MiB"},
		{"disk is nearly full", func(s *System) { s.folder(func(f *Folder) { f.Free = 500 << 20 }) }, "data", Warning, "500 MiB"},
		{"PBX silent", func(s *System) { s.ask(errors.New("no answer to OPTIONS")) }, "destinations", Warning, "no answer|ss -ulnp"},
		{"PBX refuses", func(s *System) { s.ask(syscall.ECONNREFUSED) }, "destinations", Warning, "nothing listens there for UDP"},
		{"PBX unknown", func(s *System) { s.Destinations[0].Host = "gone.example" }, "destinations", Problem, "no address in DNS"},
		{"PBX by SRV", func(s *System) { s.Destinations[0].Host, s.Destinations[0].Port = "pbx.example.com", 0 }, "destinations", OK, "DNS decides"},
		{"PBX down", func(s *System) { s.Destinations[0].Status = "down" }, "destinations", Warning, "the node says"},
		{"PBX up", func(s *System) { s.Destinations[0].Status = "up"; s.ask(errors.New("not asked")) }, "destinations", OK, "1 of 1"},
		{"PBX in no network", func(s *System) { s.Destinations[0].Network = "inside" }, "destinations", Problem, "network inside"},
		{"small buffers", func(s *System) { s.set("proc/sys/net/core/rmem_max", "212992\n") }, "buffers", Warning, "212992|sysctl -w net.core.rmem_max=4194304"},
		{"small send buffers", func(s *System) { s.set("proc/sys/net/core/wmem_max", "212992\n") }, "buffers", Warning, "sysctl -w net.core.wmem_max=1048576"},
		{"conntrack", func(s *System) { s.conntrack("262144", "10", "120") }, "conntrack", OK, "10 of 262144"},
		{"small conntrack", func(s *System) { s.conntrack("65536", "10", "120") }, "conntrack", Warning, "65536|nf_conntrack_max=262144|udp dport { 5060 } notrack"},
		{"crowded conntrack", func(s *System) { s.conntrack("300000", "200000", "120") }, "conntrack", Warning, "crowded|nf_conntrack_max=600000"},
		{"full conntrack", func(s *System) { s.conntrack("300000", "299000", "120") }, "conntrack", Problem, "full"},
		{"short conntrack", func(s *System) { s.conntrack("300000", "0", "30") }, "conntrack", Warning, "30 s|udp_timeout_stream=120"},
		{"SIP ALG", func(s *System) {
			s.set("proc/modules", "nf_conntrack_sip 1 1 nf_nat_sip, Live 0x0\nnf_nat_sip 1 0 - Live 0x0\n")
		}, "sip-alg", Warning, "modprobe -r nf_nat_sip nf_conntrack_sip|blacklist"},
		{"modules unseen", func(s *System) { delete(s.Files.(fstest.MapFS), "proc/modules") }, "sip-alg", OK, "cannot be seen"},
		{"few files", func(s *System) { s.set("proc/self/limits", "Max open files 1024 4096 files\n") }, "files", Warning, "4096|LimitNOFILE"},
		{"few files for calls", func(s *System) { s.Config.Limits.Calls = 200000 }, "files", Warning, "limits.calls is 200000|LimitNOFILE=865536"},
		{"a range of the kernel's", func(s *System) {
			s.set("proc/sys/net/ipv4/ip_local_port_range", "15000\t60999\n")
			s.set("proc/sys/net/ipv4/ip_local_reserved_ports", "8080,25000-25010\n")
		}, "media", Warning, "15000-60999|sysctl -w net.ipv4.ip_local_reserved_ports=8080,25000-25010,20000-29999"},
		{"nothing reserved", func(s *System) { s.set("proc/sys/net/ipv4/ip_local_port_range", "15000 60999") }, "media", Warning, "ip_local_reserved_ports=20000-29999"},
		{"reserved in parts", func(s *System) {
			s.set("proc/sys/net/ipv4/ip_local_port_range", "22000 60999")
			s.set("proc/sys/net/ipv4/ip_local_reserved_ports", "25001-30000,7,21000-25000")
		}, "media", OK, "alone"},
		{"the kernel's range elsewhere", func(s *System) { s.set("proc/sys/net/ipv4/ip_local_port_range", "32768 60999") }, "media", OK, "alone"},
		{"media's ports taken", func(s *System) {
			s.set("proc/net/udp", mediaTable)
		}, "media", Warning, "20002, 20004, 20006 and 1 more|media: {ports"},
		{"a running node", func(s *System) { s.PID = 7; s.set("proc/7/limits", ""); s.set("proc/net/udp", mediaTable) }, "media", OK, "alone"},
		{"any files", func(s *System) { s.set("proc/self/limits", "Max open files unlimited unlimited files\n") }, "files", OK, "any number"},
		{"the node's files", func(s *System) { s.PID = 7; s.set("proc/7/limits", "Max open files 9 9 files\n") }, "files", Warning, "the running node"},
		{"files unseen", func(s *System) { delete(s.Files.(fstest.MapFS), "proc/self/limits") }, "files", OK, "cannot be seen"},
		{"clock adrift", func(s *System) { s.Synchronised = func() (bool, error) { return false, nil } }, "clock", Warning, "timedatectl"},
		{"clock unseen", func(s *System) { s.Synchronised = func() (bool, error) { return false, syscall.EPERM } }, "clock", OK, "cannot be seen"},
		{"bans in the kernel", func(s *System) { s.NodeBans = &BansIn{Way: "tcx"} }, "bans", OK, "before the running node"},
		{"bans in the kernel, the old way", func(s *System) { s.NodeBans = &BansIn{Way: "clsact", Why: "it is old"} }, "bans", OK, "by clsact: it is old"},
		{"bans in the node", func(s *System) { s.NodeBans = &BansIn{Way: "none", Why: "it is cold"} }, "bans", OK, "the program drops|it is cold"},
		{"no kernel wanted", func(s *System) { s.Config.Media.Kernel = "off"; s.Filter = nil }, "bans", OK, "media.kernel is off"},
		{"no capability", func(s *System) { s.Filter = func() (kernel.Way, error) { return "", kernel.ErrPrivilege } }, "bans", OK, "CAP_BPF|tollgate.service"},
		{"older kernel", func(s *System) { s.Filter = func() (kernel.Way, error) { return kernel.Clsact, nil } }, "bans", OK, "by clsact"},
		{"old kernel", func(s *System) { s.Filter = func() (kernel.Way, error) { return "", kernel.ErrKernel } }, "bans", OK, "Linux 6.6"},
		{"no BTF", func(s *System) { delete(s.Files.(fstest.MapFS), "sys/kernel/btf/vmlinux") }, "kernel", OK, "has no BTF"},
	}
}

func (s *System) folder(change func(*Folder)) {
	before := s.Folder
	s.Folder = func(path string) (Folder, error) {
		f, err := before(path)
		change(&f)
		return f, err
	}
}

func (s *System) ask(err error) {
	s.Ask = func(context.Context, string, netip.AddrPort) error { return err }
}

func (s *System) conntrack(most, count, stream string) {
	s.set(conntrackRoot+"max", most+"\n")
	s.set(conntrackRoot+"count", count+"\n")
	s.set(conntrackRoot+"udp_timeout_stream", stream+"\n")
}

// TestSpoiled: each fault is found by its check, with what to type, and nothing else is worse for it.
func TestSpoiled(t *testing.T) {
	for _, c := range machines() {
		t.Run(c.name, func(t *testing.T) {
			s := well(t)
			c.spoil(s)
			r := Look(t.Context(), s)
			expect(t, &r, c.check, c.level, strings.Split(c.words, "|")...)
			if strings.Contains(c.name, "tenants.yaml") || strings.Contains(c.name, "DNS") {
				return // these leave others without what they look at
			}
			for _, f := range r.Findings {
				if f.Check != c.check && f.Level == Problem {
					t.Errorf("another problem: %+v", f)
				}
			}
		})
	}
}

// expect finds a finding of that check and level with all of the words.
func expect(t *testing.T, r *Report, check string, level Level, words ...string) {
	t.Helper()
	for _, f := range r.Findings {
		all := f.Text + "\n" + strings.Join(f.Do, "\n")
		if f.Check == check && f.Level == level && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all, w) }) {
			return
		}
	}
	t.Errorf("no %s of %s says %q: %+v", level, check, words, r.Findings)
}

// TestFaultsOnly: a node.yaml that is refused is not judged any further.
func TestFaultsOnly(t *testing.T) {
	s := well(t)
	s.Faults, s.Config = []string{"x"}, config.Node{}
	s.Tenants, s.Domains, s.Destinations = "", nil, nil
	r := Look(t.Context(), s)
	if r.Problems() != 1 || len(r.Open) != 0 || slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Check == "ports" }) {
		t.Errorf("%+v", r)
	}
}

// TestManyAreCutShort: thousands of domains do not take hours.
func TestManyAreCutShort(t *testing.T) {
	s := well(t)
	for range 3 * maxDomains {
		s.Domains = append(s.Domains, "pbx.example.com")
		s.Destinations = append(s.Destinations, s.Destinations[0])
	}
	r := Look(t.Context(), s)
	expect(t, &r, "dns", OK, "101 more domains")
	expect(t, &r, "destinations", OK, "131 more destinations")
}

// TestCertificates judges what TLS shows.
func TestCertificates(t *testing.T) {
	for _, c := range []struct {
		name  string
		cert  func(*x509.Certificate)
		self  bool
		mode  fs.FileMode
		level Level
		words string
	}{
		{"good", nil, false, 0o640, OK, "1 certificates are good"},
		{"self-signed", nil, true, 0o600, Warning, "self-signed"},
		{"open key", nil, false, 0o644, Warning, "chmod o="},
		{"soon", func(c *x509.Certificate) { c.NotAfter = now.Add(5*24*time.Hour + time.Hour) }, false, 0o600, Warning, "ends in 5 days, on 2026-06-06"},
		{"over", func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) }, false, 0o600, Problem, "ended on 2026-06-01"},
		{"early", func(c *x509.Certificate) { c.NotBefore = now.Add(time.Hour) }, false, 0o600, Problem, "is the clock right"},
		{"other names", func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} }, false, 0o600, Warning, "covers pbx.example.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := well(t)
			files := s.Files.(fstest.MapFS)
			files["etc/tls/cert.pem"] = &fstest.MapFile{Data: certificatePEM(t, c.cert, c.self)}
			files["etc/tls/key.pem"] = &fstest.MapFile{Mode: c.mode}
			s.Config.SIP.Listen = append(s.Config.SIP.Listen, listener("tls", "203.0.113.7:5061"))
			s.Config.SIP.Certificates = []config.Certificate{{Cert: "/etc/tls/cert.pem", Key: "/etc/tls/key.pem"}}
			r := Look(t.Context(), s)
			expect(t, &r, "certificates", c.level, c.words)
			if c.level == OK && r.Warnings() > 0 {
				t.Errorf("%+v", r.Findings)
			}
		})
	}
	for content, words := range map[string]string{
		"": "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": "cannot be read", "absent": "does not exist",
	} {
		s := well(t)
		if content != "absent" {
			s.set("etc/tls/cert.pem", content)
		}
		s.Config.HTTP.Certificates = []config.Certificate{{Cert: "/etc/tls/cert.pem", Key: "/etc/tls/key.pem"}}
		r := Look(t.Context(), s)
		expect(t, &r, "certificates", Problem, words)
	}
}

// certificatePEM makes a certificate for pbx.example.com, by an authority or by itself.
func certificatePEM(t *testing.T, change func(*x509.Certificate), self bool) []byte {
	t.Helper()
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pbx.example.com"}, DNSNames: []string{"pbx.example.com"},
		NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 2, 0),
	}
	if change != nil {
		change(template)
	}
	own, signer, issuer := key(), key(), &x509.Certificate{Subject: pkix.Name{CommonName: "Authority"}}
	if self {
		signer, issuer = own, template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, own.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
