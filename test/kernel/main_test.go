// Package kernel plays between network namespaces what the kernel does before the node reads
// anything. Bans: what is dropped and what is not, who is spared, what lifts a ban. Media: what is
// forwarded, what still comes to the node, what takes a stream back. And that nothing stays behind.
// Whom a ban holds at all is package bans; media as such is package media.
//
// On a kernel that cannot do it the same is played against the node alone, and the test says so.
package kernel

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy bans nobody
	}
	harness.Main(m)
}

// quiet is how long a request that is dropped stays without an answer.
const quiet = 100 * time.Millisecond

// place is a node between phones and a PBX, and one customer's traffic through it.
type place struct {
	*testing.T
	cloud *harness.Cloud
	node  *harness.Node
	pbx   *peer.UA
	acme  harness.Customer
	drops bool // in the kernel

	clsact bool // that is how
}

// set builds the place. The panel can be reached from the phones' side, as SSH could.
func set(t *testing.T, env ...string) *place {
	t.Helper()
	cloud := harness.NewCloud(t)
	var listen []string
	for _, proto := range []string{"udp", "tcp"} {
		listen = append(listen,
			fmt.Sprintf(`{url: "%s://%s:5060", advertise: %s, network: outside}`, proto, harness.CloudOutside, harness.CloudPublic),
			fmt.Sprintf(`{url: "%s://[%s]:5060", network: outside}`, proto, harness.CloudOutside6),
			fmt.Sprintf(`{url: "%s://%s:5060", network: inside}`, proto, harness.CloudInside))
	}
	p := &place{T: t, cloud: cloud}
	p.node = cloud.Serve(t, append(env, "TOLLGATE_HTTP_LISTEN="+harness.CloudOutside+":8080"), listen...)
	p.pbx = peer.OpenIn(t, cloud.PBXs.Do, "udp", netip.AddrPortFrom(cloud.PBX(), 0))
	p.pbx.Edge = netip.MustParseAddrPort(harness.CloudInside + ":5060")
	p.acme = harness.Customer{
		Name: "acme", Domains: []string{"acme.test"},
		Destinations: []harness.Destination{{Addr: p.pbx.Addr(), Proto: "udp", Network: "inside"}},
	}
	p.node.Apply(t, p.acme)
	if p.drops = p.metric("tollgate_kernel_bans_possible") == 1; !p.drops {
		t.Logf("without the kernel, so step 3 is played: %s", p.node.LogSince(0, "bans drop in this process"))
	}
	return p
}

// way makes sure that the node says how programs are attached, and that it is as it was told.
func (p *place) way(told string) {
	p.Helper()
	var want []string
	switch {
	case told == "clsact":
		p.clsact, want = true, []string{"clsact"}
	case told != "kernel":
		want = []string{"none"}
	case p.drops:
		want = []string{"tcx", "clsact"} // as the kernel has them
	default:
		want = []string{"none"}
	}
	text, err := p.say(p.cloud.Edge, "tcp", "", p.node.Metrics, "GET /metrics HTTP/1.0\r\n\r\n")
	if err != nil {
		p.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "\ntollgate_kernel_way{way=\"")
	way, rest, _ := strings.Cut(rest, `",why="`)
	why, _, _ := strings.Cut(rest, `"`)
	if !slices.Contains(want, way) || (why == "") != (way == "tcx") {
		p.Errorf("the programs are attached by %q (%q), not %v", way, why, want)
	}
	said := p.node.LogSince(0, "bans drop in the kernel") + p.node.LogSince(0, "media is forwarded in the kernel")
	if way != "none" && strings.Count(said, "way="+way) != 2 {
		p.Errorf("the log does not say %s twice: %s", way, said)
	}
}

// phone is an endpoint outside.
func (p *place) phone(proto string) *peer.UA {
	u := peer.OpenIn(p.T, p.cloud.Phones.Do, proto, netip.AddrPortFrom(p.cloud.Phone(), 0))
	u.Edge = netip.MustParseAddrPort(harness.CloudPublic + ":5060")
	return u
}

func (p *place) phone6() *peer.UA {
	u := peer.OpenIn(p.T, p.cloud.Phones.Do, "udp", netip.AddrPortFrom(p.cloud.Phone6(), 0))
	u.Edge = netip.AddrPortFrom(netip.MustParseAddr(harness.CloudOutside6), 5060)
	return u
}

// heard sends a request that reaches the PBX and is answered.
func (p *place) heard(u *peer.UA) {
	p.Helper()
	call := u.Start("OPTIONS", "sip:bob@acme.test")
	p.pbx.Accept("OPTIONS").Answer(200)
	call.Expect("200 OPTIONS")
}

// dropped sends a request that nobody hears.
func (p *place) dropped(u *peer.UA) {
	p.Helper()
	u.Start("OPTIONS", "sip:bob@acme.test")
	u.Quiet(quiet)
	p.pbx.Quiet(time.Millisecond)
}

// ban bans for everybody, and waits until the kernel has that many bans on its interfaces: the
// program may be attached a moment after the first ban is in force.
func (p *place) ban(address string, inKernel int) {
	p.Helper()
	p.node.Must(p, "ban", address, "--for", "1h")
	p.inKernel(inKernel)
}

func (p *place) inKernel(bans int) {
	p.Helper()
	if !p.drops {
		bans = 0
	}
	harness.Eventually(p, harness.Soon, func() error {
		if n := p.metric("tollgate_kernel_bans"); n != float64(bans) {
			return fmt.Errorf("%v bans are in the kernel, not %d", n, bans)
		}
		if n := p.metric("tollgate_kernel_bans_interfaces"); (n > 0) != (bans > 0) {
			return fmt.Errorf("%d bans, and the program is on %v interfaces", bans, n)
		}
		return nil
	})
}

// hits is what was dropped for the ban of an address, -1 where there is none.
func (p *place) hits(address string) int {
	p.Helper()
	for _, b := range p.node.JSON(p, "bans") {
		if hits, ok := b["hits"].(float64); ok && b["address"] == address {
			return int(hits)
		}
	}
	return -1
}

// metric asks the node for one of its metrics.
func (p *place) metric(name string) float64 {
	p.Helper()
	text, err := p.say(p.cloud.Edge, "tcp", "", p.node.Metrics, "GET /metrics HTTP/1.0\r\n\r\n")
	if err != nil {
		p.Fatal(err)
	}
	_, rest, found := strings.Cut(text, "\n"+name+" ")
	value, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseFloat(value, 64)
	if !found || err != nil {
		p.Fatalf("the metric %s is %q", name, value)
	}
	return n
}

// received is how many datagrams sockets of the node's namespace were given.
func (p *place) received() int {
	p.Helper()
	out, err := p.cloud.Edge.Command("cat", "/proc/net/snmp").Output()
	if err != nil {
		p.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); fields[0] == "Udp:" && fields[1] != "InDatagrams" {
			n, err := strconv.Atoi(fields[1])
			if err != nil {
				p.Fatal(err)
			}
			return n
		}
	}
	p.Fatal("the kernel does not count datagrams")
	return 0
}

// say sends a text from a namespace and address ("" = any), and gives what comes back.
func (p *place) say(from harness.Netns, network, address, to, text string) (answer string, err error) {
	p.Helper()
	return p.sayWithin(harness.Soon, from, network, address, to, text)
}

// sayWithin is say that waits for no longer, such as for what must not come.
func (p *place) sayWithin(patience time.Duration, from harness.Netns, network, address, to, text string) (answer string, err error) {
	p.Helper()
	err = from.Do(func() error {
		d := net.Dialer{Timeout: patience}
		switch a, e := netip.ParseAddr(address); {
		case e != nil:
		case network == "tcp":
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, 0))
		default:
			d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0))
		}
		conn, err := d.Dial(network, to)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err = conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err = io.WriteString(conn, text); err != nil {
			return err
		}
		if network == "tcp" {
			all, err := io.ReadAll(conn)
			answer = string(all)
			return err
		}
		b := make([]byte, 1500)
		n, err := conn.Read(b)
		answer = string(b[:n])
		return err
	})
	return answer, err
}

// echo answers on a port of the node's machine that is none of the node's, UDP and TCP.
func (p *place) echo(port string) {
	p.Helper()
	var stream net.Listener
	var datagrams net.PacketConn
	err := p.cloud.Edge.Do(func() (err error) {
		if stream, err = net.Listen("tcp", ":"+port); err == nil {
			datagrams, err = net.ListenPacket("udp", ":"+port)
		}
		return err
	})
	if err != nil {
		p.Fatal(err)
	}
	done := make(chan struct{}, 2)
	go func() {
		defer func() { done <- struct{}{} }()
		for {
			c, err := stream.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "SSH-2.0-x\r\n")
			_ = c.Close()
		}
	}()
	go func() {
		defer func() { done <- struct{}{} }()
		b := make([]byte, 1500)
		for {
			n, from, err := datagrams.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = datagrams.WriteTo(b[:n], from)
		}
	}()
	p.Cleanup(func() {
		if err := errors.Join(stream.Close(), datagrams.Close()); err != nil {
			p.Error(err)
		}
		<-done
		<-done
	})
}
