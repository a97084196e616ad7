package threats

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// quiet is how long a request that is dropped stays without an answer.
const quiet = 100 * time.Millisecond

// patience is how long the node may take to ban.
const patience = harness.Soon

func udp() stage.Leg { return stage.Leg{Proto: "udp"} }
func tcp() stage.Leg { return stage.Leg{Proto: "tcp"} }

func setting(t *testing.T, n *harness.Node) *stage.Stage {
	t.Helper()
	return stage.New(t, n, stage.One()[0], nil)
}

// heard sends a request that reaches the PBX and is answered.
func heard(s *stage.Stage, u *peer.UA) {
	s.Helper()
	call := u.Start("OPTIONS", s.URI())
	s.Callee.Accept("OPTIONS").Answer(200)
	call.Expect("200 OPTIONS")
}

// dropped sends a request that nobody hears.
func dropped(s *stage.Stage, u *peer.UA) {
	s.Helper()
	u.Start("OPTIONS", s.URI())
	u.Quiet(quiet)
	s.Callee.Quiet(time.Millisecond)
}

// strange sends so many requests that are for nobody.
func strange(s *stage.Stage, u *peer.UA, count int, opts ...peer.Option) {
	s.Helper()
	for range count {
		u.Start("OPTIONS", "sip:100@nobody.invalid", opts...)
	}
}

// marked is what a scanner's requests say.
func marked() peer.Option { return peer.With("User-Agent", "friendly-scanner") }

// found gives the platform's ban of an address, nil where there is none.
func found(t testing.TB, n *harness.Node, address string) map[string]any {
	t.Helper()
	for _, b := range n.JSON(t, "bans") {
		if of, _ := b["customer"].(string); b["address"] == address && of == "" {
			return b
		}
	}
	return nil
}

// banned waits until an address is, and says for what.
func banned(t testing.TB, n *harness.Node, address, reason string) (b map[string]any) {
	t.Helper()
	harness.Eventually(t, patience, func() error {
		if b = found(t, n, address); b == nil {
			return fmt.Errorf("%s is not banned", address)
		}
		return nil
	})
	if told, _ := b["reason"].(string); !strings.Contains(told, reason) {
		t.Errorf("banned for %q, want %q", told, reason)
	}
	return b
}

// spared asserts that an address is not banned for what it has done by now: another, that did
// something after it, is.
func spared(s *stage.Stage, address string) {
	s.Helper()
	other := s.Peer(udp())
	strange(s, other, 3, marked())
	banned(s, s.Node, other.IP(), "scanner")
	if b := found(s, s.Node, address); b != nil {
		s.Errorf("%s is banned: %v", address, b)
	}
}

func number(v any) float64 {
	n, _ := v.(float64)
	return n
}

// bansFor is what the metric says.
func bansFor(t testing.TB, n *harness.Node, reason string) int {
	t.Helper()
	resp, err := http.Get("http://" + n.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, `tollgate_threat_bans_total{reason="`+reason+`"} `); ok {
			count, _ := strconv.Atoi(strings.TrimSpace(value))
			return count
		}
	}
	t.Fatalf("no metric for %s", reason)
	return 0
}

// pbx makes the callee one that asks for a password, answers REGISTER by itself, and leaves
// the rest to the scenario. It knows one user.
func pbx(s *stage.Stage, user peer.Credentials) {
	s.Callee.Handle(func(m *peer.Message) bool {
		switch {
		case m.Method != "REGISTER":
			return false
		case user.Proves(m):
			s.Callee.Replies(m, 200, peer.With("Contact", m.Get("Contact")))
		default:
			s.Callee.Replies(m, 401, peer.Challenge(s.Domain, "MD5"))
		}
		return true
	})
}

// asks registers once, challenge first; status is what the credentials are answered with.
func asks(s *stage.Stage, reg *peer.Registration, given peer.Credentials, status int) {
	s.Helper()
	reg.Ask(600)
	challenge := reg.Expect("401 REGISTER")
	reg.Ask(600, given.Answer(challenge))
	reg.Expect(fmt.Sprintf("%d REGISTER", status))
}
