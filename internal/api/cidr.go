package api

import (
	"context"
	"math"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/ban"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// cidrQuery is a range that somebody wonders about (mission row A15), and for a single address
// also the request by which it would call.
type cidrQuery struct {
	CIDR      string `json:"cidr" query:"cidr" required:"true" maxLength:"64" example:"198.51.100.0/28" doc:"An address, or a range."`
	From      string `json:"from,omitempty" query:"from" doc:"Of the request: where customers who share the address are told apart by the CLI."`
	To        string `json:"to,omitempty" query:"to" doc:"Its Request-URI: where they are told apart by DID or tech prefix, or by domain."`
	Transport string `json:"transport,omitempty" query:"transport" doc:"udp where absent; tcp, tls."`
}

// addressRange is a range as people think of it.
type addressRange struct {
	CIDR    string  `json:"cidr"`
	Version int     `json:"version" enum:"4,6"`
	Bits    int     `json:"bits"`
	First   string  `json:"first"`
	Last    string  `json:"last"`
	Size    float64 `json:"size" doc:"How many addresses; a power of two, so exact."`
	Netmask string  `json:"netmask,omitempty" doc:"IPv4 only."`
}

// overlap is an entry or a ban that shares addresses with the range.
type overlap struct {
	Kind      string            `json:"kind" enum:"switch,ban"`
	ID        string            `json:"id"`
	Name      string            `json:"name,omitempty" doc:"Of the switch."`
	Customer  tenant.CustomerID `json:"customer_id,omitempty"`
	Owner     string            `json:"customer,omitempty" doc:"Absent for a ban of the platform's."`
	Addresses []string          `json:"addresses" nullable:"false" doc:"Those of it that overlap."`
}

// admission is whether an address gets in, and as whom.
type admission struct {
	Known     bool              `json:"known" doc:"A request from there is some customer's."`
	Customer  tenant.CustomerID `json:"customer_id,omitempty"`
	Owner     string            `json:"customer,omitempty"`
	By        string            `json:"by,omitempty" doc:"entry, destination, domain or binding"`
	Direction string            `json:"direction,omitempty"`
	Banned    bool              `json:"banned"`
	Reason    string            `json:"reason" doc:"Why not, else ok."`
	Text      string            `json:"text"`
}

type cidrAnswer struct {
	Range     addressRange `json:"range"`
	Overlaps  []overlap    `json:"overlaps" nullable:"false" doc:"Within what the principal may see."`
	More      bool         `json:"more,omitempty" doc:"There are more than 100 entries."`
	Admission *admission   `json:"admission,omitempty" doc:"Of a single address."`
}

type cidrInput struct{ Body cidrQuery }

type cidrOutput struct{ Body cidrAnswer }

// mostOverlaps is how many entries are shown.
const mostOverlaps = 100

// cidrTool is the operation that shows what a range is and what it meets.
func (s *server) cidrTool() {
	const path, summary = root + "/tools/cidr", "What a range holds, what it overlaps, and as whom an address would get in"
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodPost, Path: path, OperationID: "try-cidr", Tags: []string{"tools"}, Summary: summary,
		MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
	}, func(ctx context.Context, in *cidrInput) (*cidrOutput, error) { return s.cidr(ctx, &in.Body) })
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: "get-cidr", Tags: []string{"tools"}, Summary: summary,
	}, s.cidr)
}

func (s *server) cidr(ctx context.Context, q *cidrQuery) (*cidrOutput, error) {
	if fault := tenant.CheckCIDR(q.CIDR); fault != nil {
		fault.Field = "cidr"
		return nil, s.refused(ctx, fault)
	}
	p := netip.MustParsePrefix(tenant.CanonicalCIDR(q.CIDR))
	out := &cidrOutput{Body: cidrAnswer{Range: rangeOf(p)}}
	var err error
	if err = s.overlaps(ctx, p, &out.Body); err != nil {
		return nil, s.refused(ctx, err)
	}
	if p.IsSingleIP() {
		if out.Body.Admission, err = s.admission(ctx, p.Addr(), q); err != nil {
			return nil, s.refused(ctx, err)
		}
	}
	return out, nil
}

func rangeOf(p netip.Prefix) addressRange {
	r := addressRange{
		CIDR: p.String(), Version: 6, Bits: p.Bits(), First: p.Addr().String(), Last: lastOf(p).String(),
		Size: math.Ldexp(1, p.Addr().BitLen()-p.Bits()),
	}
	if p.Addr().Is4() {
		r.Version = 4
		mask := lastOf(netip.PrefixFrom(netip.IPv4Unspecified(), p.Bits())).As4()
		r.Netmask = netip.AddrFrom4([4]byte{^mask[0], ^mask[1], ^mask[2], ^mask[3]}).String()
	}
	return r
}

// lastOf is the last address of a range.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// overlaps finds the entries and bans that the principal may see.
func (s *server) overlaps(ctx context.Context, p netip.Prefix, out *cidrAnswer) error {
	scope, names := principalOf(ctx).Scope(), map[tenant.CustomerID]string{}
	ids, more, err := s.store.Overlapping(ctx, scope, p.String(), mostOverlaps)
	if err != nil {
		return err
	}
	out.Overlaps, out.More = []overlap{}, more
	for _, id := range ids {
		sw, err := s.store.Switches.Get(ctx, scope, id)
		if err != nil {
			return err
		}
		o := overlap{Kind: "switch", ID: strconv.FormatInt(int64(id), 10), Name: sw.Name, Customer: sw.Customer, Addresses: []string{}}
		if o.Owner, err = s.nameOf(ctx, names, sw.Customer); err != nil {
			return err
		}
		for _, a := range sw.Addresses {
			if other, err := netip.ParsePrefix(tenant.CanonicalCIDR(a)); err == nil && other.Overlaps(p) {
				o.Addresses = append(o.Addresses, a)
			}
		}
		out.Overlaps = append(out.Overlaps, o)
	}
	return s.bansWithin(ctx, p, names, out)
}

func (s *server) bansWithin(ctx context.Context, p netip.Prefix, names map[tenant.CustomerID]string, out *cidrAnswer) error {
	keep, err := s.sees(ctx, principalOf(ctx).Scope())
	if err != nil {
		return err
	}
	list := s.node.Bans(keep)
	for i := range list {
		if out.More || !list[i].Prefix.Overlaps(p) {
			continue
		}
		if out.More = len(out.Overlaps) >= 2*mostOverlaps; out.More {
			break
		}
		o, err := s.banOverlap(ctx, names, &list[i])
		if err != nil {
			return err
		}
		out.Overlaps = append(out.Overlaps, o)
	}
	return nil
}

func (s *server) banOverlap(ctx context.Context, names map[tenant.CustomerID]string, b *ban.Ban) (o overlap, err error) {
	o = overlap{Kind: "ban", ID: b.ID.String(), Customer: b.Customer, Addresses: []string{b.Prefix.String()}}
	if b.Customer != 0 {
		o.Owner, err = s.nameOf(ctx, names, b.Customer)
	}
	return o, err
}

// admission asks by the very steps that decide.
func (s *server) admission(ctx context.Context, addr netip.Addr, q *cidrQuery) (*admission, error) {
	ask := ExplainQuery{From: q.From, To: q.To, Source: addr.String(), Transport: q.Transport}
	if ask.From == "" {
		ask.From = "sip:anonymous@anonymous.invalid"
	}
	if ask.To == "" {
		ask.To = "tel:000" // names no domain: the source decides
	}
	if faults := ask.faults(); len(faults) > 0 {
		return nil, faults
	}
	e := s.node.Explain(ask, languageOf(ctx))
	scope := principalOf(ctx).Scope()
	sees, err := s.sees(ctx, scope)
	if err != nil {
		return nil, err
	}
	if !scope.IsPlatform() && !sees(e.Customer) {
		// Nobody learns whether another accepts an address.
		return &admission{Reason: policy.StrangerSource.Code(), Text: languageOf(ctx).Say("A request from there is none of your customers'.")}, nil
	}
	a := &admission{Known: true, Customer: e.Customer, Owner: e.CustomerName, By: e.By.String(), Direction: e.Direction.String(), Reason: policy.OK.Code()}
	for _, step := range e.Steps {
		switch step.Name {
		case "identify":
			a.Text = step.Text
			a.Known = !step.Verdict.Refused()
		case "banned":
			a.Banned = step.Verdict.Refused()
		}
		if step.Verdict.Refused() && (!a.Known || a.Banned) {
			a.Reason, a.Text = step.Verdict.Reason.Code(), step.Text
			break
		}
	}
	if !a.Known {
		a.By, a.Direction = "", ""
	}
	return a, nil
}
