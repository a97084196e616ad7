package edge

import (
	"cmp"
	"slices"

	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// deadGroup is a destination group none of whose destinations in use answers.
type deadGroup struct {
	customer string
	number   int
}

// deadGroups gives them by customer and number. One that was not asked yet, or whose customer's
// keepalive is off, may be alive.
func deadGroups(s *policy.Snapshot, states map[tenant.DestinationID]peer.State) (dead []deadGroup) {
	for c := range s.Customers {
		var used, down [tenant.MaxGroup + 1]int
		for _, d := range c.Destinations {
			if d.Disabled {
				continue
			}
			used[d.Group]++
			if states[d.ID].Status == peer.StatusDown {
				down[d.Group]++
			}
		}
		for number, n := range used {
			if n > 0 && down[number] == n {
				dead = append(dead, deadGroup{c.Settings.Name, number})
			}
		}
	}
	slices.SortFunc(dead, func(a, b deadGroup) int {
		return cmp.Or(cmp.Compare(a.customer, b.customer), cmp.Compare(a.number, b.number))
	})
	return dead
}

// tellDeadGroups gives the sentence of a list that is not empty: it names the first and counts the rest.
func tellDeadGroups(in policy.Language, dead []deadGroup) string {
	first := in.Say("No destination of group %d of customer %q answers", dead[0].number, dead[0].customer)
	switch more := len(dead) - 1; more {
	case 0:
		return first + "."
	case 1:
		return first + in.Say(", nor does one of another group.")
	default:
		return first + in.Say(", nor does one of %d more groups.", more)
	}
}
