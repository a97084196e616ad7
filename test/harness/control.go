package harness

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tollgate/test/peer"
)

// control is a plain record-routing Kamailio in the node's place, with failover and
// timers alike. A scenario that fails against both is wrong itself.
type control struct {
	node *Node
	dir  string
	file string
}

func newControl(t testing.TB, n *Node) *control {
	t.Helper()
	c := &control{node: n, dir: n.Dir, file: filepath.Join(n.Dir, "kamailio.cfg")}
	cert, key := peer.WriteCertificate(t, n.Dir, "tollgate.test")
	r := strings.NewReplacer("@PORT@", fmt.Sprint(n.Port), "@TLS@", fmt.Sprint(n.TLSPort),
		"@CTL@", c.socket(), "@CERT@", cert, "@KEY@", key)
	if err := os.WriteFile(c.file, []byte(r.Replace(controlConfig)), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *control) socket() string { return filepath.Join(c.dir, "ctl") }

func (c *control) command(t testing.TB) *exec.Cmd { return kamailioCommand(t, "", c.file, c.dir) }

func (c *control) ready() error {
	if _, err := os.Stat(c.socket()); err != nil {
		return err
	}
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", c.node.Port), time.Second)
	if err != nil {
		return err
	}
	conn.Close()
	if !bound("udp", c.node.Port) {
		return errors.New("no UDP socket yet")
	}
	return nil
}

// apply puts the customers' destinations and timers into Kamailio's tables.
func (c *control) apply(t testing.TB, customers []Customer) {
	t.Helper()
	for _, customer := range customers {
		var dests []string
		for _, d := range customer.Destinations {
			dests = append(dests, fmt.Sprintf("sip:%s;transport=%s", d.Addr, or(d.Proto, "udp")))
			c.set(t, "src", d.Addr.String(), "1")
			c.set(t, "src", d.Addr.Addr().String(), "1")
		}
		initial, invite := milliseconds(t, or(customer.Initial, "5s")), milliseconds(t, or(customer.Invite, "120s"))
		for _, domain := range customer.Domains {
			c.set(t, "dst", domain, strings.Join(dests, "|"))
			c.set(t, "initial", domain, initial)
			c.set(t, "invite", domain, invite)
		}
	}
}

func milliseconds(t testing.TB, duration string) string {
	t.Helper()
	d, err := time.ParseDuration(duration)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(d.Milliseconds())
}

func (c *control) set(t testing.TB, table, key, value string) {
	t.Helper()
	cmd := exec.Command(Need(t, "kamcmd", KamailioPackage), "-s", "unix:"+c.socket(), "htable.sets", table, key, "s:"+value)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v %s", cmd.Args, err, out)
	}
}

const controlConfig = `#!KAMAILIO
debug=1
log_stderror=yes
children=2
tcp_children=2
auto_aliases=no
enable_tls=yes
tcp_connection_lifetime=60
tcp_reuse_port=no
listen=udp:127.0.0.1:@PORT@
listen=tcp:127.0.0.1:@PORT@
listen=tls:127.0.0.1:@TLS@
listen=udp:[::1]:@PORT@
listen=tcp:[::1]:@PORT@
listen=tls:[::1]:@TLS@
mhomed=no
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "htable.so"
loadmodule "ctl.so"
modparam("ctl", "binrpc", "unix:@CTL@")
modparam("tls", "private_key", "@KEY@")
modparam("tls", "certificate", "@CERT@")
modparam("tls", "tls_force_run", 1)
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tm", "failure_reply_mode", 3)
modparam("htable", "htable", "dst=>size=8;")
modparam("htable", "htable", "src=>size=8;")
modparam("htable", "htable", "initial=>size=8;")
modparam("htable", "htable", "invite=>size=8;")
request_route {
  if (!mf_process_maxfwd_header("70")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("CANCEL")) {
    if (t_check_trans()) t_relay(); else sl_send_reply("481", "No");
    exit;
  }
  if (has_totag()) {
    if (loose_route()) { route(OUT); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("481", "No");
    exit;
  }
  t_check_trans();
  if (is_method("INVITE")) record_route();
  if ($sht(dst=>$rd) == $null) {
    if ($sht(src=>$si) == $null) exit;
    $avp(rest) = "";
    $avp(d) = "foreign";
    t_on_failure("NEXT");
    t_set_fr(120000, 5000);
    route(OUT);
    exit;
  }
  $avp(d) = $rd;
  $avp(i) = 0;
  $avp(rest) = $sht(dst=>$rd);
  route(NEXT);
}
route[NEXT] {
  $du = $(avp(rest){s.select,$avp(i),|});
  $avp(i) = $avp(i) + 1;
  t_on_failure("NEXT");
  t_set_fr($(sht(invite=>$avp(d)){s.int}), $(sht(initial=>$avp(d)){s.int}));
  route(OUT);
}
# Kamailio keeps the listener of the other family or transport unless told.
route[OUT] {
  if (!t_relay()) sl_reply_error();
}
failure_route[NEXT] {
  if (t_is_canceled()) exit;
  if (t_branch_timeout() && t_branch_replied()) { t_reply("404", "Not Found"); exit; }
  if (t_check_status("408|500|502|503|504")) {
    $var(next) = $(avp(rest){s.select,$avp(i),|});
    if ($var(next) != "" && $var(next) != $null) { route(NEXT); exit; }
    if ($avp(d) == "foreign") exit;
    if (t_branch_timeout()) t_reply("404", "Not Found");
    else if (t_check_status("503")) t_reply("500", "Server Internal Error");
  }
}
`
