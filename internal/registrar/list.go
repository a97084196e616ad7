package registrar

import (
	"cmp"
	"encoding/hex"
	"slices"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transport"
)

// Summary is a binding for lists.
type Summary struct {
	ID        string            `json:"id"`
	Customer  tenant.CustomerID `json:"customer_id"`
	AOR       string            `json:"aor"`
	Contact   string            `json:"contact"`
	Instance  string            `json:"instance,omitempty"`
	UserAgent string            `json:"user_agent,omitempty"`
	Transport string            `json:"transport"`
	Source    string            `json:"source"`
	NAT       bool              `json:"nat"`       // far-end NAT was found
	Reachable bool              `json:"reachable"` // false: its connection is gone
	Missed    int               `json:"missed"`    // pings in a row without an answer
	Expires   time.Time         `json:"expires"`
	Since     time.Time         `json:"since"`
}

// List gives the bindings that keep takes, by customer and address of record.
func (r *Registrar) List(keep func(tenant.CustomerID) bool) []Summary {
	var list []Summary
	var flows []transport.Flow
	for i := range r.stripes {
		list, flows = r.appendStripe(list, flows, &r.stripes[i], keep)
	}
	for i := range list {
		list[i].Reachable = r.cfg.Transport.Alive(flows[i])
	}
	slices.SortFunc(list, func(a, b Summary) int {
		return cmp.Or(cmp.Compare(a.Customer, b.Customer), cmp.Compare(a.AOR, b.AOR), cmp.Compare(a.ID, b.ID))
	})
	return list
}

func (r *Registrar) appendStripe(list []Summary, flows []transport.Flow, s *stripe, keep func(tenant.CustomerID) bool) ([]Summary, []transport.Flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.byID {
		if keep(b.customer) {
			list, flows = append(list, r.summary(b)), append(flows, b.flow)
		}
	}
	return list, flows
}

func (r *Registrar) summary(b *binding) Summary {
	return Summary{
		ID: hex.EncodeToString(b.id[:]), Customer: b.customer, AOR: b.aor, Contact: b.uri,
		Instance: b.instance, UserAgent: b.agent,
		Transport: b.flow.Proto.String(), Source: b.flow.Remote.String(), NAT: b.nat,
		Missed:  max(int(b.missed)-1, 0), // the last one may still be answered
		Expires: r.wall(b.expires).UTC().Truncate(time.Second), Since: time.Unix(b.since, 0).UTC(),
	}
}

// Remove ends a binding by the ID that List gives, if allowed takes its customer. Its
// PBX is not told: the phone is back with its next refresh.
func (r *Registrar) Remove(id string, allowed func(tenant.CustomerID) bool) bool {
	var key dialog.Stable
	if raw, err := hex.DecodeString(id); err != nil || copy(key[:], raw) != len(key) || len(raw) != len(key) {
		return false
	}
	return r.endIf(key, policy.OK, func(b *binding) bool { return allowed(b.customer) })
}
