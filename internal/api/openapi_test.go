package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"tollgate/internal/api"
	"tollgate/internal/ban"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is the description from which the panel's client is made.
const golden = "../../web/openapi.json"

// devNode is a node whose version does not change with each release.
type devNode struct{ *fakeNode }

func (devNode) Info() api.Info { return api.Info{Version: "dev"} }

func description(t *testing.T) []byte {
	t.Helper()
	w := newWorld(t)
	node := devNode{&fakeNode{bans: ban.New(ban.Config{})}}
	handler := api.New(api.Config{Store: w.store, Node: node, Log: slog.New(slog.DiscardHandler)})
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/api/openapi.json", nil))
	text, err := io.ReadAll(rec.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// TestOpenAPIGolden: the description that the panel's client is made from is the one that is served.
func TestOpenAPIGolden(t *testing.T) {
	served := description(t)
	if *update {
		if err := os.WriteFile(golden, served, 0o644); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, served) {
		t.Errorf("web/openapi.json is not what is served: go test ./internal/api -run OpenAPI -update (%s)", firstDifference(kept, served))
	}
}

func firstDifference(a, b []byte) string {
	was, is := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(was), len(is)) {
		if was[i] != is[i] {
			return fmt.Sprintf("line %d: %s, served: %s", i+1, was[i], is[i])
		}
	}
	return "one is longer"
}

// TestOpenAPIIsTyped: a client that is generated gets a name for each operation and a type for
// each value: nothing in the description is "anything".
func TestOpenAPIIsTyped(t *testing.T) {
	var doc struct {
		Paths      map[string]map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(description(t), &doc); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			at := strings.ToUpper(method) + " " + path
			name, _ := op["operationId"].(string)
			if name == "" || strings.ContainsAny(name, " /{}") || seen[name] != "" {
				t.Errorf("%s: operationId %q (%s)", at, name, seen[name])
			}
			seen[name] = at
			for status, r := range op["responses"].(map[string]any) {
				content, _ := r.(map[string]any)["content"].(map[string]any)
				for media, c := range content {
					schema := c.(map[string]any)["schema"].(map[string]any)
					if strings.Contains(media, "json") && schema["$ref"] == nil && media != "application/jsonl" && media != "application/json" {
						t.Errorf("%s %s %s: the schema has no name", at, status, media)
					}
					typed(t, at+" "+status, schema)
				}
			}
			typed(t, at, op["requestBody"])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		typed(t, name, doc.Components.Schemas[name])
	}
}

// typed looks at a schema and all in it.
func typed(t *testing.T, at string, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			typed(t, at, item)
		}
	case map[string]any:
		for name, s := range mapOf(v["properties"]) {
			schema := mapOf(s)
			if schema["$ref"] == nil && schema["type"] == nil && schema["anyOf"] == nil && schema["oneOf"] == nil {
				t.Errorf("%s: %s may be anything", at, name)
			}
			typed(t, at+"."+name, s)
		}
		for _, under := range []string{"items", "schema", "content", "anyOf", "oneOf", "application/json"} {
			if items := v[under]; items != nil {
				if m := mapOf(items); m != nil && len(m) == 0 {
					t.Errorf("%s: %s may be anything", at, under)
				}
				typed(t, at, items)
			}
		}
	}
}

func mapOf(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
