// Package crash kills nodes and starts them again: with many calls up, under load, in an
// upgrade, with a journal that is torn. What a node had promised before (a call whose ACK it
// passed on, a binding whose 200 the phone has) must stand after; what has ended must hold
// no place in a limit.
//
// Its endpoints are its own: a party carries thousands of dialogs, answers by itself, sends
// again what is lost, and judges every message by what its dialog says.
//
// TOLLGATE_SOAK=1 kills 200 times under load; otherwise a few times.
package crash

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy remembers nothing
	}
	harness.Main(m)
}

// kill ends the node as a crash does.
func kill(t testing.TB, node *harness.Node) {
	t.Helper()
	node.Signal(t, syscall.SIGKILL)
	if node.Exited(harness.Stopping) == -2 {
		t.Fatal("the node outlives a kill -9")
	}
}

// up starts the node and tells how long it took until /readyz said ok.
func up(t testing.TB, node *harness.Node) time.Duration {
	t.Helper()
	began := time.Now()
	node.Up(t)
	return time.Since(began)
}

// each runs f for 0 to n-1, so many at once, and gives all errors.
func each(n, atOnce int, f func(i int) error) error {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		all   []error
	)
	turn := make(chan struct{}, atOnce)
	for i := range n {
		turn <- struct{}{}
		group.Go(func() {
			defer func() { <-turn }()
			if err := f(i); err != nil {
				mu.Lock()
				all = append(all, err)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return first(all)
}

// first is what is shown of many errors.
func first(all []error) error {
	const most = 10
	if len(all) <= most {
		return errors.Join(all...)
	}
	return errors.Join(append(all[:most:most], fmt.Errorf("and %d more", len(all)-most))...)
}

// listed is the Call-IDs of `tollgate calls`, with their states.
func listed(t testing.TB, node *harness.Node) map[string]string {
	t.Helper()
	calls := map[string]string{}
	for _, row := range node.JSON(t, "calls") {
		calls[fmt.Sprint(row["call_id"])] = fmt.Sprint(row["state"])
	}
	return calls
}
