package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// NodePanel is the node as the panel's pages ask it, beyond what Node has for scripts.
type NodePanel interface {
	NodePulse
	NodeFeed
	NodeFind
	NodePreview
	// RoutingHits gives what each of these has matched here, as FirewallHits does.
	RoutingHits(rules []tenant.RoutingRule) []policy.Tally
}

// panel are the operations that pages of the panel are made of.
func (s *server) panel() {
	s.overviews()
	s.orders()
	s.hangups()
	s.routing()
	s.setups()
	s.finds()
	s.similars()
	s.previews()
}

// describeType puts a type into the description that no operation's body has.
func describeType(api huma.API, v any) {
	api.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(v), true, "")
}
