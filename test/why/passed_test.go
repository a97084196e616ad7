package why

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func passes() []scenario {
	return []scenario{
		{"a call that went well", "", stage.One(), wentWell},
		{"failed over", "", stage.One(), failedOver},
		{"refused behind", "", stage.One(), refusedBehind},
	}
}

func commands() []scenario {
	return []scenario{
		{"another tenant", "blocklist:\n  - {prefix: \"00882\"}\n", plain(), otherTenant},
		{"watch", scanners, plain(), watch},
		{"pages", "blocklist:\n  - {prefix: \"00882\"}\n", plain(), pages},
		{"a disabled destination", "", stage.One(), disabled},
	}
}

func wentWell(sc *scene) {
	a, b := sc.Talk()
	text, d := sc.of(a.ID)
	if d.Refused || d.Status != 0 || !d.Ended.IsZero() || d.Reason != "ok" {
		sc.Errorf("a call that is up: %+v", d)
	}
	sc.says(text, "let through.", "goes to d1")
	sc.uses("customer", sc.Customer.Name, 1, 0)
	sc.End(a, b)
	text, d = sc.of(a.ID)
	if d.Refused || d.Status != 200 || d.EndedBy != "caller" || !d.Answered || d.Destination != "d1" || (d.FarCallID != d.CallID) != sc.Hidden {
		sc.Errorf("a call that is over: %+v", d)
	}
	sc.says(text, sc.Customer.Name+": let through; it ended with 200.", "The caller ended it.", "They talked for", "went to       d1", sc.Callee.Addr().String(),
		"passed        validate, hops, identify", "BYE", "200 OK (INVITE)")
	sc.foundBy(&d, a.ID, b.ID, "bob@"+sc.Domain, sc.Domain, sc.Caller.Addr().String(), sc.Callee.Addr().String(), d.Ref)
	if record := sc.record(a.ID); record["ref"] != d.Ref || record["reason"] != "ok" || record["status"] != 200.0 {
		sc.Errorf("the call record says %v", record)
	}
	if ladder := sc.Node.Must(sc.T, "trace", b.ID).Stdout; !strings.Contains(text, ladder) {
		sc.Errorf("why shows another ladder than\n%s", ladder)
	}
}

func failedOver(sc *scene) {
	second := sc.Peer(udp())
	sc.Customer.Destinations = append(sc.Customer.Destinations, harness.Destination{Name: "spare", Addr: second.Addr()})
	sc.Apply()
	a := sc.Caller.Invite(sc.URI())
	b := sc.Callee.Accept("INVITE")
	b.Answer(503)
	b.Expect("ACK")
	c := second.Accept("INVITE")
	c.Answer(486)
	c.Expect("ACK")
	a.Expect(486)
	text, d := sc.of(a.ID)
	if d.Refused || d.Status != 486 || d.Destination != "spare" || d.EndedBy != "callee" {
		sc.Errorf("%+v", d)
	}
	sc.says(text, "let through; it ended with 486", "went to       spare", second.Addr().String(), "503 ", "486 ")
	sc.foundBy(&d, second.Addr().String(), c.ID, "spare")
}

func refusedBehind(sc *scene) {
	a := sc.through(sc.URI(), 404)
	text, d := sc.of(a.ID)
	if d.Refused || d.Status != 404 || d.EndedBy != "callee" {
		sc.Errorf("%+v", d)
	}
	sc.says(text, "let through; it ended with 404. The callee ended it.")
}

// otherTenant: who has a key of another customer finds nothing, by whatever he asks.
func otherTenant(sc *scene) {
	stranger := stage.New(sc.T, sc.Node, plain()[0], nil)
	a := sc.Caller.Invite("sip:00882123456@" + sc.Domain)
	a.Expect(403)
	_, d := sc.of(a.ID)
	key := func(customer string) string {
		return strings.TrimSpace(sc.Node.Must(sc.T, "api-keys", "create", "support of "+customer, "--role", "customer", "--customer", customer).Stdout)
	}
	run := func(token string, args ...string) harness.Result {
		return harness.Run(sc.T, sc.Node.Dir, nil, append(args, "--server", "http://"+sc.Node.HTTP, "--token", token)...)
	}
	own, other := key(sc.Customer.Name), key(stranger.Customer.Name)
	for _, what := range []string{a.ID, "00882123456", sc.Caller.IP(), sc.Caller.Addr().String(), d.Ref, sc.Domain} {
		if r := run(own, "why", what); r.Code != 0 || !strings.Contains(r.Stdout, d.Ref) {
			sc.Errorf("the customer himself, by %s: %s", what, r)
		}
		if r := run(other, "why", what); r.Code != 1 || strings.Contains(r.Stdout, d.Ref) || !strings.Contains(r.Stderr, "nothing is known") {
			sc.Errorf("another customer, by %s: %s", what, r)
		}
		if r := run(other, "trace", what); r.Code != 1 {
			sc.Errorf("another customer's trace, by %s: %s", what, r)
		}
	}
	if r := run(other, "decisions", "-o", "json"); strings.Contains(r.Stdout, sc.Domain) || r.Code != 0 {
		sc.Errorf("another customer's decisions: %s", r)
	}
	sc.revoked(own)
	if r := run(other, "limits", "-o", "json"); strings.Contains(r.Stdout, sc.Customer.Name) || r.Code != 0 {
		sc.Errorf("another customer's limits: %s", r)
	}
}

// revoked: who watches with a key sees nothing more soon after it was taken back.
func (sc *scene) revoked(key string) {
	sc.Helper()
	r, err := http.NewRequestWithContext(sc.Context(), http.MethodGet, "http://"+sc.Node.HTTP+"/api/v1/events", nil)
	if err != nil {
		sc.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		sc.Fatal(err)
	}
	defer resp.Body.Close()
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = io.Copy(io.Discard, resp.Body) // that it ends is all that counts
	}()
	admin, deleted := strings.TrimSpace(sc.Node.Must(sc.T, "api-keys", "create", "support", "--access", "admin").Stdout), false
	for _, k := range sc.Node.JSON(sc.T, "api-keys", "list") {
		if k["name"] == "support of "+sc.Customer.Name {
			api(sc, admin, "DELETE", fmt.Sprintf("/api-keys/%.0f", k["id"]), nil)
			deleted = true
		}
	}
	if !deleted {
		sc.Fatal("the key is none of the API keys")
	}
	harness.Eventually(sc.T, 10*time.Second, func() error {
		select {
		case <-over:
			return nil
		default:
			return errors.New("it watches on")
		}
	})
}

// pages: a list that is asked page by page has each decision once, and only the customer's.
func pages(sc *scene) {
	want := map[string]bool{}
	for range 7 {
		a := sc.Caller.Invite("sip:00882123456@" + sc.Domain)
		a.Expect(403)
		want[a.ID] = true
	}
	admin := sc.key()
	customer := fmt.Sprint(sc.Node.JSON(sc.T, "decisions", "--customer", sc.Customer.Name)[0]["customer_id"])
	got := map[string]bool{}
	for cursor, n := "", 0; n == 0 || cursor != ""; n++ {
		var page struct {
			Items []decision `json:"items"`
			Next  string     `json:"next"`
		}
		get(sc, admin, "/decisions?limit=2&customer="+customer+"&cursor="+cursor, &page)
		for _, d := range page.Items {
			if got[d.CallID] || !want[d.CallID] {
				sc.Fatalf("%s twice, or not of this customer", d.CallID)
			}
			got[d.CallID] = true
		}
		cursor = page.Next
	}
	if list := sc.Node.JSON(sc.T, "decisions", "--customer", sc.Customer.Name); len(got) != len(want) || len(list) != len(want) {
		sc.Errorf("%d page by page, %d by the command, of %d", len(got), len(list), len(want))
	}
}

// watching is a `tollgate watch` that runs.
type watching struct {
	t     testing.TB
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func watcher(t testing.TB, n *harness.Node, args ...string) *watching {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	cmd := exec.CommandContext(ctx, harness.Binary(t), append(append([]string{"watch"}, args...), "-c", n.Config)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was waited for, unless the test has failed
	})
	return &watching{t, cmd, bufio.NewScanner(out)}
}

// line is the next one; the program's time is bounded.
func (w *watching) line() string {
	w.t.Helper()
	if !w.lines.Scan() {
		w.t.Fatalf("watch ended: %v", w.cmd.Wait())
	}
	return w.lines.Text()
}

// until makes something happen again and again, until watch, which needs a moment to begin, tells it.
func (w *watching) until(do func(again <-chan struct{})) string {
	w.t.Helper()
	seen, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		do(seen)
	}()
	line := w.line()
	close(seen)
	<-done
	return line
}

func (w *watching) ended() int {
	for w.lines.Scan() { // what still comes
		continue
	}
	_ = w.cmd.Wait() // the status says it
	return w.cmd.ProcessState.ExitCode()
}

func watch(sc *scene) {
	w := watcher(sc.T, sc.Node, "--customer", sc.Customer.Name)
	js := watcher(sc.T, sc.Node, "FIREWALL", "--refused", "-o", "json")
	try := func(enough <-chan struct{}) {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			// The rule drops it, and yet it is no scanner's mark, of which the third is banned.
			sc.Caller.Invite(sc.URI(), peer.With("User-Agent", "no friendly-scanner"))
			select {
			case <-enough:
				return
			case <-tick.C:
			}
		}
	}
	line := w.until(try)
	sc.says(line, "INVITE", "silence", "firewall", "bob@"+sc.Domain, sc.Caller.Addr().String(), sc.Customer.Name)
	js.until(try)
	if err := w.cmd.Process.Signal(syscall.SIGINT); err != nil {
		sc.Fatal(err)
	}
	if code := w.ended(); code != 0 {
		sc.Errorf("interrupted, it exits with %d", code)
	}
	if err := js.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		sc.Fatal(err)
	}
	if code := js.ended(); code != 0 {
		sc.Errorf("interrupted, it exits with %d", code)
	}
	sc.Loose = true // retransmissions of what was never answered
}

// stops: watch ends with the node, which does not wait for it, and says so.
func stops(t *testing.T, n *harness.Node) {
	w := watcher(t, n)
	u := peer.New(t, "udp", harness.IP(t))
	u.Edge = n.Addr("udp", u.Addr().Addr())
	w.until(func(enough <-chan struct{}) {
		for i := 0; ; i++ {
			u.Invite("sip:x@nobody.invalid")
			select {
			case <-enough:
				return
			case <-time.After(300 * time.Millisecond):
			}
		}
	})
	n.Signal(t, syscall.SIGTERM)
	if code := w.ended(); code != 1 {
		t.Errorf("watch exits with %d", code)
	}
	if code := n.Exited(harness.Stopping); code != 0 {
		t.Errorf("the node exits with %d", code)
	}
}

// disabled: no new call goes to a destination that is disabled; the one that is up stays.
func disabled(sc *scene) {
	second := sc.Peer(udp())
	sc.Customer.Destinations = append(sc.Customer.Destinations, harness.Destination{Name: "spare", Addr: second.Addr()})
	sc.Apply()
	a, b := sc.Talk()
	sc.Node.Must(sc.T, "disable", "d1", "--customer", sc.Customer.Name)
	reaches := func(u *peer.UA) *peer.Call {
		call := sc.Caller.Invite(sc.URI())
		c := u.Accept("INVITE")
		c.Answer(486)
		c.Expect("ACK")
		call.Expect(486)
		return call
	}
	if _, d := sc.of(reaches(second).ID); d.Destination != "spare" {
		sc.Errorf("%+v", d)
	}
	a.Request("INFO")
	b.Reply(b.Expect("INFO"), 200)
	a.Expect("200 INFO")
	sc.End(a, b)
	sc.Node.Must(sc.T, "disable", "spare", "--customer", sc.Customer.Name)
	refused := sc.Caller.Invite(sc.URI())
	refused.Expect(404)
	text, d := sc.of(refused.ID)
	if d.Reason != "no_destination" || !slices.Contains(d.Passed, "blocklist") {
		sc.Errorf("%+v", d)
	}
	sc.says(text, "refused with 404", d.Sentence)
	sc.Node.Must(sc.T, "enable", "d1", "--customer", sc.Customer.Name)
	reaches(sc.Callee)
	if r := sc.Node.Command(sc.T, "disable", "d1"); r.Code != 1 || !strings.Contains(r.Stderr, "--customer") {
		sc.Errorf("a name that several have: %s", r)
	}
	if r := sc.Node.Command(sc.T, "enable", "nothing", "--customer", sc.Customer.Name); r.Code != 1 {
		sc.Errorf("%s", r)
	}
}

// get reads an object of the API.
func get(sc *scene, key, path string, to any) {
	sc.Helper()
	body := api(sc, key, "GET", path, nil)
	if err := json.Unmarshal(body, to); err != nil {
		sc.Fatalf("%s: %v", body, err)
	}
}
