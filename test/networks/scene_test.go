package networks

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// scene is a phone outside and a PBX inside, of one customer.
type scene struct {
	*testing.T
	*edge
	variant
	phone, pbx *peer.UA // hide the protocols of the variant
	domain     string
	dialled    bool   // the PBX called the phone by its address, which so is no secret to it
	at         string // the conversation
	judged     map[*peer.UA]int
}

// customer makes the node serve the scene's customer, whose only destination is the PBX.
func (s *scene) customer(change func(*harness.Customer)) {
	s.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-").Replace(s.Name()))
	s.domain = name + ".test"
	network := "inside"
	if s.free {
		network = ""
	}
	c := harness.Customer{
		Name: name, Domains: []string{s.domain}, Hidden: s.hidden, Outbound: "any",
		Destinations: []harness.Destination{{Addr: s.pbx.Addr(), Proto: s.pbx.Proto(), Network: network}},
	}
	change(&c)
	s.node.Apply(s.T, c)
	size := s.node.LogSize()
	s.Cleanup(func() {
		if s.Failed() {
			s.Logf("while %s; the node said:\n%s", s.at, s.node.LogSince(size, s.domain, s.phone.Addr().String(), s.pbx.Addr().String(), "level=ERROR"))
		}
	})
}

// judge looks at all that came to both sides since it last did.
func (s *scene) judge() {
	s.Helper()
	for _, side := range [][2]*peer.UA{{s.phone, s.pbx}, {s.pbx, s.phone}} {
		to, from := side[0], side[1]
		to.Settled(20 * time.Millisecond)
		entries := to.Entries()
		for _, entry := range entries[s.judged[to]:] {
			if !entry.Out && entry.Msg != nil {
				s.message(to, from, entry.Msg)
			}
		}
		s.judged[to] = len(entries)
		for _, leak := range to.Leaks(s.secrets(to, from)...) {
			s.Errorf("%s over %s must not see this: %s", to.Addr(), to.Proto(), leak)
		}
	}
}

// secrets are what one side must not be shown: the address that only the router knows, and
// where hidden all that is of the other side's network.
func (s *scene) secrets(to, from *peer.UA) []string {
	var names []string
	if own := harness.CloudOutside; own != to.Edge.Addr().String() && own != from.Edge.Addr().String() {
		names = append(names, own)
	}
	if !s.hidden {
		return names
	}
	names = append(names, from.Edge.Addr().String(), from.Mark)
	if !s.dialled || to == s.phone {
		names = append(names, from.IP())
	}
	return names
}

// message holds what came to an endpoint from another to name the node as each of the two
// reaches it.
func (s *scene) message(to, from *peer.UA, m *peer.Message) {
	s.Helper()
	fault := func(what string) { s.Errorf("%s over %s: %s:\n%s", to.Addr(), to.Proto(), what, m.Bytes()) }
	if m.Source().Addr() != to.Edge.Addr() || to.Proto() == "udp" && m.Source() != to.Edge {
		fault("it came from " + m.Source().String() + " instead of " + to.Edge.String())
	}
	if m.Method != "" {
		s.request(to, m, fault)
	}
	_, method := m.CSeq()
	if records := m.All("Record-Route"); len(records) > 0 {
		first, second := to, from
		if m.Method == "" {
			first, second = from, to
		}
		if s.hidden || !slices.Contains([]string{"INVITE", "SUBSCRIBE", "NOTIFY"}, method) || len(records) != 2 {
			fault("the Record-Routes are wrong")
		} else if !leadsTo(records[0], first) || !leadsTo(records[1], second) {
			fault("the Record-Routes should name " + first.Edge.String() + ", then " + second.Edge.String())
		}
	}
	contact := m.Get("Contact")
	switch ours := method == "REGISTER" && m.Method != "" || s.hidden && method != "REGISTER"; {
	case contact == "" || m.Status >= 300:
	case ours && !leadsTo(contact, to):
		fault("the Contact should be " + to.Edge.String())
	case !ours && method != "REGISTER" && !strings.Contains(contact, from.Mark):
		fault("the Contact should be the other's own")
	}
}

// request looks at what only requests have.
func (s *scene) request(to *peer.UA, m *peer.Message, fault func(string)) {
	s.Helper()
	vias := m.All("Via")
	if host, port := peer.HostPort(vias[0]); !isAt(host, port, to.Edge) || !strings.HasPrefix(vias[0], "SIP/2.0/"+strings.ToUpper(to.Proto())+" ") {
		fault("the Via should name " + to.Proto() + " " + to.Edge.String())
	}
	if s.hidden && len(vias) != 1 {
		fault("hidden, there should be one Via")
	}
	if m.Has("Route") {
		fault("a Route is left")
	}
}

func isAt(host string, port int, at netip.AddrPort) bool {
	return host == at.Addr().String() && port == int(at.Port())
}

// leadsTo tells whether a URI is the node's own as that endpoint reaches it.
func leadsTo(value string, u *peer.UA) bool {
	uri := peer.URIOf(value)
	host, port := peer.HostPort(uri)
	transport := peer.URIParam(uri, "transport")
	return isAt(host, port, u.Edge) && (transport == u.Proto() || transport == "" && u.Proto() == "udp")
}

// routed checks the route sets of a dialog: both ways through the node, each side's own address
// of it first; hidden there are none.
func (s *scene) routed(calls ...*peer.Call) {
	s.Helper()
	for _, c := range calls {
		switch {
		case s.hidden && len(c.Routes) > 0:
			s.Errorf("%s was given the route set %q", c.UA.Addr(), c.Routes)
		case s.hidden:
		case len(c.Routes) != 2:
			s.Errorf("%s was given the route set %q, two routes are needed", c.UA.Addr(), c.Routes)
		default:
			other := s.phone
			if c.UA == s.phone {
				other = s.pbx
			}
			if !leadsTo(c.Routes[0], c.UA) || !leadsTo(c.Routes[1], other) || peer.URIParam(peer.URIOf(c.Routes[0]), "lr") == "" {
				s.Errorf("%s was given the route set %q", c.UA.Addr(), c.Routes)
			}
		}
	}
}
