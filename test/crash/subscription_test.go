package crash

import (
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestSubscriptions: what is subscribed to when the node is killed brings its news after, and
// so does a transfer whose call has ended by then.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	for _, v := range stage.Matrix("udp4-udp4", "udp4-tcp4") {
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			node := harness.Start(t)
			s := stage.New(t, node, v, nil)
			a := s.Caller.Subscribe("sip:bob@"+s.Domain, "dialog", 600)
			b := s.Callee.Accept("SUBSCRIBE")
			b.Answer(200, peer.With("Expires", "600"))
			a.Expect("200 SUBSCRIBE")
			news(b, a, "dialog", "active;expires=600")

			c, d := s.Talk()
			c.Request("REFER", peer.With("Refer-To", "<sip:carol@"+s.Domain+">"))
			d.Reply(d.Expect("REFER"), 202)
			c.Expect("202 REFER")
			news(d, c, "refer", "active;expires=60")
			s.End(c, d)

			for range 2 {
				b.MoveContact() // as it says in its last news, and is asked after the kill
				news(b, a, "dialog", "active;expires=600")
				kill(t, node)
				node.Up(t)
				news(b, a, "dialog", "active;expires=600")
				news(d, c, "refer", "active;expires=60")
				a.Resubscribe("dialog", 600)
				b.Reply(b.Expect("SUBSCRIBE"), 200, peer.With("Expires", "600"))
				a.Expect("200 SUBSCRIBE")
			}
			news(d, c, "refer", "terminated;reason=noresource")
			news(b, a, "dialog", "terminated;reason=noresource")
			b.Notify("dialog", "active")
			b.Expect("481 NOTIFY")
		})
	}
}

// news has a NOTIFY pass and be answered.
func news(from, to *peer.Call, event, state string) {
	opts := []peer.Option{}
	if event == "refer" {
		opts = append(opts, peer.Body("message/sipfrag", "SIP/2.0 100 Trying\r\n"))
	}
	from.Notify(event, state, opts...)
	to.Reply(to.Expect("NOTIFY"), 200)
	from.Expect("200 NOTIFY")
}
