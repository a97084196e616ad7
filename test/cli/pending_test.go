package cli

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
)

// patience is for what a busy machine does late.
const patience = 20 * time.Second

// stands gives a node with a customer, and what it exports.
func stands(t *testing.T) (node *harness.Node, before string) {
	t.Helper()
	node = harness.Start(t)
	node.ApplyText(t, example(t))
	return node, node.Must(t, "export").Stdout
}

// upheaval changes a customer, makes one and, pruned, takes the first away.
const upheaval = "companies: [{name: New Company}]\ncustomers:\n  - {name: Newcomer, company: New Company, domains: [new.test], sip_users: [{username: \"7001\", password: generate}]}\n"

// is fails unless the node comes to export that.
func is(t *testing.T, node *harness.Node, want string) {
	t.Helper()
	harness.Eventually(t, patience, func() error {
		if got := node.Must(t, "export").Stdout; got != want {
			return fmt.Errorf("expected:\n%s\ngot:\n%s", want, got)
		}
		return nil
	})
}

// TestConfirmWithin: what nobody confirms goes back by itself, secrets included; traffic obeys both.
func TestConfirmWithin(t *testing.T) {
	t.Parallel()
	node, before := stands(t)
	explain := func() string {
		return node.Command(t, "explain", "--from", "sip:1@there.test", "--to", "sip:1001@giuseppeverdi.example.com", "--source", "198.51.100.200:5060").Stdout
	}
	known := explain()
	r := node.TryApply(t, upheaval, "--prune", "--confirm-within", "3s")
	if r.Code != 0 {
		t.Fatalf("%s", r)
	}
	says(t, r, "- customer GiuseppeVerdi", "+ customer Newcomer", "goes back by itself", "tollgate apply --confirm")
	if text := node.Must(t, "export").Stdout; !strings.Contains(text, "Newcomer") || strings.Contains(text, "GiuseppeVerdi") {
		t.Errorf("not in force at once:\n%s", text)
	}
	is(t, node, before)
	harness.Eventually(t, patience, func() error {
		if now := explain(); now != known {
			return fmt.Errorf("traffic obeyed\n%s\nand obeys\n%s", known, now)
		}
		return nil
	})
	// The passwords of what was deleted are back: the same file asks for no other.
	says(t, node.ApplyText(t, example(t)), "no changes")
	if r := node.Command(t, "apply", "--confirm"); r.Code != 1 {
		t.Errorf("%s", r)
	}
}

// TestConfirm: what is confirmed stays; meanwhile no other file is applied.
func TestConfirm(t *testing.T) {
	t.Parallel()
	node, _ := stands(t)
	if r := node.TryApply(t, upheaval, "--confirm-within", "1h"); r.Code != 0 {
		t.Fatalf("%s", r)
	}
	second := "customers: [{name: GiuseppeVerdi, cps: 7}]\n"
	oneSentence(t, node.TryApply(t, second), "tenants.yaml", "goes back at", "--confirm", "--revert")
	oneSentence(t, node.TryApply(t, second, "--confirm-within", "5m"), "goes back at")
	if r := node.TryApply(t, second, "--dry-run"); r.Code != 0 {
		t.Errorf("%s", r)
	}
	says(t, node.Command(t, "doctor"), "goes back at")
	says(t, node.Must(t, "apply", "--confirm"), "confirmed")
	oneSentence(t, node.Command(t, "apply", "--revert"), "no apply waits")
	node.ApplyText(t, second)
	if text := node.Must(t, "export").Stdout; !strings.Contains(text, "Newcomer") || !strings.Contains(text, "cps: 7") {
		t.Errorf("confirmed, and another applied:\n%s", text)
	}
}

// TestRevert takes back at once, and leaves what others have done since.
func TestRevert(t *testing.T) {
	t.Parallel()
	node, before := stands(t)
	if r := node.TryApply(t, "customers: [{name: GiuseppeVerdi, cps: 7}]\n", "--confirm-within", "1h"); r.Code != 0 {
		t.Fatalf("%s", r)
	}
	says(t, node.Must(t, "apply", "--revert"), "taken back")
	is(t, node, before)
	r := node.TryApply(t, "customers: [{name: GiuseppeVerdi, cps: 7, blocklist: []}]\n", "--confirm-within", "1h")
	if r.Code != 0 {
		t.Fatalf("%s", r)
	}
	node.Must(t, "transparent", "on", "--customer", "GiuseppeVerdi")
	says(t, node.Must(t, "apply", "--revert"), "but for", "customer GiuseppeVerdi", "has changed it")
	if text := node.Must(t, "export").Stdout; !strings.Contains(text, "cps: 7") || !strings.Contains(text, "00882") {
		t.Errorf("the customer stays as others left it, the block list goes back:\n%s", text)
	}
}

// TestConfirmAfterKill: what waits to be confirmed outlives the node, and goes back at the next start.
func TestConfirmAfterKill(t *testing.T) {
	t.Parallel()
	node, before := stands(t)
	if r := node.TryApply(t, upheaval, "--prune", "--confirm-within", "2s"); r.Code != 0 {
		t.Fatalf("%s", r)
	}
	node.Signal(t, syscall.SIGKILL)
	node.Exited(harness.Stopping)
	node.Up(t)
	is(t, node, before)
}

// TestConfirmUsage: each misuse is told before anything is done.
func TestConfirmUsage(t *testing.T) {
	t.Parallel()
	node, before := stands(t)
	for _, args := range [][]string{
		{"apply"}, {"apply", "--confirm", "--revert"}, {"apply", "--confirm", "-f", "x.yaml"}, {"apply", "--revert", "--confirm-within", "5m"},
	} {
		if r := node.Command(t, args...); r.Code != 2 || strings.Count(r.Stderr, "\n") != 1 {
			t.Errorf("%s", r)
		}
	}
	for _, within := range []string{"0s", "25h", "soon", "-5m"} {
		r := node.TryApply(t, upheaval, "--confirm-within="+within)
		oneSentence(t, r, "confirm_within")
	}
	is(t, node, before)
}

// TestExportAsJSON: export speaks JSON like all that prints data, and apply takes it back.
func TestExportAsJSON(t *testing.T) {
	t.Parallel()
	node, before := stands(t)
	text := node.Must(t, "export", "-o", "json").Stdout
	if !strings.HasPrefix(text, "{") {
		t.Fatalf("no JSON object:\n%.200s", text)
	}
	says(t, node.ApplyText(t, text), "no changes")
	is(t, node, before)
	if r := node.Must(t, "check", "-o", "json"); !strings.Contains(r.Stdout, `"fine": true`) {
		t.Errorf("%s", r)
	}
}
