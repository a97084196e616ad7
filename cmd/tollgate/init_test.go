package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tollgate/internal/config"
)

// TestInitFiles writes the files for different networks; what is written is what serve and apply take.
func TestInitFiles(t *testing.T) {
	for _, c := range []struct {
		name, address, advertise, host, near string
		port                                 int
		transport                            string
		node, tenants                        []string // lines
		side                                 string
	}{
		{
			"all public", "203.0.113.7", "", "198.51.100.5", "203.0.113.7", 5060, "udp",
			[]string{`- "udp://203.0.113.7:5060"`, `- "tls://203.0.113.7:5061"`},
			[]string{`- {name: pbx, host: "198.51.100.5", port: 5060, protocol: udp}`},
			"203.0.113.7:5060",
		},
		{
			"cloud, PBX beside it", "10.0.0.4", "203.0.113.7", "10.0.0.5", "10.0.0.4", 5060, "tls",
			[]string{
				`- {url: "tls://10.0.0.4:5061", advertise: "203.0.113.7", network: outside}`, `- {url: "udp://10.0.0.4:5070", network: inside}`,
				`- {url: "tls://10.0.0.4:5071", network: inside}`,
			},
			[]string{`- {name: pbx, host: "10.0.0.5", port: 5060, protocol: tls, network: inside}`},
			"10.0.0.4:5071",
		},
		{
			"cloud, PBX elsewhere", "10.0.0.4", "edge.example.com", "198.51.100.5", "10.0.0.4", 5080, "tcp",
			[]string{`- {url: "udp://10.0.0.4:5060", advertise: "edge.example.com"}`},
			[]string{`- {name: pbx, host: "198.51.100.5", port: 5080, protocol: tcp}`},
			"10.0.0.4:5060",
		},
		{
			"two interfaces", "203.0.113.7", "", "10.1.0.5", "10.1.0.4", 5060, "udp",
			[]string{`- {url: "udp://203.0.113.7:5060", network: outside}`, `- {url: "tcp://10.1.0.4:5060", network: inside}`},
			[]string{"network: inside}"},
			"10.1.0.4:5060",
		},
		{
			"PBX on this machine", "203.0.113.7", "", "127.0.0.1", "127.0.0.1", 5070, "udp",
			[]string{`- {url: "udp://127.0.0.1:5080", network: inside}`},
			[]string{`host: "127.0.0.1", port: 5070`},
			"127.0.0.1:5080",
		},
		{
			"one network", "10.0.0.4", "", "10.0.0.5", "10.0.0.4", 5060, "udp",
			[]string{`- "udp://10.0.0.4:5060"`},
			[]string{"protocol: udp}"},
			"10.0.0.4:5060",
		},
		{
			"PBX in the other family", "203.0.113.7", "", "2001:db8::5", "2001:db8::7", 5060, "udp",
			[]string{`- {url: "udp://[2001:db8::7]:5060", network: inside}`},
			[]string{"network: inside}"},
			"[2001:db8::7]:5060",
		},
		{
			"this machine alone", "127.0.0.3", "", "127.0.0.4", "127.0.0.1", 5060, "udp",
			[]string{`- "udp://127.0.0.3:5060"`},
			[]string{"protocol: udp}"},
			"127.0.0.3:5060",
		},
		{
			"IPv6", "2001:db8::7", "", "2001:db8::5", "2001:db8::7", 5060, "udp",
			[]string{`- "udp://[2001:db8::7]:5060"`},
			[]string{`host: "2001:db8::5"`, `domains: ["2001:db8::7"]`},
			"[2001:db8::7]:5060",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := answers{Address: netip.MustParseAddr(c.address), Advertise: c.advertise, PBX: pbx{c.host, c.port, c.transport}, dataDir: "./data"}
			a.Domain = a.told()
			a.settle(func(netip.Addr) (netip.Addr, bool) { return netip.MustParseAddr(c.near), true }, nil)
			node, tenants := a.nodeYAML(), a.tenantsYAML()
			for _, line := range c.node {
				if !strings.Contains(node, line+"\n") {
					t.Errorf("%s is not in\n%s", line, node)
				}
			}
			for _, line := range c.tenants {
				if !strings.Contains(tenants, line) {
					t.Errorf("%s is not in\n%s", line, tenants)
				}
			}
			if a.side() != c.side {
				t.Errorf("the PBX sees %s", a.side())
			}
			j, err := newJudge(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer j.close()
			if err := j.whole(t.Context(), &a); err != nil {
				t.Errorf("refused: %v\n%s%s", err, node, tenants)
			}
		})
	}
}

// TestInitAsks plays a person who answers badly first.
func TestInitAsks(t *testing.T) {
	var out bytes.Buffer
	j, err := newJudge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	talk := func(lines string, c initCommand) (*interview, error) {
		out.Reset()
		i := &interview{
			p: &program{cli: &commands{}, stdout: &out, stderr: &out}, own: []netip.Addr{netip.MustParseAddr("10.0.0.4")}, judge: j,
			source:  func(netip.Addr) (netip.Addr, bool) { return netip.MustParseAddr("10.0.0.4"), true },
			resolve: func(string) []netip.Addr { return nil },
			ask:     newPrompt(t.Context(), strings.NewReader(lines), &out),
		}
		return i, i.run(t.Context(), &c)
	}
	i, err := talk("nonsense\n192.0.2.1\n0.0.0.0\n\n\n10.0.0.0.1\n203.0.113.7\nbad domain\npbx.example.com\n\n10.0.0.4\nx:0\nx:y:z\n10.0.0.5:5080\nws\ntcp\n", initCommand{})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	want := answers{
		Address: netip.MustParseAddr("10.0.0.4"), Advertise: "203.0.113.7", Domain: "pbx.example.com",
		PBX: pbx{"10.0.0.5", 5080, "tcp"}, inside: netip.MustParseAddrPort("10.0.0.4:5070"),
	}
	if i.answers != want {
		t.Errorf("%+v\n%s", i.answers, out.String())
	}
	for _, words := range []string{
		"reach [10.0.0.4]: ", `"nonsense" is not an address`, "is the next answer (--advertise)", "10.0.0.4 is private: give", "0.0.0.0 is every address", `"10.0.0.0.1" is not an IP address`,
		"address [203.0.113.7]: ", `"bad domain"`, "will be Tollgate's own", `"0" is not a port`, `"x:y:z" is not a PBX`, `"ws" is no transport`,
	} {
		if !strings.Contains(out.String(), words) {
			t.Errorf("%q is not said:\n%s", words, out.String())
		}
	}
	if i, err = talk("\n\n", initCommand{Address: "10.0.0.9", Advertise: "none", PBX: "pbx.test"}); err == nil {
		t.Errorf("the questions ended, and it took %+v", i.answers)
	}
	if i, err = talk("\n\n\n", initCommand{Address: "10.0.0.9", Advertise: "none", PBX: "pbx.test"}); err != nil || i.answers.Domain != "10.0.0.4" || i.answers.PBX.Port != 5060 {
		t.Errorf("%v %+v\n%s", err, i.answers, out.String())
	}
	if !strings.Contains(out.String(), "no interface of this machine has 10.0.0.9") {
		t.Errorf("a bad flag is told of, and asked again: %s", out.String())
	}
}

// TestInit: the command with flags, in a folder.
func TestInit(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	flags := []string{"init", "--address", "127.0.0.1", "--advertise", "none", "--pbx", "127.0.0.9:5070"}
	if r := tollgate("", flags...); r.code != done || !strings.Contains(r.stdout, " doctor ") || !strings.Contains(r.stdout, "127.0.0.9:5070") {
		t.Fatalf("%+v", r)
	}
	for _, file := range []string{"node.yaml", "tenants.yaml"} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o007 != 0 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	if r := tollgate("", "check", "-f", "tenants.yaml"); r.code != done {
		t.Errorf("%+v", r)
	}
	if r := tollgate("", flags...); r.code != refused || !strings.Contains(r.stderr, "node.yaml is there already") {
		t.Errorf("%+v", r)
	}
	write(t, "tenants.yaml", "mine")
	for range 2 {
		if r := tollgate("", append(flags, "--force", "-o", "json")...); r.code != done || !strings.Contains(r.stdout, `"tenants": "tenants.yaml"`) {
			t.Errorf("%+v", r)
		}
	}
	if text, err := os.ReadFile("tenants.yaml.1"); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
	if r := tollgate("", append(flags, "--dir", "a/b")...); r.code != done || !strings.Contains(r.stdout, "-c a/b/node.yaml -f a/b/tenants.yaml") {
		t.Errorf("%+v", r)
	}
	if r := tollgate("", append(flags, "-c", filepath.Join(dir, "c", "edge.yaml"))...); r.code != done {
		t.Errorf("%+v", r)
	}
	if _, err := config.Load(filepath.Join("c", "edge.yaml"), nil); err != nil {
		t.Error(err)
	}
	for _, more := range [][]string{{"--dir", "x", "-c", "y"}, {"--server", "http://x", "--token", "y"}} {
		if r := tollgate("", append(flags, more...)...); r.code != usage {
			t.Errorf("%v: %+v", more, r)
		}
	}
	if got := dataDirFor("/etc/tollgate/node.yaml"); got != "/var/lib/tollgate" {
		t.Errorf("a service keeps its data in %s", got)
	}
}

// TestInitMissing: all that is missing or wrong, one line each, and nothing is written.
func TestInitMissing(t *testing.T) {
	t.Chdir(t.TempDir())
	r := tollgate("", "init", "--address", "127.0.0.1")
	if r.code != refused || strings.Count(r.stderr, "\n") != 2 || !strings.Contains(r.stderr, "--advertise is missing: 127.0.0.1 is private") || !strings.Contains(r.stderr, "--pbx is missing") {
		t.Errorf("%+v", r)
	}
	r = tollgate("", "init", "--address", "x", "--pbx", "y:z", "--pbx-transport", "q")
	if r.code != refused || strings.Count(r.stderr, "\n") != 3 {
		t.Errorf("%+v", r)
	}
	if list, err := os.ReadDir("."); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}
