package dialog_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/internal/dialog"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// carrier forwards each request that its layer gets, and each response back: what
// every message of a call costs in transaction and dialog, without policy.
type carrier struct {
	layer  *transaction.Layer
	user   uint8
	hidden bool
	server transaction.ID
	last   []byte // sent

	branch [transaction.BranchLen]byte
	from   []byte
	hiding dialog.Hiding
	fwd    dialog.Forward
	reply  dialog.Reply
}

func newCarrier(hidden bool) *carrier {
	c := &carrier{hidden: hidden, last: make([]byte, 0, 4096), from: make([]byte, 0, 512)}
	c.layer = transaction.New(transaction.Config{Shards: 1, Send: c, Core: c})
	c.user = c.layer.Register(c)
	return c
}

func (c *carrier) Send(_ transport.Flow, data []byte) error {
	c.last = append(c.last[:0], data...)
	return nil
}

func (c *carrier) Request(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	c.server = sh.NewServer(m, f, c.user, 0)
	client := sh.NewClient(c.user, 0)
	c.fwd = dialog.Forward{
		Message: m, Source: f.Remote, Out: usOut, Branch: sh.AppendBranch(c.branch[:0], client, transaction.LoopHash(m)),
		ID: ourID, RecordRoute: [2]dialog.Address{usOut}, Records: 1, CSeq: m.CSeq(),
	}
	if c.hidden {
		hideCaller(&c.hiding, m)
		c.from = c.hiding.AppendIdentity(c.from[:0], m.Value(sip.HdrFrom))
		c.fwd.Hide, c.fwd.Records = &c.hiding, 0
		c.fwd.CallID, c.fwd.FromTag, c.fwd.From, c.fwd.To = ourID, ourID[:20], c.from, m.Value(sip.HdrTo)
	}
	var err error
	if sh.Out, err = c.fwd.Write(&sh.Edit, sh.Out[:0]); err != nil {
		panic(err)
	}
	if err := sh.SendRequest(client, m.Method(), f, sh.Out); err != nil {
		panic(err)
	}
}

func (c *carrier) Response(sh *transaction.Shard, _ transaction.ID, _ uint64, m *sip.Message, f transport.Flow) {
	c.reply = dialog.Reply{Message: m, CSeq: m.CSeq()}
	if c.hidden {
		if !sh.Head(c.server, &sh.Kept) {
			panic("no head")
		}
		c.hiding.Reset("192.0.2.1", domains, f.Remote)
		c.reply.Hide, c.reply.Head, c.reply.Source, c.reply.Out, c.reply.ID = &c.hiding, &sh.Kept, callerAt, usOut, ourID
		c.reply.ToTag = ourID[:20]
	}
	var err error
	if sh.Out, err = c.reply.Write(&sh.Edit, sh.Out[:0]); err != nil {
		panic(err)
	}
	sh.Respond(c.server, m.StatusCode(), sh.Out)
}

func (c *carrier) Ack(*transaction.Shard, *sip.Message, transport.Flow)                   {}
func (c *carrier) Cancel(*transaction.Shard, *sip.Message, transport.Flow)                {}
func (c *carrier) Stray(*transaction.Shard, *sip.Message, transport.Flow)                 {}
func (c *carrier) Pong(*transaction.Shard, *sip.Message, transport.Flow)                  {}
func (c *carrier) Unreachable(*transaction.Shard, transaction.ID, uint64)                 {}
func (c *carrier) Ended(*transaction.Shard, transaction.ID, uint64)                       {}
func (c *carrier) Canceled(*transaction.Shard, transaction.ID, uint64)                    {}
func (c *carrier) Timer(*transaction.Shard, uint8, uint64)                                {}
func (c *carrier) Failed(*transaction.Shard, transaction.ID, uint64, transaction.Failure) {}

// calling is an INVITE such as phones send; each one has its own branch.
func calling(n int) []byte {
	body := "v=0\no=- 1 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\nm=audio 4000 RTP/AVP 8 0 101\na=rtpmap:101 telephone-event/8000\n"
	return []byte(crlf(fmt.Sprintf(`INVITE sip:3401@acme.test SIP/2.0
Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK%d;rport
Max-Forwards: 70
From: "Alice" <sip:0409@198.51.100.7>;tag=alice
To: <sip:3401@acme.test>
Call-ID: call%[1]d@198.51.100.7
CSeq: 7 INVITE
Contact: <sip:alice@198.51.100.7:5062>
P-Asserted-Identity: <sip:0409@198.51.100.7>
User-Agent: Phone/1.0
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE
Supported: timer, 100rel
Session-Expires: 1800
Content-Type: application/sdp
Content-Length: %[2]d

%[3]s`, n, len(body)+strings.Count(body, "\n"), body)))
}

// answerTo builds the 200 to what the carrier has sent.
func answerTo(sent []byte) []byte {
	lines := strings.Split(string(sent), "\r\n")
	out := "SIP/2.0 200 OK\r\n"
	for _, line := range lines[1:] {
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "Via", "From", "Call-ID", "CSeq", "Record-Route":
			out += line + "\r\n"
		case "To":
			out += line + ";tag=bob\r\n"
		}
	}
	return []byte(out + "Contact: <sip:bob@203.0.113.10>\r\nServer: PBX 203.0.113.10\r\nContent-Length: 0\r\n\r\n")
}

// TestAllocations: receiving a request and forwarding it, and its answer back, costs no
// allocation once pools are warm; the cells' chunks and the map that finds them come
// to less than one each.
func TestAllocations(t *testing.T) {
	const runs = 200
	near := transport.Flow{Proto: transport.TCP, Remote: callerAt}
	for _, hidden := range []bool{false, true} {
		t.Run(fmt.Sprintf("hidden=%v", hidden), func(t *testing.T) {
			c := newCarrier(hidden)
			var m sip.Message
			pass := func(data []byte) {
				if err := m.Parse(data); err != nil {
					t.Fatal(err)
				}
				c.layer.Receive(&m, near)
			}
			var answers [][]byte
			for i := range 3000 { // warm: buffers of as many as will be, the map's size
				pass(calling(i))
				answers = append(answers, answerTo(c.last))
			}
			for _, a := range answers {
				pass(a)
			}
			requests := make([][]byte, runs+1)
			for i := range requests {
				requests[i] = calling(10_000 + i)
			}
			i := 0
			got := testing.AllocsPerRun(runs, func() { pass(requests[i]); i++ })
			if got > 2 { // the kept request and the kept INVITE: pool buffers held by live cells
				t.Errorf("a request: %v allocations", got)
			}
		})
	}
}

// TestAllocationsOfRoundTrips: with the request's answer, so that buffers come back.
func TestAllocationsOfRoundTrips(t *testing.T) {
	near := transport.Flow{Proto: transport.TCP, Remote: callerAt}
	for _, hidden := range []bool{false, true} {
		t.Run(fmt.Sprintf("hidden=%v", hidden), func(t *testing.T) {
			c := newCarrier(hidden)
			var m sip.Message
			pass := func(data []byte) {
				if err := m.Parse(data); err != nil {
					t.Fatal(err)
				}
				c.layer.Receive(&m, near)
			}
			busy := []byte(nil)
			ack := []byte(strings.NewReplacer("INVITE sip", "ACK sip", "7 INVITE", "7 ACK").Replace(string(calling(1))))
			invite := calling(1)
			round := func() {
				pass(invite)
				busy = append(busy[:0], "SIP/2.0 486 Busy Here\r\n"...)
				busy = appendAnswer(busy, &m, c.last)
				pass(busy)
				pass(ack)
			}
			round()
			if got := testing.AllocsPerRun(100, round); got != 0 {
				t.Errorf("%v allocations for an INVITE, its 486 and its ACK", got)
			}
			if s := c.layer.Stats(0); s.Clients != 0 || s.Servers != 0 {
				t.Errorf("%d client, %d server cells are left", s.Clients, s.Servers)
			}
		})
	}
}

// appendAnswer appends the head of an answer to sent, with the scratch index m.
func appendAnswer(dst []byte, m *sip.Message, sent []byte) []byte {
	if err := m.Parse(sent); err != nil {
		panic(err)
	}
	for i := range m.FieldCount() {
		f := m.Field(i)
		switch f.ID {
		case sip.HdrVia, sip.HdrFrom, sip.HdrTo, sip.HdrCallID, sip.HdrCSeq:
			dst = append(dst, m.Slice(f.Line)...)
		}
	}
	return append(dst, "Content-Length: 0\r\n\r\n"...)
}

// BenchmarkForward is an INVITE with 15 headers, written as the other side gets it.
func BenchmarkForward(b *testing.B) {
	for _, hidden := range []bool{false, true} {
		b.Run(fmt.Sprintf("hidden=%v", hidden), func(b *testing.B) {
			var m sip.Message
			if err := m.Parse(calling(1)); err != nil {
				b.Fatal(err)
			}
			var e sip.Edit
			var h dialog.Hiding
			f := forward(&h, &m, hidden)
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				if hidden {
					hideCaller(&h, &m)
				}
				out, _ = f.Write(&e, out[:0])
			}
		})
	}
}
