package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tollgate/internal/config"
	"tollgate/internal/edge"
)

// result is what a command did.
type result struct {
	code           int
	stdout, stderr string
}

// tollgate runs a command in this process.
func tollgate(stdin string, args ...string) result {
	var out, errs bytes.Buffer
	p := &program{cli: &commands{}, stdout: &out, stderr: &errs, stdin: strings.NewReader(stdin), environ: []string{"HOME=/nowhere"}}
	code := run(p, args)
	return result{code, out.String(), errs.String()}
}

// node runs an edge on free ports until the test ends; it gives its node.yaml.
func node(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "node.yaml")
	text := "data_dir: ./data\nsip: {listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0']}\nhttp: {listen: '127.0.0.1:0', metrics: ''}\n"
	write(t, file, text)
	cfg, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e, err := edge.New(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx, ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) { // stopped while it started: no fault, as for serve
			t.Error(err)
		}
	})
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		if local(cfg.DataDir).reach(ctx, cfg.DataDir) == nil {
			tick.Stop()
			return file
		}
		if ctx.Err() != nil || len(ended) > 0 {
			t.Fatal("the node ended while it started")
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const tenants = `companies:
  - name: Verdi
customers:
  - name: Giuseppe
    company: Verdi
    domains: [giuseppe.example]
    keepalive: false
    destinations:
      - {name: pbx, host: 127.0.0.9, port: 5999}
    sip_users:
      - {username: "1001", password: {file: pw.txt}}
      - {username: "1002", password: generate}
`

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", usage, "expected one of"},
		{"nonsense", usage, "unexpected argument nonsense"},
		{"calls -o xml", usage, "--output"},
		{"apply", usage, "apply needs a file: -f"},
		{"hangup", usage, "<id>"},
		{"explain --from sip:a@b", usage, "--to"},
		{"calls --server ftp://x --token y", usage, "--server is not a URL"},
		{"calls --server http://user:pw@x --token y", usage, "--server is not a URL"},
		{"calls --server http://x", usage, "needs an API key"},
		{"calls --token y", usage, "--token needs --server"},
		{"probe sip:x@y --via 127.0.0.1", usage, "--via is not an address"},
		{"probe sip:x@y --via udp://127.0.0.1:0", usage, "--via is not an address"},
		{"probe sip:x@y --via udp://127.0.0.1:9 --ring 0s", usage, "--talk and --ring are times"},
		{"calls -c /nowhere/node.yaml", refused, "/nowhere/node.yaml"},
		{"calls --server http://127.0.0.1:1 --token y", refused, "http://127.0.0.1:1 cannot be reached"},
		{"check -f /nowhere/tenants.yaml", refused, "/nowhere/tenants.yaml"},
		{"version", done, "tollgate"},
		{"--help", done, "A multi-tenant SIP edge."},
		{"probe --help", done, "--transport"},
	} {
		r := tollgate("", strings.Fields(c.args)...)
		if r.code != c.code || !strings.Contains(r.stdout+r.stderr, c.says) {
			t.Errorf("tollgate %s: exit %d\n%s%s", c.args, r.code, r.stdout, r.stderr)
		}
		if c.code != done && strings.Count(r.stderr, "\n") != 1 && !strings.HasPrefix(c.args, "check") {
			t.Errorf("tollgate %s: not one line\n%s", c.args, r.stderr)
		}
	}
}

func TestNoNode(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, command := range []string{"calls", "destinations", "export", "hangup x", "api-keys", "probe sip:a@b"} {
		r := tollgate("", strings.Fields(command)...)
		if r.code != refused || r.stderr != "tollgate: no node is running with the data folder data: start one with tollgate serve, or name another one with -c or --server\n" {
			t.Errorf("%s: exit %d %s", command, r.code, r.stderr)
		}
	}
}

// TestNode walks through a node's life at the command line.
func TestNode(t *testing.T) {
	cfg := node(t)
	dir := filepath.Dir(cfg)
	file := filepath.Join(dir, "tenants.yaml")
	write(t, file, tenants)

	// What the file leaves to this machine is resolved here, and refused in its place where it cannot be.
	r := tollgate("", "apply", "-c", cfg, "-f", file)
	if r.code != refused || !strings.HasPrefix(r.stderr, file+":11:") || !strings.Contains(r.stderr, "pw.txt") || strings.Count(r.stderr, "\n") != 1 {
		t.Fatalf("%+v", r)
	}
	write(t, filepath.Join(dir, "pw.txt"), "Correct-Horse-1\n")
	if r = tollgate("", "apply", "-c", cfg, "-f", file, "--dry-run"); r.code != done || !strings.Contains(r.stdout, "+ customer Giuseppe") {
		t.Fatalf("%+v", r)
	}
	r = tollgate("", "apply", "-c", cfg, "-f", file)
	if r.code != done || !strings.Contains(r.stdout, "password of sip-user 1002 of Giuseppe, shown this once: ") || strings.Contains(r.stdout, "Correct-Horse") {
		t.Fatalf("%+v", r)
	}
	if r = tollgate(tenants[:strings.Index(tenants, "    sip_users")], "apply", "-c", cfg, "-f", "-"); r.code != done || r.stdout != "no changes\n" {
		t.Errorf("from standard input: %+v", r)
	}
	if r = tollgate("", "export", "-c", cfg); r.code != done || !strings.Contains(r.stdout, "giuseppe.example") || strings.Contains(r.stdout, "Correct-Horse") {
		t.Errorf("%+v", r)
	}
	if r = tollgate("", "destinations", "-c", cfg, "--customer", "Giuseppe"); r.code != done || !strings.Contains(r.stdout, "udp 127.0.0.9:5999") {
		t.Errorf("%+v", r)
	}
	if r = tollgate("", "destinations", "-c", cfg, "--customer", "Nobody"); r.code != refused {
		t.Errorf("%+v", r)
	}
	var list []map[string]any
	if r = tollgate("", "destinations", "-c", cfg, "-o", "json"); json.Unmarshal([]byte(r.stdout), &list) != nil || len(list) != 1 || list[0]["name"] != "pbx" {
		t.Errorf("%+v", r)
	}
	if r = tollgate("", "calls", "-c", cfg, "-o", "json"); r.stdout != "[]\n" {
		t.Errorf("%+v", r)
	}
	if r = tollgate("", "calls", "-c", cfg, "-o", "yaml"); strings.TrimSpace(r.stdout) != "[]" {
		t.Errorf("%+v", r)
	}
	if r = tollgate("", "hangup", "-c", cfg, "../customers/1"); r.code != refused || !strings.Contains(r.stderr, "not found") {
		t.Errorf("%+v", r)
	}
	if r = tollgate("", "explain", "-c", cfg, "--from", "sip:a@b", "--to", "sip:100@giuseppe.example", "--source", "192.0.2.1:5060", "--header", "X-A: b, c"); r.code != done || !strings.Contains(r.stdout, "Giuseppe") || !strings.Contains(r.stdout, "pbx") {
		t.Errorf("%+v", r)
	}
	if r = tollgate("", "explain", "-c", cfg, "--from", "a b", "--to", "", "--source", "x"); r.code != refused || strings.Count(r.stderr, "\n") != 3 {
		t.Errorf("%+v", r)
	}
	keys(t, cfg)
}

// keys makes keys and uses one from elsewhere.
func keys(t *testing.T, cfg string) {
	t.Helper()
	r := tollgate("", "api-keys", "create", "-c", cfg, "for \x1b[31mtests", "--role", "customer", "--customer", "Giuseppe")
	if r.code != refused || strings.Contains(r.stderr, "\x1b") {
		t.Errorf("%+v", r)
	}
	r = tollgate("", "api-keys", "create", "-c", cfg, "for tests", "--role", "customer", "--customer", "Giuseppe")
	key := strings.TrimSpace(r.stdout)
	if r.code != done || !strings.HasPrefix(key, "tg_") {
		t.Fatalf("%+v", r)
	}
	if r = tollgate("", "api-keys", "-c", cfg); r.code != done || !strings.Contains(r.stdout, "for tests") || strings.Contains(r.stdout, key) {
		t.Errorf("%+v", r)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "tenants.yaml", tenants)
	write(t, "pw.txt", "Correct-Horse-1")
	if r := tollgate("", "check", "-f", "tenants.yaml"); r.code != done || r.stdout != "the default configuration: fine\ntenants.yaml: fine\n" {
		t.Errorf("%+v", r)
	}
	write(t, "node.yaml", "limits: {calls: -1}\nlog: {level: x}\n")
	write(t, "bad.yaml", strings.Replace(tenants, "company: Verdi", "company: Verdy", 1))
	r := tollgate("", "check", "-f", "bad.yaml")
	if r.code != refused || strings.Count(r.stderr, "node.yaml:") != 2 || !strings.Contains(r.stderr, "bad.yaml:5:14: ") || r.stdout != "" {
		t.Errorf("%+v", r)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 4 {
		t.Errorf("check left something behind: %v %v", entries, err)
	}
}

// TestServeRefuses: what keeps a node from starting is one sentence.
func TestServeRefuses(t *testing.T) {
	cfg := node(t)
	r := tollgate("", "serve", "-c", cfg)
	if r.code != refused || r.stderr != fmt.Sprintf("tollgate: another node is running with the data folder %s/data: stop it, or give this one another data_dir\n", filepath.Dir(cfg)) {
		t.Errorf("%+v", r)
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"plain":              "plain",
		"Böse 日本":            "Böse 日本",
		"a\x1b[31mb":         `a\x1b[31mb`,
		"a\r\nb\tc\x00":      `a\x0d\x0ab\x09c\x00`,
		"\xff\xfe":           `\xff\xfe`,
		"\u202eabc\u2066":    `\u202eabc\u2066`,
		"\u0085\u00a0\u2028": `\u0085\u00a0\u2028`,
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestLogEscapes: no byte that a terminal obeys leaves by the log, in any of its forms.
func TestLogEscapes(t *testing.T) {
	hostile := "a\x1b[2Jb\r\nlevel=ERROR \x00\u202e\x9b"
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		log := newLog(&b, config.Log{Level: "info", Format: format})
		log.Info("refused", "from", hostile, "error", fmt.Errorf("bad: %s", hostile), "list", []string{hostile})
		log.Debug("hidden")
		if s := b.String(); strings.ContainsAny(s, "\x1b\x00\r") || strings.Contains(s, "\x9b") || strings.Count(s, "\n") != 1 || strings.Contains(s, "hidden") {
			t.Errorf("%s: %q", format, s)
		}
	}
	if a := plainAttr(nil, slog.String("from", hostile)); strings.ContainsAny(a.Value.String(), "\x1b\r\n\x00") {
		t.Errorf("%q", a.Value)
	}
	if a := plainAttr(nil, slog.Any("error", fmt.Errorf("x %s", hostile))); strings.ContainsAny(a.Value.String(), "\x1b\r\n\x00") {
		t.Errorf("%q", a.Value)
	}
}

func TestDemoFolder(t *testing.T) {
	for _, c := range []struct {
		environ []string
		want    string
	}{
		{[]string{"HOME=/home/a"}, "/home/a/.local/share/tollgate/demo"},
		{[]string{"HOME=/home/a", "XDG_DATA_HOME=/d"}, "/d/tollgate/demo"},
		{[]string{"HOME=relative"}, filepath.Join(os.TempDir(), fmt.Sprintf("tollgate-demo-%d", os.Getuid()))},
	} {
		if got := demoFolder(c.environ); got != c.want {
			t.Errorf("%v: %s", c.environ, got)
		}
	}
}
