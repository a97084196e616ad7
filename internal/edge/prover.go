package edge

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/transport"
)

// proveEvery is how often the DNS of domains that are not proven yet is looked at.
const proveEvery = 15 * time.Second

// askDNSFor bounds one look at a domain's DNS.
const askDNSFor = 5 * time.Second

// prover lets a domain that a company added work once its DNS leads here
// (mission row D1), so that nobody gets another's calls by typing his name.
type prover struct {
	store    *store.Store
	resolver *transport.Resolver
	sip      *transport.Transport
	host     string // platform.host
	log      *slog.Logger

	stop context.CancelFunc
	done sync.WaitGroup
}

func (p *prover) start() {
	var ctx context.Context
	ctx, p.stop = context.WithCancel(context.Background())
	p.done.Go(func() {
		tick := time.NewTicker(proveEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := p.prove(ctx); err != nil && ctx.Err() == nil {
					p.log.Error("domains not proven", "error", err.Error())
				}
			}
		}
	})
}

func (p *prover) close() {
	if p.stop != nil {
		p.stop()
		p.done.Wait()
	}
}

// prove looks at every unproven domain.
func (p *prover) prove(ctx context.Context) error {
	domains, err := p.store.Domains.All(ctx, tenant.Platform(), store.Query{})
	if err != nil {
		return err
	}
	for _, d := range domains {
		if d.Proven {
			continue
		}
		if leads, _ := p.leadsHere(ctx, d.Name); !leads {
			continue
		}
		principal := tenant.System("dns")
		_, err := p.store.Write(ctx, principal, principal.Scope(), func(tx *store.Tx) error {
			now, err := tx.Domains.Get(ctx, d.ID)
			if err != nil || now.Name != d.Name {
				return err
			}
			now.Proven = true
			return tx.Domains.Update(ctx, &now)
		})
		if err != nil {
			return err
		}
		p.log.Info("domain proven by DNS", "domain", d.Name)
	}
	return nil
}

// state is api.DNSState of a name.
func (p *prover) state(ctx context.Context, name string) api.DNSState {
	ctx, cancel := context.WithTimeout(ctx, askDNSFor)
	defer cancel()
	s := api.DNSState{Host: p.wanted()}
	s.LeadsHere, s.Addresses = p.leadsHere(ctx, name)
	if cname, err := net.DefaultResolver.LookupCNAME(ctx, name); err == nil && strings.TrimSuffix(cname, ".") != name {
		s.CNAME = strings.TrimSuffix(cname, ".")
	}
	return s
}

// wanted names what a domain should lead to; "" is an address of this node.
func (p *prover) wanted() string {
	if p.host != "" {
		return p.host
	}
	for _, l := range p.sip.Listeners() {
		if l.AdvertiseHost != "" {
			return l.AdvertiseHost
		}
	}
	return ""
}

// leadsHere says whether a name's SRV or addresses lead to this node or to
// platform.host, and to which addresses they lead.
func (p *prover) leadsHere(ctx context.Context, name string) (bool, []string) {
	own := p.own(ctx)
	here := false
	var where []string
	for _, a := range p.lookup(ctx, name) {
		where = append(where, a.String())
		here = here || own[a]
	}
	return here, where
}

func (p *prover) lookup(ctx context.Context, name string) []netip.Addr {
	found := make(chan []netip.Addr, 1)
	p.resolver.Resolve(transport.Target{Host: name}, func(hops []transport.Hop, _ error) {
		var addrs []netip.Addr
		for _, h := range hops {
			addrs = append(addrs, h.Addr.Addr())
		}
		found <- addrs
	})
	select {
	case addrs := <-found:
		return addrs
	case <-ctx.Done():
		return nil
	}
}

// own gives the addresses that mean this node.
func (p *prover) own(ctx context.Context) map[netip.Addr]bool {
	own := make(map[netip.Addr]bool)
	name := func(host string) {
		if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
			own[a.Unmap()] = true
		} else if host != "" {
			for _, a := range p.lookup(ctx, host) {
				own[a] = true
			}
		}
	}
	name(p.host)
	for _, l := range p.sip.Listeners() {
		name(l.AdvertiseHost)
		if !l.Addr.Addr().IsUnspecified() {
			own[l.Addr.Addr()] = true
			continue
		}
		addrs, _ := net.InterfaceAddrs() // without them only the names above count
		for _, a := range addrs {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil {
				own[prefix.Addr().Unmap()] = true
			}
		}
	}
	return own
}
