package users

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestBaresip: this one gives up where SHA-256 is offered.
func TestBaresip(t *testing.T) {
	play(t, []stage.Scenario{
		{Name: "baresip", Play: baresip, Matrix: stage.Matrix("udp4-udp4", "tls4-udp4"), Customer: local("digest: [md5]\n")},
	})
}

// softphone is a baresip that registers as user.
func softphone(s *stage.Stage, user, password string, seconds int) *harness.Baresip {
	s.Helper()
	b := &harness.Baresip{
		IP: harness.IP(s.T), Port: harness.Ports(s.T, 2),
		Account: harness.Registered(user, s.Domain, password, s.Caller.Edge, s.Variant.Caller.Proto, seconds),
	}
	b.Start(s.T)
	return b
}

// baresip: two softphones, digests answered, a call; one registers again and again.
func baresip(s *stage.Stage) {
	alice, bob := softphone(s, "alice", secret, 60), softphone(s, "bob", secret, 600)
	alice.Until(s.T, "200 OK")
	bob.Until(s.T, "200 OK")
	softphone(s, "carol", "guess", 600).Until(s.T, "401 Unauthorized")
	alice.Do(s.T, "dial", at(s, "bob"))
	alice.Until(s.T, "Call established")
	bob.Until(s.T, "Call established")
	alice.Do(s.T, "hangup", "")
	bob.Until(s.T, "session closed")
	for _, row := range s.Node.JSON(s.T, "bindings", "--customer", s.Customer.Name) {
		if row["user"] != "alice" && row["user"] != "bob" {
			s.Errorf("registered is %v", row)
		}
	}
	if s.Hidden && s.Variant.Caller.Proto == "tls" {
		again(s)
	}
}

// again: a minute's registration is made anew before the minute is over.
func again(s *stage.Stage) {
	expires := func() (at time.Time) {
		for _, row := range s.Node.JSON(s.T, "bindings", "alice@"+s.Domain) {
			at, _ = time.Parse(time.RFC3339, fmt.Sprint(row["expires"]))
		}
		return at
	}
	first := expires()
	harness.Eventually(s.T, 70*time.Second, func() error {
		if last := expires(); last.Sub(first) < 30*time.Second {
			return fmt.Errorf("was bound until %s, and is until %s", first, last)
		}
		return nil
	})
}

// TestSipsak: it registers with a password, and not with another. It asks the DNS for domains.
func TestSipsak(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t), stage.One()[0], func(c *harness.Customer) {
		c.Domains = []string{"127.0.0.1"}
		local("digest: [md5]\n")(c)
	})
	s.Domain = "127.0.0.1"
	run := func(password string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "sipsak", "-U", "-C", "sip:alice@"+s.Caller.Addr().String(), "-s", "sip:alice@"+s.Caller.Edge.String(),
			"-u", "alice", "-a", password, "-x", "600", "-l", strconv.Itoa(harness.Port(t)), "-vv")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run(secret); err != nil {
		s.Fatalf("%v: %s", err, out)
	}
	if rows := s.Node.JSON(s.T, "bindings", "alice@"+s.Domain); len(rows) != 1 {
		s.Errorf("bound: %v", rows)
	}
	if out, err := run("guess"); err == nil {
		s.Errorf("a wrong password: %s", out)
	}
}

// TestMessages from the API: what the phones answer is told.
func TestMessages(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t), stage.One()[0], local(""))
	one, two := register(s, "bob"), register(s, "bob")
	customer := s.Node.JSON(s.T, "bindings", "bob@"+s.Domain)[0]["customer_id"].(float64)
	type answer struct {
		Delivered bool
		Reason    string
		Phones    []struct {
			Contact string
			Status  int
		}
		Items []struct {
			ID       int
			Username string
		}
	}
	key := strings.TrimSpace(s.Node.Must(s.T, "api-keys", "create", "messages "+s.Domain, "--access", "operator").Stdout)
	api := func(method, path, body string) (out answer) {
		r, err := http.NewRequestWithContext(s.T.Context(), method, "http://"+s.Node.HTTP+"/api/v1"+path, bytes.NewBufferString(body))
		if err != nil {
			s.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			s.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusOK || json.Unmarshal(text, &out) != nil {
			s.Errorf("%s %s: %d %s", method, path, resp.StatusCode, text)
		}
		return out
	}
	ids := map[string]string{}
	for _, u := range api("GET", fmt.Sprintf("/sip-users?customer=%.0f", customer), "").Items {
		ids[u.Username] = strconv.Itoa(u.ID)
	}
	got := make(chan answer)
	go func() {
		got <- api("POST", "/sip-users/"+ids["bob"]+"/messages", `{"text": "Grüße", "from": "+49301"}`)
	}()
	for p, status := range map[*phone]int{one: 200, two: 486} {
		in := p.UA.Accept("MESSAGE")
		m := in.Incoming()
		if m.URI != p.Contact || m.Body != "Grüße" || peer.URIOf(m.Get("From")) != at(s, "+49301") || peer.URIOf(m.Get("To")) != at(s, "bob") {
			s.Errorf("the phone gets\n%s", m.Bytes())
		}
		in.Answer(status)
	}
	out := <-got
	status := map[string]int{}
	for _, p := range out.Phones {
		status[p.Contact] = p.Status
	}
	if !out.Delivered || status[one.Contact] != 200 || status[two.Contact] != 486 {
		s.Errorf("%+v", out)
	}
	if out = api("POST", "/sip-users/"+ids["carol"]+"/messages", `{"text": "?"}`); out.Delivered || out.Reason != "user_not_registered" {
		s.Errorf("%+v", out)
	}
}

// TestRestart: who has registered is reached after a stop and after a kill.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t), stage.One()[0], local(""))
	bob := register(s, "bob")
	next := func() {
		c := s.Caller.Invite(at(s, "bob"))
		bob.busy(c)
		if rows := s.Node.JSON(t, "bindings", "bob@"+s.Domain); len(rows) != 1 || rows[0]["user"] != "bob" {
			t.Errorf("%v", rows)
		}
	}
	s.Node.Down(t)
	s.Node.Up(t)
	next()
	bob.in(600)
	s.Node.Signal(t, syscall.SIGKILL)
	if s.Node.Exited(harness.Stopping) == -2 {
		t.Fatal("the node outlives a SIGKILL")
	}
	s.Node.Up(t)
	next()
	bob.in(0)
	s.Caller.Invite(at(s, "bob")).Expect(480)
}
