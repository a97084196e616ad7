package main

import (
	"crypto/md5" //nolint:gosec // what both peers are asked with
	_ "embed"    // the scenario and the peer's configuration
	"fmt"
	"os"
	"strings"
)

//go:embed kamailio-auth.cfg
var kamailioAuthConfig string

//go:embed uac-auth.xml
var uacAuthScenario string

// The user that each customer has; uac-auth.xml says the same.
const (
	userName     = "1001"
	userPassword = "Bench-Horse-1"
)

// authLimit is what a call that gives a password may cost beside Kamailio.
const authLimit = 0.7

// kamailioUsers are the lines that put the users' hashes into memory.
func kamailioUsers() string {
	var b strings.Builder
	for i := range customers {
		domain := customerDomain(i)
		hash := md5.Sum([]byte(userName + ":" + domain + ":" + userPassword)) //nolint:gosec // see the import
		fmt.Fprintf(&b, "  $sht(ha1=>%s) = \"%x\";\n", domain, hash)
	}
	return b.String()
}

// users are the lines of a Tollgate's customer that ask for the same.
func users() string {
	return fmt.Sprintf("    registration: local\n    digest: [md5]\n    sip_users:\n      - {username: %q, password: %q, channels: 100000}\n", userName, userPassword)
}

// measureAuth has the peers carry calls of users that they ask for a password: an INVITE, 407,
// ACK, the INVITE again with the answer, and the call.
func (b *bench) measureAuth(r *report, stop <-chan os.Signal) error {
	var peers []*peer
	for _, p := range r.peers {
		if p.asks != nil {
			peers = append(peers, &peer{name: p.name, label: p.label, addr: p.addr, start: p.asks})
		}
	}
	return b.takeTurns(&r.auths, peers, "call", stop, func(s *sample, p *peer) error {
		return b.spend(s, p, load{target: p.addr, rate: s.Rate, calls: s.Rate * b.seconds, talk: talk, caller: "uac-auth", more: []string{"-auth_uri", "3401@" + customerDomain(0)}})
	})
}

func (r *report) authTable(b *strings.Builder) {
	if len(r.auths) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## Calls that give a password\n\n%d rounds of %d s at each rate, peers in turn; INVITE, 407 (MD5, qop auth, nonces counted), ACK, "+
		"INVITE with the answer, ACK, BYE. CPU of the peer by schedstat. x = median of the ratios within each round; at most %.1f.\n\n",
		r.bench.rounds, r.bench.seconds, authLimit)
	b.WriteString("| peer | calls/s | us CPU/call, median | spread | x Kamailio | | calls | sent again | void turns |\n|---|---:|---:|---:|---:|---|---:|---:|---|\n")
	for _, rate := range r.bench.rates {
		for _, p := range r.peers {
			if p.asks == nil {
				continue
			}
			costs, n, again := r.auths.costs(p.name, rate)
			met := ""
			if x, ok := r.auths.ratio(p.name, peerKamailio, rate); ok && p.name != peerKamailio {
				met = verdict(x <= authLimit)
			}
			fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %s | %d | %d | %s |\n", p.label, rate, medianText(costs), spreadText(costs),
				r.auths.ratioText(p.name, peerKamailio, rate), met, n, again, r.auths.voids(p.name, rate))
		}
	}
	for _, rate := range r.bench.rates {
		r.auths.voidTurns(b, rate)
	}
}
