package panel

import (
	"net/netip"
	"path/filepath"
	"strconv"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// run is what SIPp is to do: user agents that nobody here wrote prove what was set up in the browser.
type run struct {
	Scenario string // of the callers, in scenarios
	Source   string // the callers' name; each has an address of its own
	Number   string // called
	Domain   string
	Caller   string
	Agent    string
	Count    int
	Rate     int      // calls a second
	PBXs     []string // that are up meanwhile
}

// ran is what became of a run.
type ran struct {
	Exit       int                 `json:"exit"` // SIPp's own verdict: 0 = every call went as its scenario says
	Successful int                 `json:"successful"`
	Failed     int                 `json:"failed"`
	Answers    map[string]int      `json:"answers"` // how many calls ended their INVITE with which status
	Source     string              `json:"source"`
	PBXs       map[string]answered `json:"pbxs"` // what each PBX says of it, by its name
	Said       string              `json:"said"` // what SIPp complained about
}

// answered is what became of a run at a PBX that SIPp plays.
type answered struct {
	Exit  int `json:"exit"` // 0: no call went wrong
	Calls int `json:"calls"`
}

// sippPBXs are the PBXs that SIPp plays: an address each, where it listens only while a run wants it.
func sippPBXs(s *scene) map[string]netip.AddrPort {
	places := map[string]netip.AddrPort{}
	for _, name := range []string{"pbx1", "pbx2", "new"} {
		places[name] = harness.Refusing(s.t)
	}
	return places
}

// sipp has SIPp call through the node, with SIPp as each PBX.
func (s *scene) sipp(r *run) *ran {
	pbxs := map[string]*harness.SIPp{}
	for _, name := range r.PBXs {
		pbxs[name] = &harness.SIPp{Scenario: scenario(s, "../sipp/scenarios/basic-uas"), Addr: s.sippPBX[name], Proto: "udp", Calls: plenty}
		pbxs[name].Start(s.t)
	}
	ip, ok := s.sources[r.Source]
	if !ok {
		ip = netip.MustParseAddr(harness.IP(s.t))
		s.sources[r.Source] = ip
	}
	callers := &harness.SIPp{
		Scenario: scenario(s, "scenarios/"+r.Scenario), Addr: netip.AddrPortFrom(ip, uint16(harness.Port(s.t))), Proto: "udp",
		Remote: s.node.Addr("udp", ip), Calls: r.Count, Rate: r.Rate,
		Keys: map[string]string{"domain": r.Domain, "number": r.Number, "caller": r.Caller, "agent": r.Agent},
	}
	callers.Start(s.t)
	out := &ran{Exit: callers.Code(s.t), Source: ip.String(), PBXs: map[string]answered{}}
	out.Answers = finals(callers.Received(s.t))
	out.Successful, out.Failed = callers.Counted(s.t)
	if out.Exit != 0 {
		out.Said = callers.Said()
	}
	for name, pbx := range pbxs {
		pbx.Quit()
		out.PBXs[name] = answered{Exit: pbx.Code(s.t), Calls: calls(pbx.Received(s.t))}
	}
	return out
}

func scenario(s *scene, name string) string {
	path, err := filepath.Abs(name + ".xml")
	if err != nil {
		s.t.Fatal(err)
	}
	return path
}

// finals counts the statuses with which INVITEs ended, however often each came.
func finals(received []*peer.Message) map[string]int {
	ends, seen := map[string]int{}, map[string]bool{}
	for _, m := range received {
		if _, method := m.CSeq(); m.Status >= 200 && method == "INVITE" && !seen[m.Get("Call-ID")] {
			seen[m.Get("Call-ID")] = true
			ends[strconv.Itoa(m.Status)]++
		}
	}
	return ends
}

// calls counts the INVITEs that begin a call.
func calls(received []*peer.Message) int {
	ids := map[string]bool{}
	for _, m := range received {
		if m.Method == "INVITE" {
			ids[m.Get("Call-ID")] = true
		}
	}
	return len(ids)
}
