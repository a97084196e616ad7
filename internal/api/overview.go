package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/pulse"
	"tollgate/internal/tenant"
)

// NodePulse is the node as an overview asks it. Where customers are given, nil is all, strangers
// included.
type NodePulse interface {
	// Pulse tells of the last hour.
	Pulse(customers []tenant.CustomerID) *pulse.Report
	// CallCount is how many calls live.
	CallCount(customers []tenant.CustomerID) int
	// BindingCount is how many phones have registered.
	BindingCount(customers []tenant.CustomerID) int
	// BanCount is how many bans stand whose customer keep takes, 0 for everybody's.
	BanCount(keep func(tenant.CustomerID) bool) int
	// Busiest gives those customers that keep takes who have the most live calls.
	Busiest(keep func(tenant.CustomerID) bool, most int) []Busy
	// Neighbours tells how the destinations of those customers do that keep takes, what is wrong first.
	Neighbours(keep func(tenant.CustomerID) bool, most int) Neighbours
	// Degraded lists the parts of this node that do not do all that they should.
	Degraded(in policy.Language) []Part
}

// Busy is a customer with live calls.
type Busy struct {
	Customer tenant.CustomerID `json:"customer_id"`
	Name     string            `json:"customer"`
	Calls    int               `json:"calls"`
	MaxCalls int               `json:"max_calls" doc:"0: unlimited."`
}

// Neighbours is how destinations do.
type Neighbours struct {
	Up       int         `json:"up"`
	Down     int         `json:"down"`
	Unknown  int         `json:"unknown"`
	Off      int         `json:"off" doc:"Keepalive is off."`
	Disabled int         `json:"disabled"`
	List     []Neighbour `json:"list" nullable:"false" doc:"What is wrong first."`
	More     int         `json:"more" doc:"How many there are beside these."`
}

// Count counts one.
func (n *Neighbours) Count(status string, disabled bool) {
	switch {
	case disabled:
		n.Disabled++
	case status == peer.StatusUp:
		n.Up++
	case status == peer.StatusDown:
		n.Down++
	case status == peer.StatusOff:
		n.Off++
	default:
		n.Unknown++
	}
}

// Neighbour is one destination.
type Neighbour struct {
	ID           tenant.DestinationID `json:"id"`
	Name         string               `json:"name"`
	Customer     tenant.CustomerID    `json:"customer_id"`
	CustomerName string               `json:"customer"`
	Group        int                  `json:"group"`
	Disabled     bool                 `json:"disabled"`
	Status       string               `json:"status" enum:"up,down,unknown,off"`
	Since        time.Time            `json:"since,omitzero"`
	RTT          float64              `json:"rtt_ms" doc:"Of the last answered OPTIONS, in milliseconds; 0 = none."`
	LastCode     int                  `json:"last_code" doc:"Of the last answer; 0 = none."`
}

// Rank sorts what is wrong first.
func (n *Neighbour) Rank() int {
	switch {
	case n.Disabled:
		return 4
	case n.Status == peer.StatusDown:
		return 0
	case n.Status == peer.StatusUnknown:
		return 1
	case n.Status == peer.StatusUp:
		return 2
	}
	return 3
}

// The levels of what is degraded.
const (
	LevelInfo    = "info"    // works, in another way
	LevelWarning = "warning" // works, and will not for ever
	LevelError   = "error"   // does not work
)

// Part is one part of a node that does not do all that it should.
type Part struct {
	Part     string `json:"part" enum:"database,journal,disk,kernel,webhook,certificate,node,configuration,destinations"`
	State    string `json:"state" doc:"One word for machines."`
	Level    string `json:"level" enum:"info,warning,error"`
	Sentence string `json:"sentence"`
}

// overview is what happens now, and what happened in the last hour.
type overview struct {
	At            time.Time      `json:"at"`
	Calls         int            `json:"calls" doc:"That live now."`
	Rate          float64        `json:"calls_per_second" doc:"Attempts, over the last five seconds."`
	Registrations int            `json:"registrations" doc:"Phones that have registered."`
	Bans          int            `json:"bans" doc:"That stand."`
	Attempts      int            `json:"attempts" doc:"Of calls, within the last hour, as the three that follow."`
	Answered      int            `json:"answered"`
	Failed        int            `json:"failed"`
	Refused       int            `json:"refused"`
	ASR           *float64       `json:"asr" doc:"Answered calls over those that are decided, 0 to 1; null where there were none."`
	PDD           *float64       `json:"pdd_seconds" doc:"Mean time until a call rang; null where none did."`
	MOS           *float64       `json:"mos" doc:"Mean, 1 to 5; null where no media was measured."`
	Minutes       []pulse.Minute `json:"minutes" nullable:"false" doc:"The last 60, oldest first; the last one is not over."`
	Reasons       []refusals     `json:"reasons" nullable:"false" doc:"Why requests of any kind were refused within the last hour, most first."`
	Top           []Busy         `json:"top" nullable:"false" doc:"Customers with the most live calls."`
	Destinations  Neighbours     `json:"destinations"`
	Degraded      []Part         `json:"degraded" nullable:"false" doc:"Of this node, for platform users; nobody else learns of them."`
}

// refusals is how often something was refused for one reason.
type refusals struct {
	Reason   string `json:"reason"`
	Sentence string `json:"sentence"`
	Count    uint64 `json:"count"`
}

// The bounds of an overview.
const (
	mostTop        = 10
	mostNeighbours = 200
)

// overviews is the operation of the first page.
func (s *server) overviews() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/overview", OperationID: "get-overview", Tags: []string{"node"},
		Summary: "What happens now, and what happened in the last hour, in numbers",
	}, s.getOverview)
}

type overviewInput struct {
	Customer int64 `query:"customer" minimum:"1" doc:"Only of this customer."`
	Company  int64 `query:"company" minimum:"1" doc:"Only of this company."`
}

type overviewOutput struct{ Body overview }

func (s *server) getOverview(ctx context.Context, in *overviewInput) (*overviewOutput, error) {
	scope, err := s.narrowed(ctx, &listInput{Customer: in.Customer, Company: in.Company})
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	customers, keep, err := s.audienceOf(ctx, scope)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	out := &overviewOutput{Body: overview{
		At: time.Now().UTC(), Calls: s.node.CallCount(customers), Registrations: s.node.BindingCount(customers), Bans: s.node.BanCount(keep),
		Top: present(s.node.Busiest(keep, mostTop)), Destinations: s.node.Neighbours(keep, mostNeighbours), Degraded: []Part{},
	}}
	out.Body.Destinations.List = present(out.Body.Destinations.List)
	out.Body.hour(s.node.Pulse(customers), languageOf(ctx))
	if principalOf(ctx).Role == tenant.RolePlatform {
		out.Body.Degraded = present(s.node.Degraded(languageOf(ctx)))
	}
	return out, nil
}

// audienceOf gives the customers of a scope, nil where it is all of them, and whether one is among them.
func (s *server) audienceOf(ctx context.Context, scope tenant.Scope) (list []tenant.CustomerID, keep func(tenant.CustomerID) bool, err error) {
	if keep, err = s.sees(ctx, scope); err != nil || scope.IsPlatform() {
		return nil, keep, err
	}
	if scope.Role() == tenant.RoleCustomer {
		return []tenant.CustomerID{scope.Customer()}, keep, nil
	}
	list, err = s.store.CustomerIDs(ctx, scope)
	return present(list), keep, err
}

// hour tells of the last hour.
func (o *overview) hour(r *pulse.Report, l policy.Language) {
	o.Rate, o.Minutes, o.Reasons = r.Rate, r.Minutes[:], []refusals{}
	for i := range r.Minutes {
		m := &r.Minutes[i]
		o.Attempts += m.Attempts
		o.Answered += m.Answered
		o.Failed += m.Failed
		o.Refused += m.Refused
	}
	if n := o.Answered + o.Failed + o.Refused; n > 0 {
		o.ASR = new(float64(o.Answered) / float64(n))
	}
	if r.Rang > 0 {
		o.PDD = new(r.Delay.Seconds() / float64(r.Rang))
	}
	if r.Rated > 0 {
		o.MOS = new(r.Score / float64(r.Rated))
	}
	for why, n := range r.Refused {
		o.Reasons = append(o.Reasons, refusals{Reason: why.Code(), Sentence: why.In(l), Count: n})
	}
	slices.SortFunc(o.Reasons, func(a, b refusals) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
}
