package doctor

import (
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"tollgate/internal/config"
)

// What the kernel prints on a little-endian machine; on others the words turn around.
const (
	udpTable = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  105: 00000000:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000   107        0 4711 2 0000000000000000 0
  106: 00000000:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000   107        0 4712 2 0000000000000000 0
`
	tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
   1: 077100CB:13C4 0A0A0A0A:9000 01 00000000:00000000 00:00000000 00000000     0        0 4714 1 0000000000000000 100 0 0 10 0
`
	tcp6Table = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:2382 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4715 1 0000000000000000 100 0 0 10 0
`
)

// busy is a machine on which Asterisk has UDP 5060, something unseen 8080, and the node 9090.
func busy(t *testing.T) *System {
	t.Helper()
	s := well(t)
	s.PID = 900
	files := s.Files.(fstest.MapFS)
	s.set("proc/net/udp", udpTable)
	s.set("proc/net/tcp", tcpTable)
	s.set("proc/net/tcp6", tcp6Table)
	link := func(name, target string) {
		files[name] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte(target)}
	}
	link("proc/77/fd/3", "/dev/null")
	link("proc/77/fd/4", "socket:[4711]")
	link("proc/77/fd/5", "socket:[4712]")
	link("proc/78/fd/4", "socket:[4711]")
	link("proc/900/fd/4", "socket:[4715]")
	s.set("proc/77/comm", "asterisk\n")
	s.set("proc/77/cgroup", "0::/system.slice/asterisk.service\n")
	s.set("proc/900/comm", "tollgate\n")
	s.set("proc/900/limits", "Max open files 1 99999 files\n")
	return s
}

func TestPortsTaken(t *testing.T) {
	r := Look(t.Context(), busy(t))
	expect(t, &r, "ports", Problem, "udp://203.0.113.7:5060", "asterisk (process 77)", "systemctl disable --now asterisk.service")
	expect(t, &r, "ports", Problem, "http.listen 127.0.0.1:8080", "may not see", "sudo ss")
	if r.Problems() != 2 {
		t.Errorf("two ports are taken: %+v", r.Findings)
	}
	s := busy(t)
	s.PID = 77
	s.Config.HTTP.Listen = ""
	s.Config.HTTP.Metrics = ""
	s.set("proc/77/limits", "Max open files 1 99999 files\n")
	r = Look(t.Context(), s)
	expect(t, &r, "ports", OK, "running node's")
	s.PID = 0
	s.set("proc/77/cgroup", "0::/user.slice/user@1000.service/app.scope\n")
	r = Look(t.Context(), s)
	expect(t, &r, "ports", Problem, "kill 77")
	s.Files.(fstest.MapFS)["proc/net/udp"] = &fstest.MapFile{Mode: fs.ModeDir}
	r = Look(t.Context(), s)
	expect(t, &r, "ports", Warning, "cannot be read")
}

func TestClash(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"1.2.3.4:5060", "1.2.3.4:5060", true},
		{"1.2.3.4:5060", "1.2.3.5:5060", false},
		{"1.2.3.4:5060", "0.0.0.0:5060", true},
		{"0.0.0.0:5060", "1.2.3.4:5060", true},
		{"0.0.0.0:5060", "1.2.3.4:5061", false},
		{"[::]:5060", "1.2.3.4:5060", true},
		{"[::1]:5060", "0.0.0.0:5060", false},
		{"[::1]:5060", "[::]:5060", true},
		{"[::1]:5060", "[::2]:5060", false},
	} {
		if got := clash(netip.MustParseAddrPort(c.a), netip.MustParseAddrPort(c.b)); got != c.want {
			t.Errorf("clash(%s, %s) = %v", c.a, c.b, got)
		}
	}
}

func TestHTTPAddr(t *testing.T) {
	for s, want := range map[string]string{
		"127.0.0.1:8080": "127.0.0.1:8080", ":8080": "[::]:8080", "localhost:1": "127.0.0.1:1", "[::1]:9": "[::1]:9",
		"": "", "edge.example:8080": "", "127.0.0.1": "", "127.0.0.1:x": "", "[::1]": "",
	} {
		at, ok := httpAddr(s)
		if got := at.String(); ok != (want != "") || ok && got != want {
			t.Errorf("httpAddr(%q) = %s, %v", s, got, ok)
		}
	}
}

// TestThisMachine: the real tables are understood, on whatever this runs.
func TestThisMachine(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s := Machine(nil)
	bound, err := sockets(s.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bound {
		if b.proto == "tcp" && b.at.String() == ln.Addr().String() {
			if o := ownersOf(s.Files, []string{b.inode})[b.inode]; !strings.HasPrefix(o.program, "doctor") {
				t.Errorf("its owner is this test, not %+v", o)
			}
			return
		}
	}
	t.Errorf("%s is not among %d sockets", ln.Addr(), len(bound))
}

func TestOpenings(t *testing.T) {
	n := config.Default()
	n.SIP.Listen = []config.Listener{
		listener("udp", "203.0.113.7:5060"), listener("udp", "[2001:db8::1]:5060"), listener("tcp", "203.0.113.7:5060"), listener("tls", "203.0.113.7:5061"),
		listener("udp", "127.0.0.1:5070"),
		{Proto: "udp", Addr: netip.MustParseAddrPort("10.0.0.4:5080"), Network: "inside"},
	}
	n.HTTP.Metrics = "203.0.113.7:9090"
	open := openings(&n)
	var got []string
	for _, o := range open {
		got = append(got, o.Proto+" "+o.Ports+" "+o.From)
	}
	want := "udp 5060 phones, trunks, PBXs; tcp 5060 phones, trunks, PBXs; tcp 5061 phones, trunks, PBXs; udp 5080 the network inside; " +
		"tcp 9090 your monitoring only; udp 20000-29999 phones, trunks, PBXs"
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("%s", s)
	}
	var lines []string
	for _, f := range Firewalls(open) {
		lines = append(lines, f.Lines...)
	}
	for _, line := range []string{
		"nft insert rule inet filter input udp dport { 5060, 5080, 20000-29999 } accept", "nft insert rule inet filter input tcp dport { 5060, 5061 } accept",
		"ufw allow 5061/tcp", "ufw allow 20000:29999/udp", "firewall-cmd --permanent --add-port=5060/udp", "firewall-cmd --reload",
	} {
		if !strings.Contains(strings.Join(lines, "\n"), line) {
			t.Errorf("%q is missing:\n%s", line, strings.Join(lines, "\n"))
		}
	}
	if s := strings.Join(lines, "\n"); strings.Contains(s, "9090") {
		t.Errorf("opens what should stay closed:\n%s", s)
	}
	n.SIP.Listen = n.SIP.Listen[4:5]
	if open := openings(&n); len(open) != 0 || Firewalls(open) != nil {
		t.Errorf("loopback needs nothing: %+v", open)
	}
	for at, want := range map[string]string{"127.0.0.1:8081": "ssh -L 8081:127.0.0.1:8081 edge", "": "", "0.0.0.0:80": ""} {
		n.HTTP.Listen = at
		if got := Tunnel(&n, "edge"); got != want {
			t.Errorf("%s: %q", at, got)
		}
	}
}

func FuzzParseSocket(f *testing.F) {
	for _, table := range []string{udpTable, tcpTable, tcp6Table} {
		for line := range strings.Lines(table) {
			f.Add("tcp", line)
			f.Add("udp", line)
		}
	}
	f.Fuzz(func(t *testing.T, proto, line string) {
		if s, ok := parseSocket(proto, line); ok && (!s.at.IsValid() || s.inode == "") {
			t.Errorf("%q: %+v", line, s)
		}
	})
}
