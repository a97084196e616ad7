package harness

import (
	"net/netip"
	"strings"
	"testing"
)

// PBX is a Kamailio that plays a customer's PBX: it registers phones by digest, rings all
// contacts of an address of record at once, asks its own users for a password when they
// call, and stays in every dialog's path.
type PBX struct {
	IP       string
	Port     int // UDP and TCP; 0 takes a free one
	Domain   string
	Password string // of every user
	Netns    Netns
}

// Start runs it until the test ends.
func (p *PBX) Start(t testing.TB) {
	t.Helper()
	if p.Port == 0 {
		p.Port = Port(t)
	}
	config := strings.NewReplacer("@ADDR@", p.Addr().String(), "@DOMAIN@", p.Domain, "@PASSWORD@", p.Password).Replace(pbxConfig)
	runKamailio(t, p.Netns, config, p.Port)
}

// Addr is where it listens.
func (p *PBX) Addr() netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(p.IP), uint16(p.Port))
}

const pbxConfig = `#!KAMAILIO
debug=1
log_stderror=yes
children=2
tcp_children=1
auto_aliases=no
listen=udp:@ADDR@
listen=tcp:@ADDR@
alias="@DOMAIN@"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 1)
modparam("registrar", "min_expires", 1)
modparam("registrar", "max_expires", 7200)
modparam("registrar", "default_expires", 3600)
modparam("tm", "failure_reply_mode", 3)
modparam("tm", "fr_timer", 4000)
request_route {
  if (!mf_process_maxfwd_header("70")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("OPTIONS") && $rU == $null) { sl_send_reply("200", "OK"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); else sl_send_reply("481", "No"); exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("481", "No");
    exit;
  }
  t_check_trans();
  if (is_method("REGISTER")) { route(REGISTER); exit; }
  if ($rd != "@DOMAIN@") { sl_send_reply("404", "No such domain"); exit; }
  if ($fd == "@DOMAIN@" && is_method("INVITE")) {
    if (!pv_proxy_authenticate("@DOMAIN@", "@PASSWORD@", "0")) { auth_challenge("@DOMAIN@", "1"); exit; }
    consume_credentials();
  }
  record_route();
  if (!lookup("location")) { sl_send_reply("480", "Not registered"); exit; }
  if (!t_relay()) sl_reply_error();
}
route[REGISTER] {
  if (!pv_www_authenticate("@DOMAIN@", "@PASSWORD@", "0")) { auth_challenge("@DOMAIN@", "1"); exit; }
  if ($au != $tU) { sl_send_reply("403", "Not your address"); exit; }
  save("location");
}
`
