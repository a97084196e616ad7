// Package imports asserts the table of docs/architecture.md: which part of
// Tollgate may know which. The order is the layering: a part may import only
// parts above it. It is the only place where the layering is kept, so a new
// part begins with a row here and in the document.
package imports

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "tollgate/"

// part is a folder with the packages below it.
type part struct {
	path string
	// never lists imports that this part must not have although they stand
	// above it or outside of the module: what it does not know. "net" means
	// that package alone, "net/..." those below it too.
	never []string
}

// Names for what parts do not know.
var (
	sockets = []string{"net", "net/http/...", "crypto/tls", "syscall", "golang.org/x/sys/...", "tollgate/internal/transport/..."}
	sql     = []string{"database/sql/...", "github.com/uptrace/bun/...", "tollgate/internal/store/..."}
	httpAPI = []string{"net/http/...", "github.com/danielgtaylor/huma/..."}
	wire    = []string{"tollgate/sip/...", "tollgate/sdp/..."}
	policy  = []string{"tollgate/internal/policy/..."}
)

// parts is the table, from the ground up.
var parts = []part{
	{"sip", slices.Concat(sockets, sql, []string{"os"})},
	{"sdp", slices.Concat(sockets, sql, []string{"os"})},
	{"internal/slab", slices.Concat(sockets, sql, wire)},
	{"internal/tenant", slices.Concat(sockets, sql, wire)},
	{"internal/policy", slices.Concat(sockets, sql, []string{"os"})},
	{"internal/auth", slices.Concat(sockets, sql)},
	{"internal/overload", slices.Concat(sockets, sql, wire, policy, []string{"tollgate/internal/tenant/..."})},
	{"internal/transport", slices.Concat(sql, httpAPI, policy, []string{"tollgate/internal/tenant/..."})},
	{"internal/transaction", slices.Concat(sql, httpAPI, policy, []string{"tollgate/internal/tenant/..."})},
	{"internal/live", slices.Concat(httpAPI, wire)},
	{"internal/ban", slices.Concat(sockets, sql, wire, policy, httpAPI)},
	{"internal/threat", slices.Concat(sql, policy, httpAPI, []string{"net", "os"})},
	{"internal/login", slices.Concat(sockets, sql, wire, policy)},
	{"internal/store", slices.Concat(httpAPI, wire, []string{"tollgate/internal/transport/..."})},
	{"internal/tenantfile", slices.Concat(httpAPI, wire, []string{"database/sql/...", "github.com/uptrace/bun/..."})},
	{"internal/importer", slices.Concat(httpAPI, wire, []string{"database/sql/...", "github.com/uptrace/bun/...", "os"})},
	{"internal/config", slices.Concat(sql, httpAPI, wire, policy)},
	{"internal/journal", slices.Concat(sql, httpAPI, wire, policy, []string{"net", "tollgate/internal/transport/..."})},
	{"internal/backup", slices.Concat(httpAPI, wire, policy, []string{"net", "tollgate/internal/transport/..."})},
	{"internal/media/rtp", slices.Concat(sockets, sql, wire, httpAPI, policy, []string{"os", "tollgate/internal/tenant/..."})},
	{"internal/media/srtp", slices.Concat(sockets, sql, wire, httpAPI, policy, []string{"os", "tollgate/internal/tenant/..."})},
	{"internal/media", slices.Concat(sql, httpAPI, []string{"tollgate/sip/..."})},
	{"internal/bridge", slices.Concat(sql, httpAPI, policy, []string{"tollgate/sip/...", "tollgate/internal/tenant/..."})},
	{"internal/kernel", slices.Concat(sql, httpAPI, wire)},
	{"internal/record", nil},
	{"internal/pulse", slices.Concat(sockets, sql, httpAPI, wire)},
	{"internal/feed", slices.Concat(sockets, sql, httpAPI, wire, policy)},
	{"internal/trace", slices.Concat(sql, httpAPI, []string{"net"})},
	{"internal/cdr", slices.Concat(sockets, httpAPI, wire, policy, []string{"database/sql/...", "github.com/uptrace/bun/..."})},
	{"internal/dialog", slices.Concat(sql, httpAPI, policy)},
	{"internal/antifraud", slices.Concat(sockets, sql, httpAPI)},
	{"internal/peer", slices.Concat(sql, httpAPI)},
	{"internal/uac", slices.Concat(sql, httpAPI)},
	{"internal/registrar", slices.Concat(sql, httpAPI)},
	{"internal/relay", slices.Concat(sql, httpAPI)},
	{"internal/call", slices.Concat(sql, httpAPI)},
	{"internal/gate", slices.Concat(sql, httpAPI, []string{"net"})},
	{"internal/ua", slices.Concat(sql, httpAPI, policy, []string{"tollgate/internal/transport/..."})},
	{"web", slices.Concat(sql, wire, []string{"tollgate/internal/..."})},
	{"internal/api", []string{"tollgate/internal/transport/...", "tollgate/internal/transaction/..."}},
	{"internal/doctor", slices.Concat(sql, httpAPI, wire, policy)},
	{"internal/edge", nil},
	{"cmd/tollgate", nil},
	{"bench", []string{"tollgate/internal/...", "tollgate/sip/...", "tollgate/sdp/..."}},
	{"test", nil},
}

// onlyIn keeps libraries in the part that they were taken for. A test may use
// them anywhere.
var onlyIn = map[string][]string{
	"github.com/emiago/sipgo/...":         {"test"}, // a peer in tests; its parser mangles
	"github.com/pion/...":                 {"test"}, // the oracle of srtp's tests
	"database/sql/...":                    {"internal/store"},
	"github.com/uptrace/bun/...":          {"internal/store"},
	"github.com/pressly/goose/...":        {"internal/store"},
	"github.com/jackc/pgx/...":            {"internal/store"},
	"modernc.org/sqlite/...":              {"internal/store"},
	"github.com/alecthomas/kong/...":      {"cmd/tollgate"},
	"github.com/cilium/ebpf/...":          {"internal/kernel"},
	"github.com/danielgtaylor/huma/...":   {"internal/api", "internal/edge", "cmd/tollgate"},
	"tollgate/internal/live/livetest/...": {"internal/live"},
}

// goPackage is what go list tells of a package.
type goPackage struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestImportTable(t *testing.T) {
	for _, p := range listPackages(t) {
		row := rowOf(p.ImportPath)
		if row < 0 {
			t.Errorf("%s has no row: give it one in test/imports and in docs/architecture.md, below all that it imports", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if imported == "net" && !opensSockets(t, p) {
				continue
			}
			if fault := faultOf(row, imported); fault != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, imported, fault)
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if fault := testFaultOf(row, imported); fault != "" {
				t.Errorf("a test of %s imports %s: %s", p.ImportPath, imported, fault)
			}
		}
	}
}

// TestTableIsDocumented keeps the table for people in the same order.
func TestTableIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for line := range strings.Lines(string(text)) {
		if cell, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ := strings.Cut(cell, "`")
			if slices.ContainsFunc(parts, func(p part) bool { return p.path == name }) && !slices.Contains(documented, name) {
				documented = append(documented, name)
			}
		}
	}
	var want []string
	for _, p := range parts {
		want = append(want, p.path)
	}
	if !slices.Equal(documented, want) {
		t.Errorf("docs/architecture.md lists the parts\n%q, the table here\n%q", documented, want)
	}
}

// TestFaults shows that the rules bite.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		part, imported string
		fine           bool
	}{
		{"internal/policy", "tollgate/sip", true},
		{"internal/policy", "net/netip", true},
		{"internal/policy", "net", false},
		{"internal/policy", "tollgate/internal/call", false},
		{"internal/policy", "tollgate/internal/policy/trie", true},
		{"internal/tenant", "tollgate/sip", false},
		{"internal/call", "database/sql", false},
		{"internal/call", "github.com/emiago/sipgo/sip", false},
		{"internal/call", "tollgate/internal/unheard", false},
		{"internal/store", "github.com/uptrace/bun/dialect/pgdialect", true},
		{"internal/edge", "tollgate/internal/call", true},
		{"internal/edge", "tollgate/cmd/tollgate", false},
	} {
		row := rowOf(module + c.part)
		if fault := faultOf(row, c.imported); (fault == "") != c.fine {
			t.Errorf("%s imports %s: fault %q", c.part, c.imported, fault)
		}
	}
	if rowOf("tollgate/internal/unheard") >= 0 {
		t.Error("an unknown part has a row")
	}
}

// opensSockets reports whether a package takes more of package net than how an
// address is written.
func opensSockets(t *testing.T, p goPackage) bool {
	t.Helper()
	opens := false
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("read %s: %v", name, err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "net" {
					opens = opens || (sel.Sel.Name != "JoinHostPort" && sel.Sel.Name != "SplitHostPort")
				}
			}
			return true
		})
	}
	return opens
}

// listPackages asks the go command for all packages of the module.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-pgo=off", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir, cmd.Stderr = "../..", os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p goPackage
		if err := decoder.Decode(&p); err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		t.Fatal("go list names no package")
	}
	return all
}

// rowOf is the place of a package's part in the table; -1: none.
func rowOf(importPath string) int {
	return slices.IndexFunc(parts, func(p part) bool { return matches(module+p.path+"/...", importPath) })
}

// matches reports whether a path is the pattern or, where that ends in /..., below it.
func matches(pattern, path string) bool {
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == root || strings.HasPrefix(path, root+"/")
	}
	return path == pattern
}

// faultOf says why the part in that row may not import something; "": it may.
func faultOf(row int, imported string) string {
	own := parts[row]
	for _, pattern := range own.never {
		if matches(pattern, imported) {
			return own.path + " does not know " + pattern
		}
	}
	for pattern, homes := range onlyIn {
		if matches(pattern, imported) && !slices.Contains(homes, own.path) {
			return "only in " + strings.Join(homes, ", ")
		}
	}
	if !strings.HasPrefix(imported, module) {
		return ""
	}
	switch at := rowOf(imported); {
	case at < 0:
		return "it has no row"
	case at > row:
		return fmt.Sprintf("%s stands below %s", parts[at].path, own.path)
	}
	return ""
}

// testFaultOf is faultOf for tests: they may drive their part with any library
// and with the tools in test/, but reach no part below their own.
func testFaultOf(row int, imported string) string {
	if at := rowOf(imported); at > row && parts[at].path != "test" {
		return fmt.Sprintf("%s stands below %s", parts[at].path, parts[row].path)
	}
	return ""
}
