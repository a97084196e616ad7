package policy

import (
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// HeaderChanges is a list of header edits as they are made, nil where there is none.
func HeaderChanges(list []tenant.HeaderEdit) (changes []sip.HeaderChange) {
	for i := range list {
		e := &list[i]
		action := sip.AddHeader
		switch e.Action {
		case "remove":
			action = sip.RemoveHeader
		case "replace":
			action = sip.ReplaceHeader
		}
		changes = append(changes, sip.NewHeaderChange(action, e.Name, e.Value))
	}
	return changes
}

// Edits is what becomes of the headers of a request on its way: first as the entry that sends it has it, nil for
// none, then as the switch has it that it goes to, then as the destination does, nil for none.
func Edits(from *Switch, to *Destination) (edits [3][]sip.HeaderChange) {
	if from != nil {
		edits[0] = from.Changes
	}
	if to != nil {
		if edits[2] = to.Changes; to.Switch != nil {
			edits[1] = to.Switch.Changes
		}
	}
	return edits
}

// Growth is by how many bytes these make a request longer at most.
func Growth(from *Switch, to *Destination) int {
	edits := Edits(from, to)
	return sip.HeaderChanges(edits[:]).Growth()
}
