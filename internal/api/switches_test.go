package api_test

import (
	"testing"

	"tollgate/internal/tenant"
	"tollgate/internal/uac"
)

// TestSwitchRegistration: how ours at a switch does is told though no destination leads there.
func TestSwitchRegistration(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	at := "/api/v1/switches/" + itoa(e.ids["switches"])
	if got, there := w.as(e.reader).must("GET", at, nil)["registration"]; !there || got != nil {
		t.Errorf("where we do not register: %v", got)
	}
	w.node.ours = map[tenant.SwitchID]uac.State{tenant.SwitchID(e.ids["switches"]): {Registered: true, LastCode: 200}}
	if got, _ := w.as(e.reader).must("GET", at, nil)["registration"].(object); got["registered"] != true || got["last_code"] != float64(200) {
		t.Errorf("registered: %v", got)
	}
}
