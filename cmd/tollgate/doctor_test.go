package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"tollgate/internal/doctor"
)

// TestDoctor looks with a running node, without one, and at files that are wrong.
func TestDoctor(t *testing.T) {
	cfg := node(t)
	dir := filepath.Dir(cfg)
	file := filepath.Join(dir, "tenants.yaml")
	write(t, file, strings.Replace(tenants, "password: {file: pw.txt}", "password: generate", 1))
	if r := tollgate("", "apply", "-c", cfg, "-f", file); r.code != done {
		t.Fatalf("%+v", r)
	}
	look := func(code int, args ...string) doctor.Report {
		t.Helper()
		r := tollgate("", append([]string{"doctor", "-o", "json"}, args...)...)
		var report doctor.Report
		if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || r.code != code {
			t.Fatalf("exit %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
		}
		return report
	}
	says := func(r doctor.Report, check, words string) {
		t.Helper()
		for _, f := range r.Findings {
			if f.Check == check && strings.Contains(f.Text, words) {
				return
			}
		}
		t.Errorf("no %s says %q: %+v", check, words, r.Findings)
	}
	r := look(done, "-c", cfg)
	says(r, "node", "the node is running, as process")
	says(r, "tenants", "1 domains and 1 destinations, by the running node")
	says(r, "dns", "giuseppe.example")
	r = look(done, "-c", cfg, "-f", file)
	says(r, "tenants", "by "+file)
	says(r, "destinations", "nothing listens there for UDP")
	text := tollgate("", "doctor", "-c", cfg)
	if text.code != done || !strings.Contains(text.stdout, "0 problems") || strings.Contains(text.stdout, "ufw allow") {
		t.Errorf("%+v", text)
	}

	away := t.TempDir()
	bad := filepath.Join(away, "node.yaml")
	write(t, bad, "sip: {listen: ['udp://192.0.2.200:5060'], lisen: 3}\n")
	says(look(refused, "-c", bad), "config", "lisen")
	write(t, bad, "sip: {listen: ['udp://192.0.2.200:5060']}\n")
	write(t, filepath.Join(away, "tenants.yaml"), "customers: 3\n")
	r = look(refused, "-c", bad)
	says(r, "addresses", "192.0.2.200")
	says(r, "tenants", "tenants.yaml:1:12")
	if text := tollgate("", "doctor", "-c", bad); text.code != refused || !strings.Contains(text.stdout, "ufw allow 5060/udp") || !strings.Contains(text.stdout, "2 problems") {
		t.Errorf("%+v", text)
	}
	if r := tollgate("", "doctor", "-f", "/nowhere/t.yaml", "-c", bad); r.code != refused || !strings.Contains(r.stderr, "/nowhere/t.yaml") {
		t.Errorf("%+v", r)
	}
	if r := tollgate("", "doctor", "--server", "http://x", "--token", "y"); r.code != usage {
		t.Errorf("%+v", r)
	}
}
