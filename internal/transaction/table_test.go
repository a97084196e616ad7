package transaction

import "testing"

// TestTablesAreFull: each state does something with each event, or ignores it on purpose.
func TestTablesAreFull(t *testing.T) {
	for state, row := range newClientTable() {
		for event, action := range row {
			if action == nil {
				t.Errorf("client state %d: event %d is not set", state, event)
			}
		}
	}
	for state, row := range newServerTable() {
		for event, action := range row {
			if action == nil {
				t.Errorf("server state %d: event %d is not set", state, event)
			}
		}
	}
}
