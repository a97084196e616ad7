package ua

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tollgate/sip"
)

// ProbeConfig is one call to place.
type ProbeConfig struct {
	Server netip.AddrPort // where the INVITE goes, whatever the URI's host is
	Proto  Proto          // "" is UDP
	URI    string         // who is called
	From   string         // the caller's URI; "" is sip:probe@ and the local address
	Talk   time.Duration  // from the answer to our BYE
	Ring   time.Duration  // 60 s when 0; after which we CANCEL

	// Local is where to call from. Without an address it is that of the way to
	// Server; port 0 is a free one, and over TCP and TLS it is always that.
	Local   netip.AddrPort
	TLS     *tls.Config // nil: the certificate is not checked
	Headers []string    // further lines of the INVITE, such as "X-Test: 1"

	listen listenPacket
}

// Probe places one call: rings, talks, hangs up. When ctx is done it cancels or hangs
// up, within five seconds. The ladder says how the call went, also where that is
// badly; an error means that it could not be placed at all.
func Probe(ctx context.Context, cfg ProbeConfig) (Ladder, error) {
	return probe(ctx, cfg, "tollgate-probe")
}

func probe(ctx context.Context, cfg ProbeConfig, name string) (Ladder, error) {
	if err := cfg.complete(); err != nil {
		return Ladder{}, err
	}
	a := newAgent(name)
	defer a.sockets.close()
	a.sockets.client = cfg.TLS
	f, err := open(ctx, a, &cfg)
	if err != nil {
		return Ladder{}, err
	}
	if cfg.From == "" {
		cfg.From = "sip:probe@" + host(f.local.Addr())
	}
	l := Ladder{URI: cfg.URI, From: cfg.From, Server: cfg.Server, Local: f.local, Protocol: cfg.Proto, Outcome: Cancelled}
	err = place(ctx, a, f, &cfg, &l)
	return l, err
}

// complete fills in the defaults and judges the rest.
func (cfg *ProbeConfig) complete() error {
	cfg.Proto = cmp.Or(cfg.Proto, UDP)
	cfg.Ring = cmp.Or(cfg.Ring, time.Minute)
	if cfg.listen == nil {
		cfg.listen = listenUDP
	}
	if _, err := ParseProto(string(cfg.Proto)); err != nil {
		return err
	}
	cfg.Server = netip.AddrPortFrom(cfg.Server.Addr().Unmap(), cfg.Server.Port())
	if !cfg.Server.IsValid() || cfg.Server.Port() == 0 || cfg.Server.Addr().IsUnspecified() {
		return fmt.Errorf("server %s: want an address and a port", cfg.Server)
	}
	if err := checkURI(cfg.URI); err != nil {
		return fmt.Errorf("URI %q: %w", cfg.URI, err)
	}
	if cfg.From != "" {
		if err := checkURI(cfg.From); err != nil {
			return fmt.Errorf("from %q: %w", cfg.From, err)
		}
	}
	for _, h := range cfg.Headers {
		if strings.ContainsAny(h, "\r\n\x00") || strings.Index(h, ":") < 1 {
			return fmt.Errorf("header %q: want \"Name: value\" on one line", h)
		}
	}
	return nil
}

// checkURI says what is wrong with a URI that we are to write.
func checkURI(uri string) error {
	u, err := sip.ParseURI([]byte(uri))
	if err != nil {
		return err
	}
	if u.Scheme == sip.SchemeOther {
		return errors.New("want sip:, sips: or tel: before the address")
	}
	return nil
}

// user is the user part of From.
func (cfg *ProbeConfig) user() string {
	u, err := sip.ParseURI([]byte(cfg.From))
	if err != nil || u.Scheme == sip.SchemeTEL {
		return "probe"
	}
	return string(u.User)
}

// open opens the socket or connection for a call.
func open(ctx context.Context, a *agent, cfg *ProbeConfig) (*flow, error) {
	local := cfg.Local
	if cfg.Proto.stream() {
		return a.sockets.connect(ctx, cfg.Proto, local.Addr(), cfg.Server)
	}
	if !local.IsValid() || local.Addr().IsUnspecified() {
		addr, err := addressTo(cfg.Server)
		if err != nil {
			return nil, err
		}
		local = netip.AddrPortFrom(addr, local.Port())
	}
	if _, err := a.sockets.bindUDP(cfg.listen, local); err != nil {
		return nil, err
	}
	a.sockets.readers.Go(func() { _ = a.sockets.serveUDP() }) // a broken socket is one that hears nothing
	return a.sockets.connect(ctx, UDP, local.Addr(), cfg.Server)
}
