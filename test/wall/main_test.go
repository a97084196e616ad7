// Package wall plays what a customer's firewall and block list let in and what not: every
// header and kind of match, every kind of caller, every disguise of a number. Whatever becomes
// of a request, the counters of the rules, the log and `tollgate explain` must say the same.
//
// Who is banned, and limits, are other packages'.
package wall

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tollgate/test/harness"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy has no walls
	}
	harness.Main(m)
}

// wall is a node and the platform's key to its API.
type wall struct {
	node     *harness.Node
	key      string
	compared atomic.Int64 // refusals that were found in the log, which leaves out what comes too fast

	// applying is held by whoever applies a file: an apply is refused while others change things.
	applying sync.RWMutex
}

func TestWall(t *testing.T) {
	w := newWall(t)
	t.Run("group", func(t *testing.T) {
		for _, list := range [][]scenario{headers(), orders(), callers(), numbers(), samples(), changes()} {
			w.play(t, list)
		}
	})
	w.harmlessLog(t)
	if n := w.compared.Load(); n < 20 && !t.Failed() {
		t.Errorf("only %d refusals were found in the log", n)
	}
}

// play is stage.Play that sets one stage at a time.
func (w *wall) play(t *testing.T, list []scenario) {
	for _, sc := range list {
		for _, v := range sc.matrix {
			t.Run(sc.name+"/"+v.String(), func(t *testing.T) {
				t.Parallel()
				sc.play(w.scene(t, v, sc.customer))
			})
		}
	}
}

func newWall(t *testing.T) *wall {
	t.Helper()
	w := &wall{node: harness.Start(t)}
	w.key = strings.TrimSpace(w.node.Must(t, "api-keys", "create", "wall", "--role", "platform", "--access", "admin").Stdout)
	return w
}

type object = map[string]any

// ask sends a request to the API and gives its status and body.
func (w *wall) ask(t testing.TB, method, path string, body any) (int, object) {
	t.Helper()
	var data []byte
	if body != nil {
		data, _ = json.Marshal(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+w.node.HTTP+"/api/v1"+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var o object
	if len(text) > 0 && json.Unmarshal(text, &o) != nil {
		t.Fatalf("%s %s: no JSON object: %s", method, path, text)
	}
	return resp.StatusCode, o
}

// must is ask that has to succeed.
func (w *wall) must(t testing.TB, method, path string, body any) object {
	t.Helper()
	if method != "GET" {
		w.applying.RLock()
		defer w.applying.RUnlock()
	}
	status, o := w.ask(t, method, path, body)
	if status/100 != 2 {
		t.Fatalf("%s %s: %d %v", method, path, status, o)
	}
	return o
}

// list gives all items of a list of a customer's.
func (w *wall) list(t testing.TB, path string, customer int64) []object {
	t.Helper()
	var all []object
	for _, item := range w.must(t, "GET", fmt.Sprintf("%s?limit=1000&customer=%d", path, customer), nil)["items"].([]any) {
		all = append(all, item.(object))
	}
	return all
}
