package tenantfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
)

// FuzzParse: whatever a file holds, it is read or refused line by line, and what it says is planned without harm.
func FuzzParse(f *testing.F) {
	f.Add(example(f))
	for _, w := range wrongFields() {
		f.Add(w.new)
	}
	for _, text := range []string{
		"", "-", "a: [", "customers: {}", "customers: [1, [], {}, null, {name: x, sip_users: null}]", "? x\n: y", "&a [*a, *a]", "a: |\n  x", "\x00", "\xff",
		"customers:\n- name: x\n  destinations:\n  - rewrite: [[]]\n", "%YAML 1.2\n---\na: 1\n...\n---\nb: 2\n", "customers: [{<<: {name: x}}]",
	} {
		f.Add(text)
	}
	s := openStore(f)
	f.Fuzz(func(t *testing.T, text string) {
		opt := tenantfile.Options{Principal: tenant.Local("fuzz")}
		file := tenantfile.Parse("f", []byte(text), tenantfile.Given{})
		p, err := tenantfile.New(t.Context(), s, file, opt)
		var faults tenantfile.Faults
		if err != nil && !errors.As(err, &faults) {
			t.Fatalf("%v", err)
		}
		for _, f := range faults {
			if f.Line < 1 || f.Column < 1 || f.Message == "" || strings.ContainsAny(f.Error(), "\n\r\x1b") {
				t.Errorf("fault %q", f.Error())
			}
		}
		if err == nil {
			_ = p.String()
		}
	})
}

// TestTame: what the YAML parser would take minutes for is refused at once, and what is merely long is read.
func TestTame(t *testing.T) {
	var keys strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&keys, "k%d: 1\n", i)
	}
	flow := "{" + strings.ReplaceAll(keys.String(), "\n", ", ") + "}"
	for name, text := range map[string]string{
		"brackets": strings.Repeat("[", 1_000_000), "braces": strings.Repeat("{a: ", 100_000), "dashes": strings.Repeat("- ", 100_000),
		"anchors": "a: " + strings.Repeat("&a ", 100_000), "questions": strings.Repeat("? ", 100_000), "keys": keys.String(), "flow keys": flow,
		"indentation": strings.Repeat(" ", 500) + "a: 1", "stairs": stairs(1000),
	} {
		start := time.Now()
		if err := tenantfile.Parse("f", []byte(text), tenantfile.Given{}).Err(); err == nil {
			t.Errorf("%s: no fault", name)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	long := "companies:\n" + strings.Repeat("  - name: x\n    channels: 1\n    users:\n      - {email: a, name: b}\n", 5000)
	if err := tenantfile.Parse("f", []byte(long), tenantfile.Given{}).Err(); err != nil {
		t.Errorf("a long file: %v", err)
	}
}

// TestForeignText: a file from Windows is one too, and what is no text is refused as a whole.
func TestForeignText(t *testing.T) {
	text := "\ufeff" + strings.ReplaceAll(strings.Replace(example(t), "call_limit: 100", "call_limit: x", 1), "\n", "\r\n")
	if err := tenantfile.Parse("f", []byte(text), tenantfile.Given{}).Err(); err == nil || !strings.HasPrefix(err.Error(), "f:24:17: call_limit: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("CRLF and a byte order mark: %v", err)
	}
	for _, text := range []string{"\xff\xfec\x00u\x00", "customers: [\xff]"} {
		if err := tenantfile.Parse("f", []byte(text), tenantfile.Given{}).Err(); err == nil || err.Error() != "f:1:1: is not UTF-8; plain text, saved as UTF-8" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func stairs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// BenchmarkLarge is a file of 1,000 customers with 10 rules each: applied once, then planned without changes.
func BenchmarkLarge(b *testing.B) {
	var text strings.Builder
	text.WriteString("companies:\n  - {name: Verdi}\ncustomers:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "  - name: customer%04d\n    company: Verdi\n    destination_groups_enabled: true\n    domains: [c%04d.example]\n    destinations:\n      - {name: pbx, host: 10.0.%d.%d}\n    routing_rules:\n", i, i, i/256, i%256)
		for n := range 10 {
			fmt.Fprintf(&text, "      - {name: rule %d, header: user-agent, value: \"^Phone %d/%d\", priority: %d}\n", n, n, i, n)
		}
	}
	s := openStore(b)
	opt := tenantfile.Options{Principal: tenant.Local("bench")}
	start := time.Now()
	p, err := tenantfile.New(b.Context(), s, tenantfile.Parse("f", []byte(text.String()), tenantfile.Local{}), opt)
	if err != nil {
		b.Fatal(err)
	}
	planned := time.Since(start)
	if _, err := p.Apply(b.Context(), s); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d KB: planned in %v, applied in %v", text.Len()/1024, planned.Round(time.Millisecond), (time.Since(start) - planned).Round(time.Millisecond))
	for b.Loop() {
		p, err := tenantfile.New(b.Context(), s, tenantfile.Parse("f", []byte(text.String()), tenantfile.Local{}), opt)
		if err != nil || len(p.Changes) > 0 {
			b.Fatal(p, err)
		}
	}
}
