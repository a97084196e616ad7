package edge

import (
	"testing"

	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// TestDeadGroups: a group is dead when all of its destinations in use are down, and only then.
func TestDeadGroups(t *testing.T) {
	destination := func(id tenant.DestinationID, group int, disabled bool) tenant.Destination {
		return tenant.Destination{ID: id, Customer: 1, Name: "d", Group: group, Host: "192.0.2.1", Port: 5060, Protocol: "udp", Disabled: disabled}
	}
	table := policy.NewTable()
	table.PutCompany(tenant.Company{ID: 1, Name: "one"})
	a := tenant.Account{
		Customer: tenant.Customer{ID: 1, Company: 1, Name: "acme"},
		Destinations: []tenant.Destination{
			destination(1, 1, false), destination(2, 1, false), destination(3, 2, false), destination(4, 2, true), destination(5, 3, true),
		},
	}
	if err := table.Put(&a); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name             string
		states           [5]string
		english, italian string
	}{
		{"all up", [5]string{"up", "up", "up", "up", "up"}, "", ""},
		{"one of two", [5]string{"down", "up", "up", "up", "down"}, "", ""},
		{"one is not asked yet", [5]string{"down", "unknown", "off", "down", "down"}, "", ""},
		{
			"both",
			[5]string{"down", "down", "up", "up", "up"},
			`No destination of group 1 of customer "acme" answers.`, `Nessuna destinazione del gruppo 1 del cliente "acme" risponde.`,
		},
		{
			"the one in use, too",
			[5]string{"down", "down", "down", "up", "down"},
			`No destination of group 1 of customer "acme" answers, nor does one of another group.`,
			`Nessuna destinazione del gruppo 1 del cliente "acme" risponde, né quelle di un altro gruppo.`,
		},
	} {
		states := make(map[tenant.DestinationID]peer.State)
		for i, s := range c.states {
			states[tenant.DestinationID(i+1)] = peer.State{Status: s}
		}
		dead := deadGroups(table.Snapshot(), states)
		if len(dead) == 0 && c.english == "" {
			continue
		}
		if len(dead) == 0 || tellDeadGroups(policy.English, dead) != c.english || tellDeadGroups(policy.Italian, dead) != c.italian {
			t.Errorf("%s: %v", c.name, dead)
		}
	}
	if got := tellDeadGroups(policy.English, make([]deadGroup, 3)); got != `No destination of group 0 of customer "" answers, nor does one of 2 more groups.` {
		t.Error(got)
	}
}
