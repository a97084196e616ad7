package traces

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// scene is a scenario with someone who reads what the node keeps of it.
type scene struct {
	*stage.Stage
	*reader
}

func TestTraces(t *testing.T) {
	node := harness.Start(t)
	read := func(play func(scene)) func(*stage.Stage) {
		return func(s *stage.Stage) { play(scene{s, newReader(s.T, node)}) }
	}
	walled := func(c *harness.Customer) {
		c.Extra = "blocklist:\n  - {prefix: \"00882\"}\n"
	}
	stage.Play(t, node, []stage.Scenario{
		{Name: "a call from end to end", Matrix: stage.Some(), Play: read(wholeCall)},
		{Name: "found by each key", Matrix: stage.One(), Play: read(eachKey)},
		{Name: "a refused call", Matrix: stage.Some(), Customer: walled, Play: read(refusedCall)},
		{Name: "refused behind", Matrix: stage.One(), Play: read(refusedBehind)},
		{Name: "given up", Matrix: stage.One(), Play: read(givenUp)},
		{Name: "a second try with credentials", Matrix: stage.One(), Play: read(credentials)},
		{Name: "media keys", Matrix: stage.One(), Play: read(mediaKeys)},
		{Name: "a limit", Matrix: stage.One(), Customer: func(c *harness.Customer) { c.Extra = "call_limit: 1\n" }, Play: read(limited)},
		{Name: "no traces wished", Matrix: stage.One(), Customer: func(c *harness.Customer) { c.Extra = "trace: false\n" }, Play: read(unwished)},
		{Name: "a message", Matrix: stage.One(), Play: read(outsideOfCalls)},
		{Name: "hostile names", Matrix: stage.One(), Customer: walled, Play: read(hostile)},
	})
}

func wholeCall(s scene) {
	a, b := s.Talk()
	d := s.only(a.ID)
	if d.Status != 0 || !d.Ended.IsZero() || d.Refused || d.Customer != s.Stage.Customer.Name || !slices.Contains(d.Passed, "route") {
		s.Errorf("a call that is up: %+v", d)
	}
	s.End(a, b)
	d = s.over(a.ID)
	if d.Status != 200 || d.Ended.IsZero() || !d.Answered || d.EndedBy != "caller" || d.FarCallID != b.ID || (d.FarCallID == d.CallID) == s.Hidden {
		s.Errorf("a call that is over: %+v", d)
	}
	s.whole(s.Stage, &d)
	ladder := string(s.ask("traces/" + d.ID + "/ladder"))
	for _, want := range []string{"INVITE", "180 ", "200 OK (INVITE)", "ACK", "BYE", "200 OK (BYE)"} {
		if strings.Count(ladder, want) < 2 {
			s.Errorf("%q stands in only one leg of\n%s", want, ladder)
		}
	}
	if !strings.Contains(ladder, "passed: validate") || !strings.Contains(ladder, "by caller") {
		s.Errorf("no decision in\n%s", ladder)
	}
}

func eachKey(s scene) {
	number := fmt.Sprintf("+3904%09d", time.Now().UnixNano()%1e9)
	a := s.Caller.Invite(strings.Replace(s.URI(), "bob", number, 1), peer.With("User-Agent", "Model/"+number[1:]+"x"))
	b := s.Callee.Accept("INVITE")
	b.Answer(486)
	b.Expect("ACK")
	a.Expect(486)
	d := s.only(a.ID)
	for _, key := range []string{
		a.ID, b.ID, number, "00" + number[1:], "0" + number[3:], s.Domain, s.Caller.Addr().String(), s.Callee.Addr().String(), "model/" + number[1:],
	} {
		if !has(s.find("q", key), d.ID) {
			s.Errorf("not found by %s", key)
		}
	}
	if !has(s.find("ref", d.Ref), d.ID) || !has(s.find("status", "486"), d.ID) || has(s.find("status", "487"), d.ID) ||
		has(s.find("refused", "true"), d.ID) || has(s.find("q", number[:len(number)-1]+"x"), d.ID) || !has(s.find("since", "1h"), d.ID) {
		s.Error("found where it is not, or not found where it is")
	}
}

func has(list []decision, id string) bool {
	return slices.ContainsFunc(list, func(d decision) bool { return d.ID == id })
}

func refusedCall(s scene) {
	if s.Outbound {
		return // a foreign host's number is not in the way
	}
	a := s.Caller.Invite("sip:00882123@" + s.Domain)
	a.Expect(403)
	d := s.only(a.ID)
	if !d.Refused || d.Status != 403 || d.Reason != "blocklist" || d.Sentence == "" || d.RuleName != "00882" ||
		slices.Contains(d.Passed, "blocklist") || !slices.Contains(d.Passed, "identify") || d.Ended.IsZero() {
		s.Errorf("decision %+v", d)
	}
	s.whole(s.Stage, &d)
	if ladder := string(s.ask("traces/" + d.ID + "/ladder")); !strings.Contains(ladder, "refused with 403, blocklist: "+d.Sentence) {
		s.Errorf("no reason in\n%s", ladder)
	}
}

func refusedBehind(s scene) {
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	b.Answer(404)
	b.Expect("ACK")
	a.Expect(404)
	d := s.over(a.ID)
	if d.Refused || d.Status != 404 || d.EndedBy != "callee" || d.Answered {
		s.Errorf("decision %+v", d)
	}
	s.whole(s.Stage, &d)
}

func givenUp(s scene) {
	a, b := s.Ring()
	a.Cancel()
	a.ExpectSet("200 CANCEL", 487)
	b.Reply(b.Expect("CANCEL"), 200)
	b.Answer(487)
	b.Expect("ACK")
	d := s.over(a.ID)
	if d.Status != 487 || d.Reason != "canceled" || d.EndedBy != "caller" {
		s.Errorf("decision %+v", d)
	}
	s.whole(s.Stage, &d)
}

// credentials is a call that the PBX challenges: two cases, the response masked in both legs.
func credentials(s scene) {
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	b.Answer(401, peer.Challenge("pbx.test", "MD5"))
	b.Expect("ACK")
	challenge := a.Expect(401)
	retry := peer.Credentials{User: "bob", Password: "secret"}.Answer(challenge)
	a.Request("INVITE", retry)
	again := b.AcceptAgain("INVITE")
	again.Answer(486)
	again.Expect("ACK")
	a.Expect(486)
	var list []decision
	harness.Eventually(s.T, harness.Soon, func() error {
		if list = s.find("q", a.ID); len(list) != 2 || list[0].Status != 486 || list[1].Status != 401 {
			return fmt.Errorf("%+v", list)
		}
		return nil
	})
	response := peer.HeaderParam(strings.ReplaceAll(a.Sent().Get("Authorization"), ",", ";"), "response")
	masked := 0
	for _, d := range list {
		for _, m := range s.capture(d.ID) {
			if response != "" && strings.Contains(m, response) {
				s.Errorf("the response can be read in\n%s", m)
			}
			if strings.Contains(m, `response="xxxxxxxx`) {
				masked++
			}
		}
	}
	if masked != 2 {
		s.Errorf("masked in %d messages", masked)
	}
}

func mediaKeys(s scene) {
	key := strings.Repeat("WVNfX19zZW1jdGwg", 3)[:40]
	sdp := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|2^20|1:4\r\n"
	a := s.Caller.Invite(s.URI(), peer.Body("application/sdp", sdp))
	b := s.Callee.Accept("INVITE")
	if !strings.Contains(b.Incoming().Body, key) {
		s.Error("the callee did not get the key")
	}
	b.Answer(488)
	b.Expect("ACK")
	a.Expect(488)
	d := s.only(a.ID)
	masked := strings.Repeat("x", 40) + "|2^20|1:4"
	n := 0
	for _, m := range s.capture(d.ID) {
		if strings.Contains(m, key) {
			s.Errorf("the key can be read in\n%s", m)
		}
		n += strings.Count(m, masked)
	}
	if n != 2 {
		s.Errorf("masked in %d messages", n)
	}
}

func limited(s scene) {
	a, b := s.Talk()
	second := s.Caller.Invite(s.URI())
	second.Expect(480)
	d := s.only(second.ID)
	if !d.Refused || d.Reason != "call_limit" || d.LimitMax != 1 || d.Limit != "customer "+s.Customer.Name+", 1 call" {
		s.Errorf("decision %+v", d)
	}
	s.End(a, b)
}

func unwished(s scene) {
	a, b := s.Talk()
	s.End(a, b)
	d := s.over(a.ID)
	if d.Status != 200 || d.Messages < 10 {
		s.Errorf("decision %+v", d)
	}
	if list := s.capture(d.ID); len(list) != 0 {
		s.Errorf("%d messages are kept", len(list))
	}
}

func outsideOfCalls(s scene) {
	a := s.Caller.Start("MESSAGE", s.URI(), peer.Body("text/plain", "hello"))
	b := s.Callee.Accept("MESSAGE")
	b.Answer(200)
	a.Expect(200)
	if d := s.only(a.ID); d.Refused {
		s.Errorf("decision %+v", d)
	} else {
		harness.Eventually(s.T, harness.Soon, func() error {
			if list := s.capture(d.ID); len(list) != 4 {
				return fmt.Errorf("%d messages", len(list))
			}
			return nil
		})
	}
}

// hostile is names that a terminal, a browser or a shell would obey.
func hostile(s scene) {
	name := "\x1b]0;owned\x07<script>alert(1)</script>' OR 1=1 --\u202e"
	a := s.Caller.Invite("sip:00882123@"+s.Domain, peer.With("User-Agent", name), peer.With("Subject", strings.Repeat("A", 20000)))
	a.ExpectOneOf(403, 400)
	d := s.only(a.ID)
	ladder := string(s.ask("traces/" + d.ID + "/ladder"))
	if strings.ContainsAny(ladder, "\x1b\x07\u202e") {
		s.Errorf("a terminal would obey\n%q", ladder)
	}
	s.ask("traces/" + d.ID)
	if out := s.Node.Must(s.T, "why", a.ID).Stdout; strings.ContainsAny(out, "\x1b\x07\u202e") {
		s.Errorf("a terminal would obey\n%q", out)
	}
}

// TestKept: what was is still there after a stop, and after a kill but for the last second; a
// call that outlives either goes on in the same case.
func TestKept(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t), stage.One()[1], nil)
	s.Loose = true
	r := newReader(t, s.Node)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		done, other := s.Talk()
		s.End(done, other)
		up, far := s.Talk()
		before := r.only(done.ID) // all until now is in the files
		s.Node.Signal(t, signal)
		if s.Node.Exited(2*harness.Stopping) == -2 {
			t.Fatal("the node does not end")
		}
		s.Node.Up(t)
		if after := r.only(done.ID); after.ID != before.ID || after.Status != 200 || after.Messages < before.Messages {
			t.Errorf("%v: %+v became %+v", signal, before, after)
		}
		if d := r.only(up.ID); d.Status != 0 || !d.Ended.IsZero() {
			t.Errorf("%v: a call that is up is %+v", signal, d)
		}
		s.End(up, far)
		d := r.only(up.ID)
		if d.Status != 200 || d.EndedBy != "caller" || len(d.Passed) == 0 {
			t.Errorf("%v: a call that outlived it is %+v", signal, d)
		}
		list := r.capture(d.ID)
		if n := slices.IndexFunc(list, func(m string) bool { return strings.HasPrefix(m, "INVITE ") }); n < 0 {
			t.Errorf("%v: its INVITE is gone", signal)
		}
		if n := slices.IndexFunc(list, func(m string) bool { return strings.HasPrefix(m, "BYE ") }); n < 0 {
			t.Errorf("%v: its BYE is missing", signal)
		}
	}
}

// TestApart: a customer's own key sees his cases, and no other's.
func TestApart(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	one, two := stage.New(t, node, stage.One()[0], nil), stage.New(t, node, stage.One()[0], nil)
	node.Apply(t, one.Customer, two.Customer)
	a, b := one.Talk()
	one.End(a, b)
	all := newReader(t, node)
	id := all.only(a.ID).ID
	own := &reader{t, node, strings.TrimSpace(node.Must(t, "api-keys", "create", "own", "--access", "read-only", "--role", "customer", "--customer", one.Customer.Name).Stdout)}
	other := &reader{t, node, strings.TrimSpace(node.Must(t, "api-keys", "create", "other", "--access", "read-only", "--role", "customer", "--customer", two.Customer.Name).Stdout)}
	if own.only(a.ID).ID != id || len(own.capture(id)) == 0 {
		t.Error("a customer does not see his own")
	}
	if list := other.find("q", a.ID); len(list) != 0 {
		t.Errorf("another customer sees %+v", list)
	}
	for _, path := range []string{"decisions/" + id, "traces/" + id, "traces/" + id + "/ladder", "traces/" + id + "/pcap"} {
		if body, status := other.try(path); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}
