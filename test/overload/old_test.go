package overload

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
)

// TestTooOld stops a node for five seconds: calls that came at the beginning of that are
// not served any more, those that came at its end are, and a BYE is answered however old.
func TestTooOld(t *testing.T) {
	local := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0"))
	pbx, err := net.ListenUDP("udp", local)
	if err != nil {
		t.Fatal(err)
	}
	defer pbx.Close()
	node := harness.Start(t)
	node.Apply(t, harness.Customer{
		Name: "Old", Domains: []string{"old.example"},
		Destinations: []harness.Destination{{Addr: pbx.LocalAddr().(*net.UDPAddr).AddrPort()}},
	})
	caller, err := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(node.Addr("udp", netip.MustParseAddr("127.0.0.1"))))
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	send := func(method, user, tag string) {
		t.Helper()
		if _, err := fmt.Fprintf(caller, "%s sip:%s@old.example SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%s\r\nMax-Forwards: 70\r\n"+
			"From: <sip:a@old.example>;tag=1\r\nTo: <sip:%s@old.example>%s\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nContact: <sip:a@%s>\r\nContent-Length: 0\r\n\r\n",
			method, user, caller.LocalAddr(), user, method, user, tag, user, method, caller.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	node.Pause(t)
	send("INVITE", "early", "")
	send("BYE", "dialog", ";tag=2")
	<-time.After(4500 * time.Millisecond)
	send("INVITE", "recent", "")
	<-time.After(500 * time.Millisecond)
	node.Signal(t, syscall.SIGCONT)

	if got := receive(t, pbx); !strings.HasPrefix(got, "INVITE sip:recent@") {
		t.Errorf("the PBX got\n%s", got)
	}
	for {
		if got := receive(t, caller); strings.Contains(got, "\r\nCSeq: 1 BYE") {
			if !strings.HasPrefix(got, "SIP/2.0 481 ") {
				t.Errorf("a BYE of an unknown call is answered\n%s", got)
			}
			break
		}
	}
	if err := pbx.SetReadDeadline(time.Now().Add(400 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	if n, err := pbx.Read(buf); err == nil {
		t.Errorf("the PBX also got\n%s", buf[:n])
	}
	if want := `tollgate_shed_total{class="too_old"} 1`; !strings.Contains(metrics(t, node), want) {
		t.Errorf("the metrics do not say %s", want)
	}
}

func receive(t *testing.T, c *net.UDPConn) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func metrics(t *testing.T, node *harness.Node) string {
	t.Helper()
	resp, err := http.Get("http://" + node.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
