package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/tenant"
)

// DNSState says where a domain's DNS leads now (mission row D1).
type DNSState struct {
	Domain    string   `json:"domain"`
	LeadsHere bool     `json:"leads_here"` // to this node, or to platform.host
	CNAME     string   `json:"cname,omitempty"`
	Addresses []string `json:"addresses"` // by NAPTR, SRV, A and AAAA, in the order in which a caller tries them
	Want      string   `json:"want"`      // what would be right, for people
	Host      string   `json:"-"`         // to which it would have to lead; "" = an address of this node
}

// dns is the operation on a domain's DNS.
func (s *server) dns() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/domains/{id}/dns", OperationID: "get-domain-dns", Tags: []string{"domains"},
		Summary: "Whether a domain's DNS leads here, asked now",
	}, s.domainDNS)
}

type domainDNSInput struct {
	ID int64 `path:"id" minimum:"1"`
}

type domainDNSOutput struct{ Body DNSState }

func (s *server) domainDNS(ctx context.Context, in *domainDNSInput) (*domainDNSOutput, error) {
	d, err := s.store.Domains.Get(ctx, principalOf(ctx).Scope(), tenant.DomainID(in.ID))
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	state := s.node.DomainDNS(ctx, d.Name)
	state.Domain, state.Addresses = d.Name, present(state.Addresses)
	l := languageOf(ctx)
	state.Want = l.Say("a CNAME, SRV, A or AAAA record that leads to an address of this node")
	if state.Host != "" {
		state.Want = l.Say("a CNAME, SRV, A or AAAA record that leads to %s", state.Host)
	}
	return &domainDNSOutput{Body: state}, nil
}
