package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"tollgate/internal/config"
	"tollgate/internal/doctor"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
)

// answers are what init writes into the files.
type answers struct {
	Address   netip.Addr // on which phones reach this machine
	Advertise string     // what they are told instead; "" = Address
	Domain    string
	PBX       pbx
	inside    netip.AddrPort // the listener towards the PBX where phones' own does not do; else invalid
	dataDir   string
}

type pbx struct {
	Host      string
	Port      int // 0 = not said yet
	Transport string
}

// sipPort is a transport's own (RFC 3261 19.1.2).
func sipPort(transport string) int {
	if transport == "tls" {
		return 5061
	}
	return 5060
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// told is how phones name this machine; "" while that is not known.
func (a *answers) told() string {
	if a.Advertise != "" || !a.Address.IsValid() {
		return a.Advertise
	}
	return a.Address.String()
}

// side is the address that the PBX sees, with the port of its transport.
func (a *answers) side() string {
	at := netip.AddrPortFrom(a.Address, 5060)
	if a.inside.IsValid() {
		at = a.inside
	}
	return hostPort(at.Addr().String(), int(at.Port())+sipPort(a.PBX.Transport)-5060)
}

// settle decides whether the PBX needs a listener of its own: where it stands in a network in
// which the address that phones are told means nothing, or is reached from another address.
func (a *answers) settle(source func(netip.Addr) (netip.Addr, bool), resolve func(string) []netip.Addr) {
	a.inside = netip.AddrPort{}
	host, err := netip.ParseAddr(a.PBX.Host)
	if err != nil {
		list := resolve(a.PBX.Host)
		if len(list) == 0 {
			return
		}
		host = list[0]
	}
	near, ok := source(host)
	switch {
	case !ok:
		return
	case near == a.Address && (a.Advertise == "" || !doctor.Private(host)):
		return
	case near.IsLoopback() && a.Address.IsLoopback() && near.Is4() == a.Address.Is4():
		return // all of 127.0.0.0/8 is one machine
	}
	port := 5060
	if near == a.Address || near == host { // 5060 is the phones', or perhaps the PBX's
		port = 5070
	}
	if near == host && (a.PBX.Port == port || a.PBX.Port == port+1) {
		port = 5080
	}
	a.inside = netip.AddrPortFrom(near, uint16(port))
}

// nodeYAML writes node.yaml with a comment at each key.
func (a *answers) nodeYAML() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("# What this node binds, and where it keeps its data; read when `tollgate serve` starts.")
	say("# Made by `tollgate init`. docs/configuration.md knows every key.")
	say("")
	say("# The database, keys and the control socket. Keep it private, and back it up.")
	say("data_dir: %s", a.dataDir)
	say("")
	say("sip:")
	say("  # Where SIP is spoken: UDP and TCP on one port, TLS on the next.")
	if a.Advertise != "" {
		say("  # advertise is what phones are told, since they cannot reach %s itself.", a.Address)
	}
	say("  listen:")
	network := ""
	if a.inside.IsValid() {
		network = "outside"
	}
	for _, proto := range []string{"udp", "tcp", "tls"} {
		say("    - %s", listenItem(proto, netip.AddrPortFrom(a.Address, uint16(sipPort(proto))), a.Advertise, network))
	}
	if a.inside.IsValid() {
		say("    # The PBX's side: it is told this address, and calls phones through it.")
		for _, proto := range []string{"udp", "tcp", "tls"} {
			if proto != "tls" || a.PBX.Transport == "tls" {
				at := netip.AddrPortFrom(a.inside.Addr(), a.inside.Port()+uint16(sipPort(proto)-5060))
				say("    - %s", listenItem(proto, at, "", "inside"))
			}
		}
	}
	say("  # What TLS shows. Without one it is self-signed, which phones that verify refuse.")
	say("  # The files are read again when they change.")
	say("  # certificates:")
	say("  #   - {cert: /etc/letsencrypt/live/%s/fullchain.pem, key: /etc/letsencrypt/live/%s/privkey.pem}", a.Domain, a.Domain)
	say("")
	say("http:")
	say("  # The API, for this machine only; from elsewhere: ssh -L 8080:127.0.0.1:8080 HOST")
	say("  listen: 127.0.0.1:8080")
	say("  # /metrics, /livez and /readyz have no password.")
	say("  metrics: 127.0.0.1:9090")
	return b.String()
}

func listenItem(proto string, at netip.AddrPort, advertise, network string) string {
	url := strconv.Quote(proto + "://" + at.String())
	if advertise == "" && network == "" {
		return url
	}
	item := "{url: " + url
	if advertise != "" {
		item += ", advertise: " + strconv.Quote(advertise)
	}
	if network != "" {
		item += ", network: " + network
	}
	return item + "}"
}

// tenantsYAML writes tenants.yaml: one customer with one PBX.
func (a *answers) tenantsYAML() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("# Companies, their customers, and where each customer's calls go.")
	say("# Made by `tollgate init`. `tollgate apply -f tenants.yaml` makes a running node so, and shows")
	say("# the difference first; docs/configuration.md knows every key.")
	say("companies:")
	say("  - name: My Company")
	say("customers:")
	say("  - name: %q", a.Domain)
	say("    company: My Company")
	say("    # A request for one of these domains is this customer's. An address is a domain, too.")
	say("    domains: [%q]", a.Domain)
	say("    # true: phones and PBX never learn each other's addresses.")
	say("    topology_hiding: false")
	say("    # The PBX: registrations and calls go to it. Over UDP its own calls are known by this very port.")
	say("    destinations:")
	network := ""
	if a.inside.IsValid() {
		network = ", network: inside"
	}
	say("      - {name: pbx, host: %q, port: %d, protocol: %s%s}", a.PBX.Host, a.PBX.Port, a.PBX.Transport, network)
	return b.String()
}

// judge lets the code that serve and apply use judge the files before they are written.
type judge struct {
	dir   string
	empty *store.Store
}

func newJudge(ctx context.Context) (*judge, error) {
	dir, err := os.MkdirTemp("", "tollgate-init-")
	if err != nil {
		return nil, fmt.Errorf("a folder to check in: %w", err)
	}
	empty, err := store.Open(ctx, store.Options{Dir: dir})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &judge{dir, empty}, nil
}

func (j *judge) close() error { return errors.Join(j.empty.Close(), os.RemoveAll(j.dir)) }

// whole gives the faults of the files as they would be written.
func (j *judge) whole(ctx context.Context, a *answers) error {
	if _, err := config.Read(config.FileName, []byte(a.nodeYAML()), nil); err != nil {
		return err
	}
	parsed := tenantfile.Parse(tenantsFile, []byte(a.tenantsYAML()), tenantfile.Local{})
	_, err := tenantfile.New(ctx, j.empty, parsed, tenantfile.Options{Principal: tenant.Local("init")})
	return err
}

// one judges the answers so far; what is not answered yet has a value that is fine. The first
// fault is told without its place, which whoever answers cannot see.
func (j *judge) one(ctx context.Context, a *answers) error {
	full := *a
	if !full.Address.IsValid() {
		full.Address = netip.AddrFrom4([4]byte{192, 0, 2, 1})
	}
	if full.Domain == "" {
		full.Domain = "example.com"
	}
	if full.PBX.Host == "" {
		full.PBX.Host = "192.0.2.2"
	}
	if full.PBX.Transport == "" {
		full.PBX.Transport = "udp"
	}
	err := j.whole(ctx, &full)
	var node config.Faults
	var tenants tenantfile.Faults
	switch {
	case errors.As(err, &node):
		return errors.New(node[0].Message + "; " + node[0].Want)
	case errors.As(err, &tenants):
		return errors.New(tenants[0].Message + "; " + tenants[0].Want)
	}
	return err
}
