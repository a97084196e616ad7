package users

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestStacks: SIPp and sipgo know the password of a user, and then do not.
func TestStacks(t *testing.T) {
	play(t, []stage.Scenario{
		{Name: "SIPp", Play: sippUser, Matrix: stage.Matrix("udp4-udp4", "tcp4-udp4"), Customer: local("digest: [md5]\n")},
		{Name: "sipgo", Play: sipgoUser, Matrix: stage.Matrix("udp4-udp4", "tcp4-udp4"), Customer: local("digest: [sha-256]\n")},
	})
}

// sippUser registers and calls the PBX.
func sippUser(s *stage.Stage) {
	run := func(scenario, uri, user, password string) *harness.SIPp {
		file, err := filepath.Abs(filepath.Join("scenarios", scenario+".xml"))
		if err != nil {
			s.Fatal(err)
		}
		u := &harness.SIPp{
			Scenario: file, Addr: netip.AddrPortFrom(netip.MustParseAddr(harness.IP(s.T)), uint16(harness.Port(s.T))), Proto: s.Variant.Caller.Proto,
			Remote: s.Caller.Edge, Calls: 1, Keys: map[string]string{"domain": s.Domain, "user": user},
			Args: []string{"-au", user, "-ap", password, "-auth_uri", uri, "-deadcall_wait", "0", "-timeout", "5"}, // a digest is for one URI
		}
		u.Start(s.T)
		return u
	}
	number := "5551234@" + s.Domain
	if s.Variant.Caller.Proto == "udp" { // over TCP a phone is gone with its connection
		run("register", s.Domain, "alice", secret).Wait(s.T)
		onlyAlice(s)
	}
	right := run("call", number, "alice", secret)
	b := s.Callee.Accept("INVITE")
	b.Answer(486)
	b.Expect("ACK")
	right.Wait(s.T)
	for scenario, uri := range map[string]string{"register": s.Domain, "call": number} {
		before := refusedGuesses(s)
		if run(scenario, uri, "bob", "guess").Code(s.T) == 0 {
			s.Errorf("%s: a wrong password is taken", scenario)
		}
		if refusedGuesses(s) == before { // SIPp fails without an answer, too
			s.Errorf("%s: no wrong password was refused", scenario)
		}
	}
	for _, row := range s.Node.JSON(s.T, "bindings", "--customer", s.Customer.Name) {
		if row["user"] == "bob" {
			s.Errorf("with a wrong password there is %v", row)
		}
	}
}

// refusedGuesses is how many requests the node has refused for a wrong password.
func refusedGuesses(s *stage.Stage) (count float64) {
	s.Helper()
	resp, err := http.Get("http://" + s.Node.Metrics + "/metrics")
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && strings.Contains(name, `reason="wrong_password"`) {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				s.Fatal(err)
			}
			count += n
		}
	}
	return count
}

// sipgoUser registers and sends the PBX a text.
func sipgoUser(s *stage.Stage) {
	proto := strings.ToUpper(s.Variant.Caller.Proto)
	send := func(method sip.RequestMethod, user, to, password string) int {
		ua, err := sipgo.NewUA(sipgo.WithUserAgent(user), sipgo.WithUserAgentHostname(s.Domain))
		if err != nil {
			s.Fatal(err)
		}
		s.Cleanup(func() { _ = ua.Close() }) // with its connection a phone is gone
		ip := harness.IP(s.T)
		client, err := sipgo.NewClient(ua, sipgo.WithClientLogger(slog.New(slog.NewTextHandler(io.Discard, nil))), sipgo.WithClientHostname(ip))
		if err != nil {
			s.Fatal(err)
		}
		req := sip.NewRequest(method, sip.Uri{Scheme: "sip", User: to, Host: s.Domain})
		req.SetDestination(s.Caller.Edge.String())
		req.SetTransport(proto)
		if method == sip.REGISTER {
			req.Recipient.User = ""
			req.AppendHeader(&sip.ToHeader{Address: sip.Uri{Scheme: "sip", User: user, Host: s.Domain}, Params: sip.NewParams()})
			req.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: user, Host: ip, Port: harness.Port(s.T)}})
			req.AppendHeader(sip.NewHeader("Expires", "600"))
		}
		ctx, cancel := context.WithTimeout(s.Context(), peer.Patience)
		defer cancel()
		res, err := client.Do(ctx, req)
		if err != nil {
			s.Fatalf("sipgo sends %s: %v", method, err)
		}
		if res, err = client.DoDigestAuth(ctx, req, res, sipgo.DigestAuth{Username: user, Password: password}); err != nil {
			s.Fatalf("sipgo answers the challenge of %s: %v", method, err)
		}
		return res.StatusCode
	}
	if got := send(sip.REGISTER, "alice", "alice", secret); got != 200 {
		s.Errorf("the right password is answered %d", got)
	}
	if got := send(sip.REGISTER, "bob", "bob", "guess"); got != 401 {
		s.Errorf("a wrong one is answered %d", got)
	}
	if got := send(sip.MESSAGE, "bob", "5551234", "guess"); got != 407 {
		s.Errorf("a text with a wrong one is answered %d", got)
	}
	sent := make(chan int)
	go func() { sent <- send(sip.MESSAGE, "alice", "5551234", secret) }()
	s.Callee.Accept("MESSAGE").Answer(200)
	if got := <-sent; got != 200 {
		s.Errorf("a text with the right one is answered %d", got)
	}
	onlyAlice(s)
}

// onlyAlice wants nobody else to have registered.
func onlyAlice(s *stage.Stage) {
	s.Helper()
	if rows := s.Node.JSON(s.T, "bindings", "--customer", s.Customer.Name); len(rows) != 1 || rows[0]["user"] != "alice" {
		s.Errorf("registered is %v", fmt.Sprint(rows))
	}
}
