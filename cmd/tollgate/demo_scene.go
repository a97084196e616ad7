package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"tollgate/internal/ua"
)

// tenants is the demo customer. Whoever comes from 127.0.0.1 and names no domain, as SIPp does, means it too.
// Nobody answers at the old pbx: there is something down to look at.
func (d *demo) tenants() string {
	pbx := d.pbx.Addr(ua.UDP)
	return fmt.Sprintf(`companies:
  - name: Demo Company
customers:
  - name: demo
    company: Demo Company
    country_code: "39"
    call_limit: 100
    rtp_bridging: true
    destination_mode: priority
    destination_groups_enabled: true
    domains: [demo.example, localhost, 127.0.0.1, "::1"]
    destination_groups:
      - {id: 2, name: new pbx}
    destinations:
      - {name: pbx, host: %[1]s, port: %[2]d, protocol: udp, priority: 1}
      - {name: old pbx, host: 127.0.0.3, port: %[2]d, protocol: udp, priority: 2}
      - {name: pbx of the migration, group: 2, host: %[1]s, port: %[2]d, protocol: udp}
    routing_rules:
      - {name: Cisco phones move first, header: user-agent, value: "^Cisco", priority: 10, group: 2}
    firewall_rules:
      - {name: scanners, header: user-agent, value: "friendly-scanner|sipvicious", priority: 1, action: drop}
    blocklist:
      - {domain: "", prefix: "00882"}
`, pbx.Addr(), pbx.Port())
}

// ban bans what nobody has (RFC 5737), so that the page of bans shows how they look.
func (d *demo) ban(ctx context.Context, node *client) error {
	for _, b := range []map[string]any{
		{"address": "203.0.113.0/28", "reason": "an example: scans from this range", "for": "24h"},
		{"address": "198.51.100.23", "reason": "an example: guessed passwords", "for": "2h"},
	} {
		if _, err := node.do(ctx, "POST", "/bans", b); err != nil {
			return fmt.Errorf("the demo's bans: %w", err)
		}
	}
	return nil
}

// talker is somebody who places calls again and again.
type talker struct {
	from  string
	uris  []string
	every time.Duration
	talk  time.Duration
}

// talkers: short calls of each outcome, a refused one among them, and long ones to look at.
func (c *demoCommand) talkers() []talker {
	const short, long = 6 * time.Second, 75 * time.Second
	return []talker{
		{"sip:anna@demo.example", []string{"sip:100@demo.example", "sip:102@demo.example", "sip:4711@demo.example", "sip:008821355@demo.example", "sip:104@demo.example"}, c.Every, short},
		{"sip:bruno@localhost", []string{"sip:101@localhost", "sip:103@localhost"}, 2 * c.Every, short},
		{"sip:0401234567@demo.example", []string{"sip:101@demo.example"}, c.Every / 2, long},
		{"sip:0245678901@demo.example", []string{"sip:100@demo.example"}, c.Every / 2, long - 20*time.Second},
		{"sip:0659871234@demo.example", []string{"sip:101@localhost"}, c.Every / 2, long - 10*time.Second},
	}
}

// callers place calls from 127.0.0.1 to the customer's domains.
func (d *demo) callers(c *demoCommand) []*ua.Caller {
	var out []*ua.Caller
	for _, t := range c.talkers() {
		caller, err := ua.NewCaller(ua.CallerConfig{
			Server: d.node.SIP.Listen[0].Addr, Local: netip.MustParseAddr("127.0.0.1"), From: t.from,
			URIs: t.uris, Every: t.every, Talk: t.talk, Ring: 8 * time.Second, Log: d.log,
			Done: func(l ua.Ladder, err error) { d.called(c, &l, err) },
		})
		if err != nil {
			d.log.Error("demo caller", "error", err.Error())
			continue
		}
		out = append(out, caller)
	}
	return out
}
