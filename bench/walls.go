package main

import (
	"fmt"
	"strings"
)

// walls is which protection the customers of a Tollgate have. Limits, decisions and call
// records are always on.
type walls struct {
	firewall  bool
	blocklist bool
	antifraud bool
	untraced  bool
	password  bool // of each caller
	phones    int  // that register here; 0: none
}

// The peers that tell what each protection costs.
const (
	peerAll       = "tollgate-all"
	peerAllTH     = "tollgate-all-hidden"
	peerUntraced  = "tollgate-untraced"
	peerFirewall  = "tollgate-firewall"
	peerBlocklist = "tollgate-blocklist"
	peerAntifraud = "tollgate-antifraud"
)

// blockedPrefixes is how many prefixes the customers have in their block lists, together.
const blockedPrefixes = 100_000

// stepPeers are Tollgates that differ in one protection.
func (b *bench) stepPeers() []*peer {
	of := func(name, label string, hidden bool, w walls) *peer {
		return &peer{name: name, label: label, refuses: true, start: b.startWalled(hidden, w)}
	}
	all := walls{firewall: true, blocklist: true, antifraud: true}
	return []*peer{
		of(peerAll, "Tollgate, everything on", false, all),
		of(peerAllTH, "Tollgate, hidden, everything on", true, all),
		of(peerUntraced, "Tollgate without traces", false, walls{untraced: true}),
		of(peerFirewall, "Tollgate, firewall", false, walls{firewall: true}),
		of(peerBlocklist, "Tollgate, block list", false, walls{blocklist: true}),
		of(peerAntifraud, "Tollgate, antifraud", false, walls{antifraud: true}),
	}
}

func (b *bench) startWalled(hidden bool, w walls) starter {
	return func(p *peer, prefix []string) (*process, error) {
		c, err := b.tollgateConfig(p, hidden)
		if err != nil {
			return nil, err
		}
		c.walls = w
		return c.start(prefix)
	}
}

// write adds the walls of one customer: 20 rules on User-Agent of which none matches, 10 of
// them in any case; his share of the prefixes, of which none is called; thresholds that no
// number reaches.
func (w walls) write(b *strings.Builder) {
	if w.password {
		b.WriteString(users())
	}
	if w.phones > 0 {
		b.WriteString(ownUsers(w.phones))
	}
	if w.untraced {
		b.WriteString("    trace: false\n")
	}
	if w.antifraud {
		b.WriteString("    antifraud: {invite: 1000, register: 1000, options: 1000, mode: enforce}\n")
	}
	if w.firewall {
		b.WriteString("    firewall_rules:\n")
		for i := range 20 {
			value := fmt.Sprintf("^(Scanner%02d|Dialer%02d)/[0-9.]+ ?(beta)?$", i, i)
			if i%2 == 1 {
				value = "(?i)" + value
			}
			fmt.Fprintf(b, "      - {name: rule %d, header: user-agent, value: '%s', match: regex, priority: %d, action: drop}\n", i, value, i+1)
		}
	}
	if w.blocklist {
		b.WriteString("    blocklist:\n")
		for i := range blockedPrefixes / customers {
			fmt.Fprintf(b, "      - {domain: \"\", prefix: \"00%d\"}\n", 881_000_000+i*37)
		}
	}
}
