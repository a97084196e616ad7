// Package fraud plays antifraud thresholds: which calls and requests are alike, what becomes of
// them at a customer's threshold, and whom it must leave alone.
package fraud

import (
	"fmt"
	"os"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy counts nothing
	}
	harness.Main(m)
}

// scenario is one conversation with a customer's thresholds.
type scenario struct {
	name       string
	thresholds string // the antifraud mapping of the file
	more       string // lines of the customer
	matrix     []stage.Variant
	play       func(*scene)
}

// scene is a stage whose caller calls alike.
type scene struct {
	*stage.Stage
}

func udp() stage.Leg { return stage.Leg{Proto: "udp"} }

// plain is the one variant of what does not depend on hiding or transports.
func plain() []stage.Variant { return stage.One()[:1] }

func TestFraud(t *testing.T) {
	n := harness.Start(t, harness.Settings{Bannable: true})
	t.Run("group", func(t *testing.T) {
		for _, list := range [][]scenario{calls(), requests(), left()} {
			for _, sc := range list {
				for _, v := range sc.matrix {
					t.Run(sc.name+"/"+v.String(), func(t *testing.T) {
						t.Parallel()
						s := stage.New(t, n, v, func(c *harness.Customer) {
							c.Extra += fmt.Sprintf("country_code: \"39\"\nantifraud: {%s}\n%s", sc.thresholds, sc.more)
						})
						sc.play(&scene{s})
					})
				}
			}
		}
	})
	metrics(t, n)
	t.Run("over a kill", func(t *testing.T) { restart(t, n) })
}

// from is what the manual's caller is called.
func (sc *scene) from(m *peer.Message) {
	m.Set("From", "<sip:0409876543@"+sc.Domain+">;tag="+m.Tag("From"))
}

func (sc *scene) uri(user string) string { return "sip:" + user + "@" + sc.Domain }

// leg is both sides of one call.
type leg struct{ a, b *peer.Call }

// ring places a call to a number from an endpoint, and lets it ring.
func (sc *scene) ring(u *peer.UA, user string) leg {
	sc.Helper()
	l := sc.reach(u, user)
	l.b.Answer(180)
	l.a.Expect(180)
	return l
}

// reach places a call that the PBX has not answered yet.
func (sc *scene) reach(u *peer.UA, user string) leg {
	sc.Helper()
	a := u.Invite(sc.uri(user), sc.from)
	return leg{a, sc.Callee.Accept("INVITE")}
}

// talk places a call that is answered; with ack it is acknowledged, too.
func (sc *scene) talk(u *peer.UA, user string, ack bool) leg {
	sc.Helper()
	l := sc.ring(u, user)
	l.b.Answer(200, peer.SDP(sc.Callee, 1))
	l.a.Expect(200)
	if ack {
		l.a.Ack()
		l.b.Expect("ACK")
	}
	return l
}

// reaches has a call ring that reaches the threshold.
func (sc *scene) reaches(u *peer.UA, user string) leg {
	sc.Helper()
	l := sc.reach(u, user)
	l.b.Answer(180)
	l.a.Expect(403)
	sc.canceled(l.b)
	return l
}

// canceled takes a CANCEL, as a phone that rings does.
func (sc *scene) canceled(b *peer.Call) {
	sc.Helper()
	cancel := b.Expect("CANCEL")
	b.Reply(cancel, 200)
	b.Answer(487)
	b.Expect("ACK")
}

// torn takes the end of a call that was up, on both sides.
func (sc *scene) torn(l leg) {
	sc.Helper()
	for _, c := range []*peer.Call{l.a, l.b} {
		bye := c.Expect("BYE")
		if got := bye.Get("Reason"); got != `SIP;cause=200;text="antifraud"` {
			sc.Errorf("Reason %q", got)
		}
		c.Reply(bye, 200)
	}
}

// ends hangs up a call.
func (sc *scene) ends(l leg) {
	sc.Helper()
	sc.End(l.a, l.b)
}

// banned gives the customer's ban of an address, nil if there is none.
func (sc *scene) banned(u *peer.UA) map[string]any {
	sc.Helper()
	for _, b := range sc.Node.JSON(sc.T, "bans", "--customer", sc.Customer.Name) {
		if b["address"] == u.IP() {
			return b
		}
	}
	return nil
}

// isBanned waits for the ban of an address, and hears nothing of it any more.
func (sc *scene) isBanned(u *peer.UA) map[string]any {
	sc.Helper()
	var b map[string]any
	harness.Eventually(sc.T, harness.Soon, func() error {
		if b = sc.banned(u); b == nil {
			return fmt.Errorf("%s is not banned", u.IP())
		}
		return nil
	})
	u.Start("MESSAGE", sc.uri("1"))
	u.Quiet(100 * time.Millisecond)
	return b
}

// isHeard sends something of another key from an endpoint, which is answered.
func (sc *scene) isHeard(u *peer.UA) {
	sc.Helper()
	call := u.Start("MESSAGE", sc.uri("1"))
	sc.Callee.Accept("MESSAGE").Answer(200)
	call.Expect("200 MESSAGE")
	if b := sc.banned(u); b != nil {
		sc.Errorf("banned: %v", b)
	}
}

// row is what `tollgate antifraud` says of a method.
func (sc *scene) row(method string) map[string]any {
	sc.Helper()
	for _, r := range sc.Node.JSON(sc.T, "antifraud", "--customer", sc.Customer.Name) {
		if r["method"] == method {
			return r
		}
	}
	return map[string]any{}
}

// quiet has nothing more come to either side.
func (sc *scene) quiet() {
	sc.Helper()
	sc.Caller.Quiet(100 * time.Millisecond)
	sc.Callee.Quiet(time.Millisecond)
}
