package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tollgate/internal/config"
)

// Opening is a port, or a range of them, to let in.
type Opening struct {
	Proto string `json:"proto"` // udp or tcp
	Ports string `json:"ports"` // 5060, or 20000-29999
	For   string `json:"for"`
	From  string `json:"from"`
}

// openings lists what to let in; what listens on loopback only needs nothing.
func openings(n *config.Node) []Opening {
	list := []Opening{}
	for _, l := range n.SIP.Listen {
		if l.Addr.Addr().IsLoopback() || l.Addr.Port() == 0 {
			continue
		}
		o := Opening{Proto: "tcp", Ports: strconv.Itoa(int(l.Addr.Port())), For: "SIP", From: "phones, trunks, PBXs"}
		switch l.Proto {
		case "udp":
			o.Proto = "udp"
		case "tls":
			o.For = "SIP over TLS"
		}
		if l.Advertise == "" && Private(l.Addr.Addr()) && l.Network != "" {
			o.From = "the network " + l.Network
		}
		if !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	if len(list) == 0 {
		return list
	}
	for _, h := range []struct{ at, what, from string }{
		{n.HTTP.Listen, "API", "a reverse proxy"}, {n.HTTP.Metrics, "metrics", "your monitoring"},
	} {
		if at, ok := httpAddr(h.at); ok && !at.Addr().IsLoopback() {
			list = append(list, Opening{Proto: "tcp", Ports: strconv.Itoa(int(at.Port())), For: h.what, From: h.from + " only"})
		}
	}
	return append(list, Opening{
		Proto: "udp", Ports: fmt.Sprintf("%d-%d", n.Media.First, n.Media.Last), For: "media", From: "phones, trunks, PBXs",
	})
}

// Firewall gives the lines that let them in from everywhere, for one of the common firewalls.
// What only some may reach is left to whoever knows their addresses.
type Firewall struct {
	Name  string
	Lines []string
}

// Firewalls writes the openings for nftables, ufw and firewalld.
func Firewalls(open []Opening) []Firewall {
	ports := map[string][]string{}
	var ufw, fwd []string
	for _, o := range open {
		if strings.HasSuffix(o.From, " only") {
			continue
		}
		ports[o.Proto] = append(ports[o.Proto], o.Ports)
		ufw = append(ufw, "ufw allow "+strings.ReplaceAll(o.Ports, "-", ":")+"/"+o.Proto)
		fwd = append(fwd, "firewall-cmd --permanent --add-port="+o.Ports+"/"+o.Proto)
	}
	if len(ufw) == 0 {
		return nil
	}
	var nft []string
	for _, proto := range []string{"udp", "tcp"} {
		if list := ports[proto]; len(list) > 0 {
			nft = append(nft, "nft insert rule inet filter input "+proto+" dport { "+strings.Join(list, ", ")+" } accept")
		}
	}
	return []Firewall{{"nftables", nft}, {"ufw", ufw}, {"firewalld", append(fwd, "firewall-cmd --reload")}}
}

// Tunnel is how the API and the panel are reached from elsewhere although they are for this
// machine only; "" where they are not served, or open to others.
func Tunnel(n *config.Node, host string) string {
	at, ok := httpAddr(n.HTTP.Listen)
	if !ok || !at.Addr().IsLoopback() {
		return ""
	}
	return fmt.Sprintf("ssh -L %d:%s %s", at.Port(), at, host)
}
