package routing

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// watched is a PBX that answers OPTIONS as it is told, and the state that the node holds it to be in.
type watched struct {
	ua     *peer.UA
	name   string
	status atomic.Int64
}

func watch(s *stage.Stage, name string, status int64) *watched {
	w := &watched{ua: s.Peer(udp4), name: name}
	w.status.Store(status)
	w.ua.Answering("OPTIONS", func() int { return int(w.status.Load()) })
	return w
}

// until waits for the state, as `destinations` shows it. A silent neighbour needs three
// unanswered OPTIONS of some seconds each.
func (w *watched) until(s *stage.Stage, state string) {
	s.Helper()
	harness.Eventually(s.T, 60*time.Second, func() error {
		for _, row := range s.Node.JSON(s.T, "destinations") {
			text, err := json.Marshal(row)
			if err != nil {
				return err
			}
			if row["name"] == w.name && strings.Contains(string(text), `"status":"`+state+`"`) {
				return nil
			}
		}
		return fmt.Errorf("destination %s is not %s", w.name, state)
	})
}

// TestKeepalive follows two destinations through their states, with OPTIONS every half second.
func TestKeepalive(t *testing.T) {
	if harness.Control() {
		return // a control proxy watches nobody
	}
	t.Parallel()
	node := harness.Start(t, harness.Settings{Env: []string{"TOLLGATE_TEST_KEEPALIVE=500ms"}})
	s := stage.New(t, node, stage.One()[0], nil)
	first, second := watch(s, "first", 200), watch(s, "second", 404) // any answer but 408 and 503 is life
	s.Customer.Keepalive = true
	s.Customer.Destinations = []harness.Destination{
		{Name: "first", Addr: first.ua.Addr()}, {Name: "second", Addr: second.ua.Addr()},
	}
	s.Apply()
	first.until(s, "up")
	second.until(s, "up")
	answered(s, s.Caller.Invite(s.URI()), first.ua)

	first.status.Store(503)
	first.until(s, "down")
	answered(s, s.Caller.Invite(s.URI()), second.ua)
	if n := len(first.ua.Distinct("INVITE")); n != 1 {
		t.Errorf("a destination that is down was called: %d INVITEs", n)
	}

	second.status.Store(0)
	second.until(s, "down")
	answered(s, s.Caller.Invite(s.URI()), first.ua) // all down: they are tried all the same

	second.status.Store(200)
	second.until(s, "up")
	answered(s, s.Caller.Invite(s.URI()), second.ua)
	first.status.Store(405)
	first.until(s, "up")
	answered(s, s.Caller.Invite(s.URI()), first.ua)

	first.status.Store(503)
	first.until(s, "down")
	s.Customer.Keepalive = false
	s.Apply()
	answered(s, s.Caller.Invite(s.URI()), first.ua) // keepalive off clears "down"
}

// TestKeepaliveIsShared: two customers with one PBX ask it once.
func TestKeepaliveIsShared(t *testing.T) {
	if harness.Control() {
		return
	}
	t.Parallel()
	node := harness.Start(t, harness.Settings{Env: []string{"TOLLGATE_TEST_KEEPALIVE=500ms"}})
	s := stage.New(t, node, stage.One()[0], nil)
	pbx := watch(s, "shared", 200)
	s.Customer.Keepalive = true
	s.Customer.Destinations = []harness.Destination{{Name: "shared", Addr: pbx.ua.Addr()}}
	other := s.Customer
	other.Name, other.Domains = s.Customer.Name+"-other", []string{"other-" + s.Domain}
	node.Apply(t, s.Customer, other)
	pbx.until(s, "up")
	begun, before := time.Now(), len(pbx.ua.Distinct("OPTIONS"))
	s.Caller.Quiet(3 * time.Second)
	n, took := len(pbx.ua.Distinct("OPTIONS"))-before, time.Since(begun)
	if most := 2 + int(took/(350*time.Millisecond)); n < 3 || n > most { // were it asked for each of them, 12
		t.Errorf("%d OPTIONS in %v to a neighbour of two customers, expected one in 500 ms", n, took)
	}
}
