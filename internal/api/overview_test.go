package api_test

import (
	"strings"
	"testing"
)

// TestOverview: each sees his own, and nobody but the platform how the node does.
func TestOverview(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	for name, c := range map[string]struct {
		who            *world
		query          string
		calls, answers float64
		degraded       int
	}{
		"platform":               {w.admin(), "", 2, 2, 1},
		"platform for alfa":      {w.admin(), "?customer=" + itoa(alfa.customer), 1, 1, 1},
		"platform for a company": {w.admin(), "?company=" + itoa(beta.company), 1, 1, 1},
		"company":                {w.as(alfa.companyKey), "", 1, 1, 0},
		"customer":               {w.as(beta.key), "", 1, 1, 0},
	} {
		o := c.who.must("GET", "/api/v1/overview"+c.query, nil)
		minutes := o["minutes"].([]any)
		last := minutes[59].(object)
		if len(minutes) != 60 || o["calls"] != c.calls || o["registrations"] != c.calls || o["answered"] != c.answers || o["refused"] != c.answers ||
			last["attempts"].(float64) > 2*c.answers || o["bans"] != c.calls || o["pdd_seconds"] != 1.0 || o["asr"] != 0.5 || o["mos"] != nil {
			t.Errorf("%s: %v", name, o)
		}
		if len(o["degraded"].([]any)) != c.degraded {
			t.Errorf("%s: degraded: %v", name, o["degraded"])
		}
		if reasons := o["reasons"].([]any); len(reasons) != 1 || reasons[0].(object)["reason"] != "firewall" || reasons[0].(object)["sentence"] == "" {
			t.Errorf("%s: reasons: %v", name, reasons)
		}
		if len(o["top"].([]any)) != int(c.calls) || o["destinations"].(object)["down"] != c.calls {
			t.Errorf("%s: %v %v", name, o["top"], o["destinations"])
		}
	}
	quiet := newWorld(t)
	body := string(quiet.admin().do("GET", "/api/v1/overview", nil).body)
	for _, want := range []string{`"asr":null`, `"pdd_seconds":null`, `"top":[]`, `"reasons":[]`, `"list":[]`} {
		if !strings.Contains(body, want) {
			t.Errorf("a quiet node: no %s in %s", want, body)
		}
	}
}
