package phones

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// behind is baresip at home behind a NAT, and outside a node with a Kamailio as the
// customer's PBX and a scripted phone of the same customer, all in namespaces of the test's own.
type behind struct {
	*testing.T
	home    *harness.Home
	node    *harness.Node
	pbx     *harness.PBX
	alice   *harness.Baresip // at home
	bob     *peer.UA         // outside
	bobsReg *peer.Registration
	domain  string
	proto   string
}

const secret = "Correct-Horse-1"

// TestNAT has baresip register from behind a NAT and be called after all that closes a hole.
func TestNAT(t *testing.T) {
	if harness.Control() {
		return
	}
	t.Parallel()
	for _, proto := range []string{"udp", "tcp", "tls"} {
		for _, hidden := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/hidden=%t", proto, hidden), func(t *testing.T) {
				t.Parallel()
				b := newBehind(t, proto, hidden, 5)
				b.calls()
				b.quiet()
				b.calls()
				b.moved()
				b.home.Remember(t, time.Minute) // so that the hole outlives a node that is slow to start
				b.calls()
				b.restarted(syscall.SIGTERM)
				b.restarted(syscall.SIGKILL)
			})
		}
	}
	t.Run("without pings the hole closes", func(t *testing.T) {
		t.Parallel()
		b := newBehind(t, "udp", false, 0)
		b.calls()
		b.quiet()
		b.unreachable()
	})
}

// newBehind has alice refresh every so many seconds; 0: neither does she, nor does the node ping.
func newBehind(t *testing.T, proto string, hidden bool, interval int) *behind {
	t.Helper()
	home := harness.NAT(t)
	b := &behind{T: t, home: home, proto: proto, domain: "home.test"}
	b.node = harness.Start(t, harness.Settings{
		Netns: home.Outside, Hosts: []string{harness.HomeOutside}, Env: []string{"TOLLGATE_TEST_KEEPALIVE=500ms"},
	})
	b.pbx = &harness.PBX{IP: harness.HomeOutside, Domain: b.domain, Password: secret, Netns: home.Outside}
	b.pbx.Start(t)
	b.node.Apply(t, harness.Customer{
		Name: "Home", Domains: []string{b.domain}, Hidden: hidden, Pings: interval > 0, Initial: "3s",
		Destinations: []harness.Destination{{Addr: b.pbx.Addr()}},
	})
	b.outside()
	b.alice = &harness.Baresip{
		IP: harness.HomePhone, Port: harness.Ports(t, 2), Netns: home.Phone,
		Account: harness.Registered("alice", b.domain, secret, b.at(proto), proto, cmp.Or(interval, 600)),
	}
	b.alice.Start(t)
	b.alice.Until(t, "200 OK")
	return b
}

// at is where phones find the node.
func (b *behind) at(proto string) netip.AddrPort {
	return b.node.Addr(proto, netip.MustParseAddr(harness.HomeOutside))
}

// outside opens bob's phone beside the node, and registers it by digest.
func (b *behind) outside() {
	b.Helper()
	err := b.home.Outside.Do(func() error {
		b.bob = peer.New(b.T, "udp", harness.HomeOutside)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.bob.Edge = b.at("udp")
	b.bob.Answering("OPTIONS", func() int { return 200 })
	b.bobsReg = b.bob.Registers("bob", b.domain)
	b.bobsReg.Ask(600)
	challenge := b.bobsReg.Expect("401 REGISTER")
	b.bobsReg.Ask(600, peer.Credentials{User: "bob", Password: secret}.Answer(challenge))
	if got := peer.Granted(b.bobsReg.Expect("200 REGISTER"), b.bobsReg.Contact); got != 600 {
		b.Fatalf("bob was granted %d s", got)
	}
}

// invite has bob call alice, by way of the PBX, which asks him for his password.
func (b *behind) invite() *peer.Call {
	b.Helper()
	from := func(m *peer.Message) { m.Set("From", "<sip:bob@"+b.domain+">;tag="+m.Tag("From")) }
	call := b.bob.Invite("sip:alice@"+b.domain, from)
	challenge := call.Expect(407)
	call.Request("INVITE", from, peer.SDP(b.bob, 1), peer.Credentials{User: "bob", Password: secret}.Answer(challenge))
	return call
}

// calls has bob call alice, who answers by herself, and hang up.
func (b *behind) calls() {
	b.Helper()
	call := b.invite()
	call.Await("200 INVITE")
	call.Ack()
	call.Request("BYE")
	call.Await("200 BYE")
	b.bob.Drain()
}

// quiet is longer than the NAT keeps a hole of UDP open.
func (b *behind) quiet() {
	b.Helper()
	b.bob.Quiet(harness.Forgets + time.Second)
}

func (b *behind) unreachable() {
	b.Helper()
	call := b.invite()
	if m := call.AwaitWithin(time.Second, "200 INVITE"); m != nil {
		b.Errorf("the hole should be closed, and alice answers:\n%s", m.Bytes())
	}
	call.Cancel()
	call.AwaitOneOf(487, 408, 480, 404)
}

// binding waits until alice's binding is as wanted, and gives it.
func (b *behind) binding(what string, wanted func(map[string]any) bool) map[string]any {
	b.Helper()
	var found map[string]any
	harness.Eventually(b.T, 30*time.Second, func() error {
		for _, row := range b.node.JSON(b.T, "bindings") {
			if row["aor"] == "alice@"+b.domain && wanted(row) {
				found = row
				return nil
			}
		}
		return fmt.Errorf("alice's binding is not %s yet", what)
	})
	return found
}

// moved gives alice's home another address, of which the node learns by her next REGISTER.
func (b *behind) moved() {
	b.Helper()
	b.refreshed()
	b.home.Move(b.T)
	if b.proto != "udp" {
		b.alice.Do(b.T, "options", "sip:"+b.domain) // so she finds that her connection is gone
	}
	b.binding("from the new address", func(row map[string]any) bool {
		return strings.HasPrefix(fmt.Sprint(row["source"]), b.home.Public().String()+":")
	})
}

// refreshed waits until alice has just registered, where that is over a connection: a REGISTER under
// way while the connection goes would make her wait for a minute.
func (b *behind) refreshed() {
	b.Helper()
	if b.proto == "udp" {
		return
	}
	before := b.binding("there", func(map[string]any) bool { return true })["expires"]
	b.binding("refreshed", func(row map[string]any) bool { return row["expires"] != before })
}

// restarted ends the node and starts it again. Over UDP alice is there at once, over a connection
// when she has opened another.
func (b *behind) restarted(how syscall.Signal) {
	b.Helper()
	b.refreshed()
	b.node.Signal(b.T, how)
	if b.node.Exited(harness.Stopping) == -2 {
		b.Fatalf("the node does not end after %v", how)
	}
	b.node.Up(b.T)
	if b.proto != "udp" {
		b.binding("reachable", func(row map[string]any) bool { return row["reachable"] == true })
	}
	b.calls()
}
