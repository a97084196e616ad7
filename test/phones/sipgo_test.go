package phones

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// otherStack are scenarios of a phone on a SIP stack that nobody here wrote.
func otherStack() []stage.Scenario {
	return []stage.Scenario{
		{Name: "a sipgo phone follows a line", Matrix: stage.One(), Play: sipgoFollows},
		{Name: "a sipgo phone transfers attended", Matrix: stage.One(), Play: sipgoTransfers},
	}
}

// sipgoPhone is a phone made of sipgo, over UDP.
type sipgoPhone struct {
	s      *stage.Stage
	ip     string
	port   int
	client *sipgo.Client
	cache  *sipgo.DialogClientCache
	news   chan *sip.Request // NOTIFYs that came and were answered
}

func newSipgoPhone(s *stage.Stage) *sipgoPhone {
	s.Helper()
	g := &sipgoPhone{s: s, ip: harness.IP(s.T), news: make(chan *sip.Request, 10)}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("alice"), sipgo.WithUserAgentHostname(s.Domain))
	g.must(err)
	server, err := sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	g.must(err)
	server.OnNotify(func(req *sip.Request, tx sip.ServerTransaction) {
		if err := tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil)); err != nil {
			s.Errorf("sipgo answers a NOTIFY: %v", err)
		}
		g.news <- req
	})
	at := g.listens(server)
	g.client, err = sipgo.NewClient(ua, sipgo.WithClientLogger(quiet), sipgo.WithClientAddr(at), sipgo.WithClientConnectionAddr(at))
	g.must(err)
	g.cache = sipgo.NewDialogClientCache(g.client, g.contact())
	s.Cleanup(func() { _ = ua.Close() })
	return g
}

// listens has the phone's server listen until the test ends, and gives its address.
func (g *sipgoPhone) listens(server *sipgo.Server) string {
	ctx, cancel := context.WithCancel(context.Background())
	bound, served := make(chan string, 1), make(chan struct{})
	told := sipgo.ListenReadyFuncCtxValue(func(_, addr string) { bound <- addr })
	var key any = sipgo.ListenReadyCtxKey // a string is what it looks for
	go func() {
		defer close(served)
		_ = server.ListenAndServe(context.WithValue(ctx, key, told), "udp", g.ip+":0") // ends with ctx
	}()
	g.s.Cleanup(func() {
		cancel()
		<-served
	})
	at := <-bound
	g.port = int(peer.AddrPort(at).Port())
	return at
}

func (g *sipgoPhone) must(err error) {
	g.s.Helper()
	if err != nil {
		g.s.Fatalf("sipgo: %v", err)
	}
}

func (g *sipgoPhone) contact() sip.ContactHeader {
	return sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "alice", Host: g.ip, Port: g.port}}
}

// request is one outside of dialogs, to a user of the customer's by way of the node.
func (g *sipgoPhone) request(method sip.RequestMethod, user string, headers ...string) *sip.Request {
	req := sip.NewRequest(method, sip.Uri{Scheme: "sip", User: user, Host: g.s.Domain})
	req.SetDestination(g.s.Caller.Edge.String())
	contact := g.contact()
	req.AppendHeader(&contact)
	for i := 0; i < len(headers); i += 2 {
		req.AppendHeader(sip.NewHeader(headers[i], headers[i+1]))
	}
	return req
}

// sends sends a request in the background, and gives its final response.
func (g *sipgoPhone) sends(do func(ctx context.Context) (*sip.Response, error)) <-chan *sip.Response {
	answer := make(chan *sip.Response, 1)
	go func() {
		defer close(answer)
		ctx, cancel := context.WithTimeout(context.Background(), peer.Patience)
		defer cancel()
		res, err := do(ctx)
		if err != nil {
			g.s.Errorf("sipgo: %v", err)
			return
		}
		answer <- res
	}()
	return answer
}

func (g *sipgoPhone) expect(answer <-chan *sip.Response, status int) *sip.Response {
	g.s.Helper()
	res := <-answer
	if res == nil || res.StatusCode != status {
		g.s.Fatalf("sipgo expected %d, got %v", status, res)
	}
	return res
}

// reads is the next NOTIFY that came.
func (g *sipgoPhone) reads(state string) *sip.Request {
	g.s.Helper()
	timer := time.NewTimer(peer.Patience)
	defer timer.Stop()
	select {
	case req := <-g.news:
		if got := req.GetHeader("Subscription-State"); got == nil || got.Value() != state {
			g.s.Errorf("sipgo expected news %q, got\n%s", state, req)
		}
		return req
	case <-timer.C:
		g.s.Fatal("sipgo got no NOTIFY")
		return nil
	}
}

// inside is a request in the dialog that a response made (RFC 3261 12.2.1.1).
func (g *sipgoPhone) inside(method sip.RequestMethod, first *sip.Request, res *sip.Response, headers ...string) *sip.Request {
	req := sip.NewRequest(method, *res.Contact().Address.Clone())
	req.AppendHeader(sip.HeaderClone(first.From()))
	req.AppendHeader(sip.HeaderClone(res.To()))
	req.AppendHeader(sip.HeaderClone(first.CallID()))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: first.CSeq().SeqNo + 1, MethodName: method})
	contact := g.contact()
	req.AppendHeader(&contact)
	routes := res.GetHeaders("Record-Route")
	for i := len(routes) - 1; i >= 0; i-- {
		req.AppendHeader(sip.NewHeader("Route", routes[i].Value()))
	}
	for i := 0; i < len(headers); i += 2 {
		req.AppendHeader(sip.NewHeader(headers[i], headers[i+1]))
	}
	return req
}

// sipgoFollows: BLF from the key to the lamp and out again.
func sipgoFollows(s *stage.Stage) {
	g := newSipgoPhone(s)
	first := g.request(sip.SUBSCRIBE, "bob", "Event", "dialog", "Expires", "600", "Accept", "application/dialog-info+xml")
	answer := g.sends(func(ctx context.Context) (*sip.Response, error) { return g.client.Do(ctx, first) })
	b := s.Callee.Accept("SUBSCRIBE")
	b.Answer(200, peer.With("Expires", "600"))
	res := g.expect(answer, 200)
	b.Notify("dialog", "active;expires=600", news(s, 1))
	if req := g.reads("active;expires=600"); !strings.Contains(string(req.Body()), `entity="sip:bob@`+s.Domain) {
		s.Errorf("the lamp is told\n%s", req)
	}
	b.Expect("200 NOTIFY")

	last := g.inside(sip.SUBSCRIBE, first, res, "Event", "dialog", "Expires", "0")
	answer = g.sends(func(ctx context.Context) (*sip.Response, error) { return g.client.Do(ctx, last) })
	b.Reply(b.Expect("SUBSCRIBE"), 200, peer.With("Expires", "0"))
	g.expect(answer, 200)
	b.Notify("dialog", "terminated;reason=timeout", news(s, 2))
	g.reads("terminated;reason=timeout")
	b.Expect("200 NOTIFY")
}

// calls has the phone call a user of the PBX, who answers.
func (g *sipgoPhone) calls(user string) (*sipgo.DialogClientSession, *peer.Call) {
	s := g.s
	s.Helper()
	var session *sipgo.DialogClientSession
	answer := g.sends(func(ctx context.Context) (*sip.Response, error) {
		invite := g.request(sip.INVITE, user, "Content-Type", "application/sdp")
		invite.SetBody([]byte("v=0\r\no=- 1 1 IN IP4 " + g.ip + "\r\ns=-\r\nc=IN IP4 " + g.ip + "\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"))
		var err error
		if session, err = g.cache.WriteInvite(ctx, invite); err != nil {
			return nil, err
		}
		if err := session.WaitAnswer(ctx, sipgo.AnswerOptions{}); err != nil {
			return nil, err
		}
		return session.InviteResponse, session.Ack(ctx)
	})
	b := s.Callee.Accept("INVITE")
	b.Answer(180)
	b.Answer(200, peer.SDP(s.Callee, 1))
	g.expect(answer, 200)
	b.Expect("ACK")
	return session, b
}

// sipgoTransfers: two calls, joined to each other by REFER with Replaces.
func sipgoTransfers(s *stage.Stage) {
	g := newSipgoPhone(s)
	first, b1 := g.calls("bob")
	second, b2 := g.calls("carol")
	to, _ := second.InviteResponse.To().Params.Get("tag")
	from, _ := second.InviteRequest.From().Params.Get("tag")
	value := fmt.Sprintf("%s;to-tag=%s;from-tag=%s", second.InviteRequest.CallID().Value(), to, from)
	refer := sip.NewRequest(sip.REFER, *first.InviteResponse.Contact().Address.Clone())
	refer.AppendHeader(sip.NewHeader("Refer-To", inURI("sip:carol@"+s.Domain, value)))
	answer := g.sends(func(ctx context.Context) (*sip.Response, error) { return first.Do(ctx, refer) })
	m := b1.Expect("REFER")
	names(s, replacesOf(s, m.Get("Refer-To")), b2)
	b1.Reply(m, 202)
	g.expect(answer, 202)
	b1.Notify("refer", "terminated;reason=noresource", peer.Body("message/sipfrag;version=2.0", "SIP/2.0 200 OK\r\n"))
	g.reads("terminated;reason=noresource")
	b1.Expect("200 NOTIFY")
	for _, call := range []struct {
		session *sipgo.DialogClientSession
		b       *peer.Call
	}{{first, b1}, {second, b2}} {
		answer := g.sends(func(ctx context.Context) (*sip.Response, error) { return nil, call.session.Bye(ctx) })
		call.b.Reply(call.b.Expect("BYE"), 200)
		<-answer
	}
}
