package main

import (
	"crypto/md5" //nolint:gosec // what both peers are asked with
	_ "embed"    // the peer's configuration
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

//go:embed kamailio-registrar.cfg
var kamailioRegistrarConfig string

// ownUser is the SIP user whose phone i is, in customerDomain(i%customers).
func ownUser(i int) string { return phoneUser(i / customers) }

func hashed(text string) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(text))) //nolint:gosec // see the import
}

// credentials is the Authorization of phone i's next REGISTER, "" before it was asked for one.
func (p *phones) credentials(i int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.nonces[i] == "" {
		return ""
	}
	p.counts[i]++
	user, domain, nc := ownUser(i), customerDomain(i%customers), fmt.Sprintf("%08x", p.counts[i])
	ha1, ha2 := hashed(user+":"+domain+":"+userPassword), hashed("REGISTER:sip:"+domain)
	return fmt.Sprintf("Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"sip:%s\", response=\"%s\", algorithm=MD5, "+
		"qop=auth, nc=%s, cnonce=\"0a4f113b\"\r\n", user, domain, p.nonces[i], domain,
		hashed(strings.Join([]string{ha1, p.nonces[i], nc, "0a4f113b", "auth", ha2}, ":")), nc)
}

// asked notes the nonce of a challenge. The caller holds p.mu.
func (p *phones) asked(i int, challenge string) {
	if _, rest, ok := strings.Cut(challenge, `nonce="`); ok && i < len(p.nonces) {
		p.nonces[i], _, _ = strings.Cut(rest, `"`)
		p.counts[i] = 0
	}
}

// ownHashes are the lines that put the hashes of the phones' users into a Kamailio's memory.
func (b *bench) ownHashes() string {
	var out strings.Builder
	for i := range b.phones {
		user, domain := ownUser(i), customerDomain(i%customers)
		fmt.Fprintf(&out, "  $sht(ha1=>%s@%s) = \"%s\";\n", user, domain, hashed(user+":"+domain+":"+userPassword))
	}
	return out.String()
}

// ownUsers are the lines of a Tollgate's customer with as many users.
func ownUsers(phones int) string {
	var out strings.Builder
	out.WriteString("    registration: local\n    digest: [md5]\n    sip_users:\n")
	for i := 0; i < phones; i += customers {
		fmt.Fprintf(&out, "      - {username: %q, password: %q, nat_ping: disabled}\n", ownUser(i), userPassword)
	}
	return out.String()
}

// measureRegisterLocal has phones refresh at each peer as their registrar: one REGISTER with an
// answer to a challenge of before, whose nonce is counted on.
func (b *bench) measureRegisterLocal(r *report, stop <-chan os.Signal) error {
	all := map[*peer]*phones{}
	var peers []*peer
	for _, p := range r.peers {
		var start starter
		switch p.name {
		case peerKamailio:
			start = b.startKamailio(strings.ReplaceAll(kamailioRegistrarConfig, "@HA1@", b.ownHashes()))
		case peerTollgate:
			start = b.startWalled(false, walls{phones: b.phones})
		default:
			continue
		}
		own := &peer{name: p.name, label: p.label, addr: p.addr, start: start}
		if err := b.ensure(own); err != nil {
			return err
		}
		phones, err := startPhones(0)
		if err != nil {
			return err
		}
		defer phones.close()
		phones.nonces, phones.counts = make([]string, b.phones), make([]int, b.phones)
		for range 2 { // asked for a password, and let in
			if err := phones.register(own.addr, b.phones, b.phones, registerRate); err != nil {
				return err
			}
			phones.settle(2 * time.Second)
		}
		all[own], peers = phones, append(peers, own)
	}
	return b.takeTurns(&r.locals, peers, "REGISTER", stop, func(s *sample, p *peer) error {
		return b.refreshLocal(s, p, all[p], s.Rate*b.registerSeconds)
	})
}

// refreshLocal sends n REGISTERs to a peer and fills the sample. One that gets no 200 makes it void.
func (b *bench) refreshLocal(s *sample, p *peer, phones *phones, n int) error {
	before, err := p.cpu()
	if err != nil {
		return err
	}
	if err := phones.register(p.addr, b.phones, n, s.Rate); err != nil {
		return err
	}
	granted, again := phones.settle(2 * time.Second)
	after, err := p.cpu()
	if err != nil {
		return err
	}
	spent, err := after.since(before)
	if err != nil {
		return err
	}
	s.PerCall = spent / time.Duration(n)
	s.Result = loadResult{Calls: n, Answered: granted, Failed: n - granted, Retrans: again}
	switch {
	case granted != n:
		return fmt.Errorf("%d of %d REGISTERs without a 200, one was answered %d", n-granted, n, phones.refusal())
	case again > 0:
		return errors.New("an answer was sent again")
	}
	return nil
}

func (r *report) registerLocalTable(b *strings.Builder) {
	if len(r.locals) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## REGISTER with a password, answered here\n\n%d rounds of %d s at each rate, peers in turn; %d phones of %d customers refresh, each "+
		"REGISTER with an answer (MD5, qop auth, the nonce counted on). CPU of the peer by schedstat; Kamailio keeps its bindings in memory only. At most %.1f.\n\n",
		r.bench.rounds, r.bench.registerSeconds, r.bench.phones, customers, registerLimit)
	b.WriteString("| peer | REGISTER/s | us CPU/REGISTER, median | spread | x Kamailio | REGISTERs | void turns |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, rate := range r.bench.rates {
		for _, name := range []string{peerKamailio, peerTollgate} {
			costs, n, _ := r.locals.costs(name, rate)
			fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %d | %s |\n", name, rate, medianText(costs), spreadText(costs),
				r.locals.ratioText(name, peerKamailio, rate), n, r.locals.voids(name, rate))
		}
		r.locals.voidTurns(b, rate)
	}
}
