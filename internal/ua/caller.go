package ua

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// CallerConfig is a telephone that places calls by itself.
type CallerConfig struct {
	Server netip.AddrPort // the proxy
	Proto  Proto          // "" is UDP
	Local  netip.Addr     // where to call from; invalid: the address of the way to Server
	From   string         // the caller's URI; "" is sip:probe@ and the local address
	URIs   []string       // who is called, in turn
	Every  time.Duration  // from the end of a call to the next one; 10 s when 0
	Talk   time.Duration  // from the answer to our BYE
	Ring   time.Duration  // 15 s when 0; after which we CANCEL
	TLS    *tls.Config    // nil: the certificate is not checked
	Log    *slog.Logger   // nil: nothing is logged

	// Done is told of every call, in the goroutine of Run; err is that of Probe. nil:
	// nobody is.
	Done func(l Ladder, err error)

	listen listenPacket
}

// Caller places one call after another.
type Caller struct{ cfg CallerConfig }

// NewCaller judges the configuration; nothing is sent before Run.
func NewCaller(cfg CallerConfig) (*Caller, error) {
	if len(cfg.URIs) == 0 {
		return nil, errors.New("caller: nobody to call")
	}
	cfg.Every = cmp.Or(cfg.Every, 10*time.Second)
	cfg.Ring = cmp.Or(cfg.Ring, 15*time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Caller{cfg: cfg}
	for _, uri := range cfg.URIs {
		p := c.probe(uri)
		if err := p.complete(); err != nil {
			return nil, fmt.Errorf("caller: %w", err)
		}
	}
	return c, nil
}

func (c *Caller) probe(uri string) ProbeConfig {
	return ProbeConfig{
		Server: c.cfg.Server, Proto: c.cfg.Proto, URI: uri, From: c.cfg.From, Talk: c.cfg.Talk, Ring: c.cfg.Ring,
		Local: netip.AddrPortFrom(c.cfg.Local, 0), TLS: c.cfg.TLS, listen: c.cfg.listen,
	}
}

// Run places calls until ctx is done, then ends the one that is up, within five
// seconds. A call that fails is logged and the next one is placed.
func (c *Caller) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := 0; ; i = (i + 1) % len(c.cfg.URIs) {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		l, err := probe(ctx, c.probe(c.cfg.URIs[i]), "tollgate-caller")
		if err != nil {
			c.cfg.Log.Warn("call not placed", "uri", c.cfg.URIs[i], "error", err)
		} else {
			c.cfg.Log.Debug("call placed", "uri", l.URI, "call_id", l.CallID, "outcome", string(l.Outcome), "status", l.Status)
		}
		if c.cfg.Done != nil {
			c.cfg.Done(l, err)
		}
		timer.Reset(c.cfg.Every)
	}
}
