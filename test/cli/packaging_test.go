package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tollgate/test/harness"
)

// unit reads a systemd unit or a sysctl file: what each key is set to, in order.
func unit(t *testing.T, name string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "packaging", name))
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.ContainsRune("#[", rune(line[0])) {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Errorf("%s: %q sets nothing", name, line)
		}
		settings[strings.TrimSpace(key)] = append(settings[strings.TrimSpace(key)], strings.TrimSpace(value))
	}
	return settings
}

// TestUnit: what the service runs exists, with that flag; it has no more rights than it needs, and
// the time to drain.
func TestUnit(t *testing.T) {
	t.Parallel()
	settings := unit(t, "tollgate.service")
	one := func(key string) string {
		if len(settings[key]) != 1 {
			t.Fatalf("%s is set to %q", key, settings[key])
		}
		return settings[key][0]
	}
	command := strings.Fields(one("ExecStart"))
	if len(command) != 4 || filepath.Base(command[0]) != "tollgate" {
		t.Fatalf("it runs %q", command)
	}
	dir := t.TempDir()
	r := harness.Run(t, dir, nil, command[1], "--help")
	if r.Code != 0 {
		t.Errorf("%s", r)
	}
	says(t, r, command[2]+", ")
	// `serve -c FILE` takes the file: one that is not there is what it complains of.
	oneSentence(t, harness.Run(t, dir, nil, command[1], command[2], filepath.Join(dir, "node.yaml")), "node.yaml")
	for key, want := range map[string]string{
		"User": "tollgate", "StateDirectory": "tollgate", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "PrivateTmp": "yes",
		"CapabilityBoundingSet": "CAP_BPF CAP_NET_ADMIN", "AmbientCapabilities": "CAP_BPF CAP_NET_ADMIN",
		"MemoryDenyWriteExecute": "yes", "Restart": "always",
	} {
		if got := one(key); got != want {
			t.Errorf("%s=%s", key, got)
		}
	}
	if n, err := strconv.Atoi(one("TimeoutStopSec")); err != nil || n < 20 {
		t.Errorf("TimeoutStopSec=%d is less than a drain takes", n)
	}
	if n, err := strconv.Atoi(one("LimitNOFILE")); err != nil || n < 65536 {
		t.Errorf("LimitNOFILE=%d is what doctor warns of", n)
	}
	if families := strings.Fields(one("RestrictAddressFamilies")); !slices.Contains(families, "AF_NETLINK") {
		t.Errorf("without netlink it does not learn its addresses: %q", families)
	}
	if !slices.Contains(settings["SystemCallFilter"], "bpf") {
		t.Error("bpf(2) is not among its system calls, and the kernel could drop nothing for bans")
	}
	if _, reload := settings["ExecReload"]; reload {
		t.Error("there is nothing to reload")
	}
}

// TestSysctl: the file sets what doctor asks for.
func TestSysctl(t *testing.T) {
	t.Parallel()
	settings := unit(t, "60-tollgate.conf")
	for key, least := range map[string]int{"net.core.rmem_max": 4 << 20, "net.core.wmem_max": 1 << 20, "-net.netfilter.nf_conntrack_max": 262144} {
		values := settings[key]
		if len(values) != 1 {
			t.Errorf("%s is set to %q", key, values)
			continue
		}
		if n, err := strconv.Atoi(values[0]); err != nil || n < least {
			t.Errorf("%s = %s", key, values[0])
		}
	}
}
