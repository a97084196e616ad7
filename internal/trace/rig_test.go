package trace_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
	"tollgate/internal/transport"
	"tollgate/sip"
)

var (
	us     = netip.MustParseAddrPort("198.51.100.1:5060")
	caller = netip.MustParseAddrPort("192.0.2.5:5071")
	callee = netip.MustParseAddrPort("10.0.0.9:5060")
)

// rig is a recorder and who tells it.
type rig struct {
	t *testing.T
	r *trace.Recorder
	n int
}

func config(dir string) trace.Config {
	return trace.Config{
		Dir: dir,
		AppendFar: func(dst, callID, fromTag []byte) []byte {
			return append(append(append(append(dst, "far-"...), callID...), '-'), fromTag...)
		},
	}
}

func newRig(t *testing.T, cfg trace.Config) *rig {
	t.Helper()
	r, err := trace.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Run()
	t.Cleanup(r.Close)
	return &rig{t: t, r: r}
}

func flow(remote netip.AddrPort) transport.Flow {
	return transport.Flow{Proto: transport.UDP, Local: us, Remote: remote}
}

func (r *rig) in(from netip.AddrPort, msg string) { r.message(true, from, msg) }
func (r *rig) out(to netip.AddrPort, msg string)  { r.message(false, to, msg) }

func (r *rig) message(in bool, remote netip.AddrPort, msg string) {
	if !in {
		r.r.Sent(flow(remote), []byte(msg))
		return
	}
	var m sip.Message
	if err := m.Parse([]byte(msg)); err != nil {
		r.t.Fatal(err)
	}
	r.r.Heard(flow(remote), &m)
}

// talk is one call's names.
type talk struct {
	id      trace.ID
	callID  string
	far     string // as the callee knows it
	from    string
	to      string
	uri     string
	branch  string
	source  netip.AddrPort
	target  netip.AddrPort
	auth    string // header line
	cust    tenant.CustomerID
	silent  bool
	method  string
	verdict policy.Verdict
}

func (r *rig) talk(hidden bool) *talk {
	r.n++
	c := &talk{
		callID: fmt.Sprintf("call-%d@192.0.2.5", r.n), from: "<sip:+390401234567@acme.example>", to: "<sip:0049301234@acme.example>",
		uri: "sip:0049301234@acme.example", branch: fmt.Sprintf("z9hG4bKa%d", r.n), source: caller, target: callee, cust: 7, method: "INVITE",
	}
	c.id[6], c.id[9], c.id[11] = byte(r.n), byte(r.n>>8), 1
	c.far = c.callID
	if hidden {
		c.far = "far-" + c.callID + "-ft"
	}
	return c
}

// request writes one of the near leg.
func (c *talk) request(method, branch, toTag string) string {
	return c.write(method, c.callID, branch, toTag)
}

func (c *talk) farRequest(method, branch, toTag string) string {
	return c.write(method, c.far, branch, toTag)
}

func (c *talk) write(method, callID, branch, toTag string) string {
	return method + " " + c.uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.5:5071;branch=" + branch + ";rport\r\nFrom: " + c.from +
		";tag=ft\r\nTo: " + c.to + toTag + "\r\nCall-ID: " + callID + "\r\nCSeq: 1 " + method + "\r\n" + c.auth + "Content-Length: 0\r\n\r\n"
}

func (c *talk) response(line, callID, branch, method string) string {
	return "SIP/2.0 " + line + "\r\nVia: SIP/2.0/UDP 192.0.2.5:5071;branch=" + branch + ";rport\r\nFrom: " + c.from +
		";tag=ft\r\nTo: " + c.to + ";tag=tt\r\nCall-ID: " + callID + "\r\nCSeq: 1 " + method + "\r\nContent-Length: 0\r\n\r\n"
}

func (c *talk) event() *trace.Event {
	return &trace.Event{
		ID: c.id, Company: 3, Customer: c.cust, CustomerName: "acme", Silent: c.silent, Method: []byte(c.method),
		Source: flow(c.source), By: "domain", Domain: "acme.example", CallID: []byte(c.callID), From: []byte(c.from), To: []byte(c.to),
		URI: []byte(c.uri), UserAgent: []byte("Phone/1.0"), Verdict: c.verdict, Passed: []string{"validate", "hops", "identify"},
	}
}

// start lets a call begin up to its 200; messages of both legs come and go.
func (r *rig) start(c *talk) {
	far := c.branch + "b"
	r.in(c.source, c.request("INVITE", c.branch, ""))
	r.out(c.target, c.farRequest("INVITE", far, ""))
	r.r.Decided(c.event())
	r.in(c.target, c.response("180 Ringing", c.far, far, "INVITE"))
	r.out(c.source, c.response("180 Ringing", c.callID, c.branch, "INVITE"))
	r.in(c.target, c.response("200 OK", c.far, far, "INVITE"))
	r.out(c.source, c.response("200 OK", c.callID, c.branch, "INVITE"))
	r.in(c.source, c.request("ACK", c.branch+"k", ";tag=tt"))
	r.out(c.target, c.farRequest("ACK", far+"k", ";tag=tt"))
}

// hangUp ends it by the caller's BYE.
func (r *rig) hangUp(c *talk) {
	r.in(c.source, c.request("BYE", c.branch+"y", ";tag=tt"))
	r.out(c.target, c.farRequest("BYE", c.branch+"by", ";tag=tt"))
	r.in(c.target, c.response("200 OK", c.far, c.branch+"by", "BYE"))
	r.out(c.source, c.response("200 OK", c.callID, c.branch+"y", "BYE"))
	e := c.event()
	e.Started, e.Setup, e.Duration = time.Now().Add(-3*time.Second), time.Second, 2*time.Second
	e.Target, e.FarCallID, e.Verdict.Status, e.Answered, e.EndedBy, e.Destination = flow(c.target), []byte(c.far), 200, true, "caller", "pbx1"
	r.r.Ended(e)
}

// refuse lets a request be refused.
func (r *rig) refuse(c *talk, v policy.Verdict) {
	r.in(c.source, c.request(c.method, c.branch, ""))
	c.verdict = v
	r.r.Decided(c.event())
	if v.Status > 0 {
		r.out(c.source, c.response(fmt.Sprint(v.Status, " No"), c.callID, c.branch, c.method))
		r.in(c.source, c.request("ACK", c.branch, ";tag=tt"))
	}
}

func (r *rig) find(q trace.Query) []trace.Decision {
	r.t.Helper()
	list, _, err := r.r.Find(context.Background(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

func (r *rig) get(id trace.ID) (trace.Decision, []trace.Message) {
	r.t.Helper()
	d, m, err := r.r.Get(context.Background(), id)
	if err != nil {
		r.t.Fatalf("%s: %v", id, err)
	}
	return d, m
}

// lines gives what messages are, an arrow in front.
func lines(list []trace.Message) []string {
	var out []string
	for _, m := range list {
		line, _, _ := strings.Cut(string(m.Data), "\r\n")
		line = strings.TrimPrefix(strings.TrimSuffix(line, " SIP/2.0"), "SIP/2.0 ")
		if f := strings.Fields(line); f[0] >= "A" {
			line = f[0]
		}
		side := "near"
		if m.Remote == callee {
			side = "far"
		}
		way := "<"
		if m.In {
			way = ">"
		}
		out = append(out, side+way+line)
	}
	return out
}
