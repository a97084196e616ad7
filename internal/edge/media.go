package edge

import (
	"cmp"
	"net/netip"
	"strings"

	"tollgate/internal/call"
	"tollgate/internal/dialog"
	"tollgate/internal/media"
	"tollgate/internal/tenant"
	"tollgate/internal/transport"
)

// openMedia makes the media plane and has the calls use it.
func (e *Edge) openMedia() (err error) {
	way, why := e.openFlows()
	if way != nil {
		how, why := e.flows.Way()
		e.log.Info("established media is forwarded in the kernel", attached(string(how), why)...)
	} else {
		e.log.Info("media is forwarded in this process, not in the kernel", "reason", why)
	}
	e.media, err = media.New(media.Config{
		Flows: way, Why: why,
		First: uint16(e.cfg.Media.First), Last: uint16(e.cfg.Media.Last), Timeout: e.cfg.Test.MediaTimeout,
		Silence: func(owner uint64) { e.calls.Silent(owner) },
		Changed: func(owner uint64) { e.calls.MediaMoved(owner) },
	})
	return err
}

// bridging adds to the calls' configuration how media is bridged.
func (e *Edge) bridging(c *call.Config) {
	c.Media, c.MediaPlace = e.media, e.mediaPlace
	c.MediaLost = func(id dialog.Stable, customer tenant.CustomerID, err error) {
		e.log.Warn("a call is back without its media", "customer_id", customer, "error", err.Error())
	}
}

// mediaPlace says where we are for the party of a flow: in its network, as node.yaml has it,
// else where its signalling comes to.
func (e *Edge) mediaPlace(f transport.Flow) media.Place {
	local := f.Local.Addr().Unmap()
	if name := e.transport.NetworkOf(f); name != "" {
		for _, n := range e.cfg.Media.Networks {
			if n.Name == name && n.Address.Is4() == local.Is4() {
				return media.Place{Bind: n.Address, Advertise: addressOf(n.Advertise, n.Address)}
			}
		}
	}
	host, _ := e.transport.Advertised(f)
	return media.Place{Bind: local, Advertise: addressOf(host, local)}
}

// addressOf reads an address, in brackets or not; what is none is other.
func addressOf(text string, other netip.Addr) netip.Addr {
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return other
	}
	return cmp.Or(a.Unmap(), other)
}
