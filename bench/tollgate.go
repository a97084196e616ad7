package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// tollgateConfig is a node of its own: its files, ports and customers.
type tollgateConfig struct {
	binary  string
	dir     string
	sip     netip.AddrPort
	http    netip.AddrPort
	metrics netip.AddrPort
	hidden  bool
	pings   bool           // of registered phones
	outside netip.AddrPort // another listener; the zero AddrPort: none
	kernel  string         // media.kernel; "" = not set
	bridged bool           // customers' media
	tls     netip.AddrPort // a listener for TLS; the zero AddrPort: none
	walls   walls
	answer  netip.AddrPort // where the 50 customers' calls go
	probe   netip.AddrPort // where the calls to probe.test go
}

func (c tollgateConfig) nodeFile() string { return c.dir + "/node.yaml" }

// node is the node.yaml: UDP listeners, everything else out of the way.
func (c tollgateConfig) node() string {
	listen, more := "udp://"+c.sip.String(), ""
	if c.outside.IsValid() {
		listen += ", udp://" + c.outside.String()
	}
	if c.tls.IsValid() {
		listen += ", tls://" + c.tls.String()
	}
	if c.kernel != "" {
		more = "media: {kernel: " + c.kernel + "}\n"
	}
	return fmt.Sprintf(`data_dir: %s/data
sip:
  listen: [%s]
http: {listen: %s, metrics: %s}
log: {level: warn, format: text}
`, c.dir, listen, c.http, c.metrics) + more
}

// tenants is the tenants.yaml: 50 customers by domain, each with limits, a rule
// that refuses numbers in 1900 (its group is empty) and one destination.
// Keepalive is off since SIPp does not answer OPTIONS outside of calls.
func (c tollgateConfig) tenants() string {
	var b strings.Builder
	b.WriteString("companies:\n  - name: Bench\ncustomers:\n")
	for i := range customers {
		c.customer(&b, fmt.Sprintf("c%02d", i+1), customerDomain(i), c.answer)
	}
	c.customer(&b, "probe", probeDomain, c.probe)
	return b.String()
}

func (c tollgateConfig) customer(b *strings.Builder, name, domain string, to netip.AddrPort) {
	pings := map[bool]string{false: "disabled", true: "enabled"}[c.pings]
	fmt.Fprintf(b, `  - name: %s
    company: Bench
    country_code: "39"
    call_limit: 100000
    topology_hiding: %t
    keepalive: false
    nat_ping: %s
    destination_groups_enabled: true
    domains: [%s]
    destination_groups:
      - {id: 2, name: refused}
    destinations:
      - {name: pbx, group: 1, host: %s, port: %d, protocol: udp, priority: 10}
    routing_rules:
      - {name: forbidden, header: request-uri, value: "^sips?:1900", match: regex, priority: 10, group: 2}
`, name, c.hidden, pings, domain, to.Addr(), to.Port())
	if c.bridged {
		b.WriteString("    rtp_bridging: true\n")
	}
	c.walls.write(b)
}

// start runs a new node and applies its customers; it returns once they are live.
// prefix is put before its command line.
func (c tollgateConfig) start(prefix []string) (*process, error) {
	// Calls and phones that an earlier run has left would be restored.
	if err := os.RemoveAll(c.dir + "/data"); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := os.MkdirAll(c.dir+"/data", 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	tenants := c.dir + "/tenants.yaml"
	for file, text := range map[string]string{c.nodeFile(): c.node(), tenants: c.tenants()} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("configuration: %w", err)
		}
	}
	p, err := c.serve(prefix)
	if err != nil {
		return nil, err
	}
	if err := p.bound(c.sip); err != nil {
		p.stop()
		return nil, err
	}
	if err := c.apply(tenants); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// serve runs the node with the files and data that it has; it does not wait for it.
func (c tollgateConfig) serve(prefix []string) (*process, error) {
	return startProcess("tollgate", c.dir+"/serve.log", slices.Concat(prefix, []string{c.binary, "serve", "-c", c.nodeFile()})...)
}

// apply retries while the node has bound its ports but not yet its control socket.
func (c tollgateConfig) apply(tenants string) error {
	for deadline := time.Now().Add(10 * time.Second); ; {
		out, err := exec.Command(c.binary, "apply", "-c", c.nodeFile(), "-f", tenants).CombinedOutput()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("tollgate apply: %w\n%s", err, out)
		}
		<-time.After(200 * time.Millisecond)
	}
}
