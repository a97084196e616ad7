package api

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// setup is what somebody types into the other side. It holds no secret.
type setup struct {
	Items    []setupItem    `json:"items" nullable:"false"`
	Examples []setupExample `json:"examples" nullable:"false"`
}

// setupItem is one field of the other side.
type setupItem struct {
	Key   string `json:"key" enum:"server,source,peer,port,transport,domain,realm,username,login,password,proxy,allow,media,register,number_format,caller,keepalive" doc:"For programs that translate the label."`
	Label string `json:"label"`
	Value string `json:"value"`
}

// setupExample is a piece of a configuration.
type setupExample struct {
	For  string `json:"for" doc:"The program that reads it."`
	Text string `json:"text"`
}

func (s *setup) add(key, label, value string) {
	if value != "" {
		s.Items = append(s.Items, setupItem{key, label, value})
	}
}

func (s *setup) example(program, text string) {
	s.Examples = append(s.Examples, setupExample{program, strings.TrimSpace(text) + "\n"})
}

// door is where the other side reaches us.
type door struct{ host, port, transport string }

// setups are the operations that tell how the other side is set up.
func (s *server) setups() {
	op := func(path, id, summary string) huma.Operation {
		return huma.Operation{Method: http.MethodGet, Path: root + "/" + path + "/{id}/setup", OperationID: id, Summary: summary, Tags: []string{path}}
	}
	huma.Register(s.huma, op("sip-users", "get-SIP-user-setup", "What to type into a SIP user's phone"), s.userSetup)
	huma.Register(s.huma, op("switches", "get-switch-setup", "What to type into a switch"), s.switchSetup)
	huma.Register(s.huma, op("destinations", "get-destination-setup", "What to type into the PBX at a destination"), s.destinationSetup)
}

type setupOutput struct{ Body setup }

// unknownHost stands where a node listens on all addresses and tells peers none of them.
const unknownHost = "ADDRESS-OF-TOLLGATE"

// doorFor gives the listener of a transport as others are told of it; without such a one the first there is.
func (s *server) doorFor(protocol string) door {
	transport, _, _ := strings.Cut(cmp.Or(protocol, "udp"), "+")
	listeners := s.node.Info().Listeners
	if len(listeners) == 0 {
		return door{host: unknownHost, transport: transport}
	}
	at := slices.IndexFunc(listeners, func(l ListenerInfo) bool { return strings.HasPrefix(l.URL, transport+"://") })
	l := &listeners[max(at, 0)]
	scheme, address, _ := strings.Cut(l.URL, "://")
	host, port, err := net.SplitHostPort(cmp.Or(l.Advertise, address))
	if ip, wrong := netip.ParseAddr(host); err != nil || wrong == nil && ip.IsUnspecified() {
		host = unknownHost
	}
	return door{host, port, scheme}
}

// domainOf gives a customer's first domain, "" where he has none.
func (s *server) domainOf(ctx context.Context, customer tenant.CustomerID) (string, error) {
	page, err := s.store.Domains.List(ctx, principalOf(ctx).Scope(), store.Query{Customer: customer, Limit: 1})
	if err != nil || len(page.Items) == 0 {
		return "", err
	}
	return page.Items[0].Name, nil
}

func (s *server) userSetup(ctx context.Context, in *idInput) (*setupOutput, error) {
	scope := principalOf(ctx).Scope()
	u, err := s.store.SIPUsers.Get(ctx, scope, tenant.SIPUserID(in.ID))
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	c, err := s.store.Customers.Get(ctx, scope, u.Customer)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	domain, err := s.domainOf(ctx, u.Customer)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	protocol := ""
	if u.Profile != 0 {
		profile, err := s.store.SIPProfiles.Get(ctx, scope, u.Profile)
		if err != nil {
			return nil, s.refused(ctx, err)
		}
		protocol = profile.Protocol
	}
	if u.Protocol != nil {
		protocol = *u.Protocol
	}
	return &setupOutput{Body: phoneSetup(&u, &c, domain, protocol, s.doorFor(protocol))}, nil
}

func phoneSetup(u *tenant.SIPUser, c *tenant.Customer, domain, protocol string, d door) (out setup) {
	domain = cmp.Or(domain, d.host)
	out.add("server", "SIP server", domain)
	out.add("proxy", "Outbound proxy", hostPort(d))
	out.add("transport", "Transport", strings.ToUpper(d.transport))
	out.add("username", "User name and authentication name", u.Username)
	out.add("realm", "Realm", cmp.Or(c.Realm, domain))
	out.add("password", "Password", "the one that was shown when it was set; set a new one if it is lost")
	out.add("register", "Register", "yes, every 600 seconds or less")
	out.add("keepalive", "NAT keepalive", "every 25 seconds")
	if strings.HasSuffix(protocol, "+srtp") {
		out.add("media", "Media", "SRTP (SDES), required")
	}
	out.example("baresip (accounts)", fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_user=%s;auth_pass=PASSWORD;outbound=\"sip:%s;transport=%s\";regint=600",
		u.Username, domain, d.transport, u.Username, hostPort(d), d.transport))
	out.example("Linphone, Zoiper and other phones", fmt.Sprintf("User name: %s\nDomain: %s\nOutbound proxy: sip:%s;transport=%s\nPassword: PASSWORD",
		u.Username, domain, hostPort(d), d.transport))
	return out
}

func hostPort(d door) string {
	if d.port == "" {
		return d.host
	}
	return net.JoinHostPort(strings.Trim(d.host, "[]"), d.port)
}

func (s *server) switchSetup(ctx context.Context, in *idInput) (*setupOutput, error) {
	sw, err := s.store.Switches.Get(ctx, principalOf(ctx).Scope(), tenant.SwitchID(in.ID))
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	d := s.doorFor(sw.Protocol)
	if sw.Direction == tenant.Ingress {
		return &setupOutput{Body: ingressSetup(&sw, d)}, nil
	}
	return &setupOutput{Body: egressSetup(&sw, d)}, nil
}

// egressSetup is for a switch that sends calls to us.
func egressSetup(sw *tenant.Switch, d door) (out setup) {
	out.add("server", "Send calls to", hostPort(d))
	out.add("transport", "Transport", strings.ToUpper(d.transport))
	out.add("register", "Register", "no: it is known by its address")
	out.add("caller", "Calls must come from", strings.Join(sw.Addresses, ", "))
	out.add("number_format", "Numbers begin with", sw.TechPrefix)
	out.add("allow", "Allow in its firewall", "SIP from and to "+hostPort(d))
	name := identifier(sw.Name)
	out.example("Asterisk (pjsip.conf)", fmt.Sprintf("[%[1]s]\ntype=endpoint\ntransport=transport-%[3]s\ncontext=from-tollgate\ndisallow=all\nallow=alaw,ulaw\naors=%[1]s\n\n[%[1]s]\ntype=aor\ncontact=sip:%[2]s\\;transport=%[3]s\nqualify_frequency=30",
		name, hostPort(d), d.transport))
	out.example("FreeSWITCH (gateway)", fmt.Sprintf("<gateway name=\"%s\">\n  <param name=\"proxy\" value=\"%s\"/>\n  <param name=\"register\" value=\"false\"/>\n  <param name=\"register-transport\" value=\"%s\"/>\n</gateway>",
		name, hostPort(d), d.transport))
	return out
}

// ingressSetup is for a switch that receives calls from us.
func ingressSetup(sw *tenant.Switch, d door) (out setup) {
	out.add("source", "Calls come from", d.host)
	out.add("transport", "Transport", strings.ToUpper(d.transport))
	out.add("login", "They authenticate as", sw.Username)
	out.add("realm", "Realm", sw.Realm)
	if sw.Register {
		out.add("register", "Registration", "we register there as "+sw.Username)
	}
	out.add("number_format", "Numbers are written as", sw.DialPattern)
	out.add("allow", "Allow in its firewall", "SIP from "+d.host)
	name := identifier(sw.Name)
	out.example("Asterisk (pjsip.conf)", fmt.Sprintf("[%[1]s]\ntype=endpoint\ncontext=from-tollgate\ndisallow=all\nallow=alaw,ulaw\n\n[%[1]s]\ntype=identify\nendpoint=%[1]s\nmatch=%[2]s", name, d.host))
	out.example("FreeSWITCH (acl.conf.xml)", fmt.Sprintf("<list name=\"%s\" default=\"deny\">\n  <node type=\"allow\" host=\"%s\"/>\n</list>", name, d.host))
	return out
}

func (s *server) destinationSetup(ctx context.Context, in *idInput) (*setupOutput, error) {
	scope := principalOf(ctx).Scope()
	v, err := s.store.Destinations.Get(ctx, scope, tenant.DestinationID(in.ID))
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	if v.Switch != 0 {
		return s.switchSetup(ctx, &idInput{ID: int64(v.Switch)})
	}
	c, err := s.store.Customers.Get(ctx, scope, v.Customer)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	domain, err := s.domainOf(ctx, v.Customer)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &setupOutput{Body: pbxSetup(&v, &c, domain, s.doorFor(v.Protocol))}, nil
}

// pbxSetup is for a PBX to which we send what is the customer's.
func pbxSetup(v *tenant.Destination, c *tenant.Customer, domain string, d door) (out setup) {
	out.add("peer", "Requests come from, and calls out go to", hostPort(d))
	out.add("transport", "Transport", strings.ToUpper(d.transport))
	out.add("domain", "Domain of Request-URI, From and To", domain)
	if c.Registration == "relay" {
		out.add("register", "Phones", "register at the PBX through here: their Contact and Path lead back here")
	} else {
		out.add("register", "Phones", "register here, not at the PBX")
	}
	if c.Keepalive {
		out.add("keepalive", "Answer OPTIONS", "every 30 seconds, with any final answer")
	}
	out.add("allow", "Allow in its firewall", "SIP from and to "+hostPort(d))
	name := identifier(v.Name)
	out.example("Asterisk (pjsip.conf)", fmt.Sprintf("[tollgate-%[1]s]\ntype=endpoint\ncontext=from-tollgate\ndisallow=all\nallow=alaw,ulaw\naors=tollgate-%[1]s\n\n[tollgate-%[1]s]\ntype=aor\ncontact=sip:%[2]s\\;transport=%[3]s\n\n[tollgate-%[1]s]\ntype=identify\nendpoint=tollgate-%[1]s\nmatch=%[4]s",
		name, hostPort(d), d.transport, d.host))
	out.example("FreeSWITCH (gateway)", fmt.Sprintf("<gateway name=\"tollgate-%s\">\n  <param name=\"proxy\" value=\"%s\"/>\n  <param name=\"register\" value=\"false\"/>\n  <param name=\"from-domain\" value=\"%s\"/>\n</gateway>",
		name, hostPort(d), cmp.Or(domain, d.host)))
	return out
}

// identifier is a name as configuration files take it: letters, digits and dashes.
func identifier(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	return cmp.Or(strings.Trim(b.String(), "-"), "trunk"+strconv.Itoa(len(name)))
}
