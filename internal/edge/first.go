package edge

import (
	"context"
	"fmt"
	"net"
	"os"

	"tollgate/internal/api"
)

// panelAddress is where the panel is, for links that are printed: the listener's own address, or this
// machine's name where it listens on all; "" where it does not listen.
func (e *Edge) panelAddress() string {
	host, port, err := net.SplitHostPort(e.cfg.HTTP.Listen)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host, err = os.Hostname(); err != nil {
			host = "localhost"
		}
	}
	scheme := "http"
	if len(e.cfg.HTTP.Certificates) > 0 {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// firstLink logs the link by which a platform that nobody can log in to gets its first administrator.
// Whoever reads the log of a start has the machine anyway.
func (e *Edge) firstLink(ctx context.Context) error {
	if e.cfg.HTTP.Listen == "" {
		return nil
	}
	token, err := e.store.FirstLink(ctx)
	if err != nil {
		return fmt.Errorf("a link for the first administrator: %w", err)
	}
	if token != "" {
		e.log.Warn("nobody can log in to the panel yet: this link, valid for 24 hours and once, makes the first administrator",
			"link", e.panelAddress()+api.SetupPath+token)
	}
	return nil
}
