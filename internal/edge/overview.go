package edge

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/internal/api"
	"tollgate/internal/config"
	"tollgate/internal/live"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/pulse"
	"tollgate/internal/tenant"
)

// Pulse is api.Node.
func (e *Edge) Pulse(customers []tenant.CustomerID) *pulse.Report {
	return e.pulse.Report(time.Now(), customers)
}

// CallCount is api.Node.
func (e *Edge) CallCount(customers []tenant.CustomerID) (n int) {
	if customers == nil {
		return e.calls.Live()
	}
	for _, id := range customers {
		n += e.live.Usage(live.Scope{Kind: live.Customer, ID: int64(id)}).Calls
	}
	return n
}

// BindingCount is api.Node.
func (e *Edge) BindingCount(customers []tenant.CustomerID) (n int) {
	if customers == nil {
		return e.registrar.Len()
	}
	for _, id := range customers {
		n += e.registrar.CountOf(id)
	}
	return n
}

// BanCount is api.Node.
func (e *Edge) BanCount(keep func(tenant.CustomerID) bool) int { return e.bans.Count(keep) }

// Busiest is api.Node.
func (e *Edge) Busiest(keep func(tenant.CustomerID) bool, most int) []api.Busy {
	var list []api.Busy
	for c := range e.table.Snapshot().Customers {
		id := c.Settings.ID
		if !keep(id) {
			continue
		}
		use := e.live.Usage(live.Scope{Kind: live.Customer, ID: int64(id)})
		if use.Calls > 0 {
			list = append(list, api.Busy{Customer: id, Name: c.Settings.Name, Calls: use.Calls, MaxCalls: c.Settings.CallLimit})
		}
	}
	slices.SortFunc(list, func(a, b api.Busy) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Customer, b.Customer))
	})
	return list[:min(len(list), most)]
}

// Neighbours is api.Node.
func (e *Edge) Neighbours(keep func(tenant.CustomerID) bool, most int) api.Neighbours {
	states := e.watch.States()
	var out api.Neighbours
	for c := range e.table.Snapshot().Customers {
		if !keep(c.Settings.ID) {
			continue
		}
		for _, d := range c.Destinations {
			s, known := states[d.ID]
			if !known {
				s.Status = peer.StatusUnknown
			}
			out.Count(s.Status, d.Disabled)
			out.List = append(out.List, neighbourRow(c, d, &s))
		}
	}
	slices.SortFunc(out.List, func(a, b api.Neighbour) int {
		return cmp.Or(cmp.Compare(a.Rank(), b.Rank()), cmp.Compare(a.CustomerName, b.CustomerName), cmp.Compare(a.ID, b.ID))
	})
	out.More = max(len(out.List)-most, 0)
	out.List = out.List[:min(len(out.List), most)]
	return out
}

func neighbourRow(c *policy.Customer, d *policy.Destination, s *peer.State) api.Neighbour {
	return api.Neighbour{
		ID: d.ID, Name: d.Name, Customer: c.Settings.ID, CustomerName: c.Settings.Name, Group: d.Group, Disabled: d.Disabled,
		Status: s.Status, Since: s.Since, RTT: float64(s.RTT.Microseconds()) / 1000, LastCode: s.LastCode,
	}
}

// The bounds of what is fine.
const (
	lowDisk       = 1 << 30 // bytes that are free in the data folder
	certificateIs = 14 * 24 * time.Hour
)

// Degraded is api.Node.
func (e *Edge) Degraded(in policy.Language) (parts []api.Part) {
	add := func(part, state, level string, text policy.Phrase, args ...any) {
		parts = append(parts, api.Part{Part: part, State: state, Level: level, Sentence: in.Say(text, args...)})
	}
	e.full.mu.Lock()
	journal, records := e.full.journal, e.full.records
	e.full.mu.Unlock()
	if records {
		add("database", "behind", api.LevelError, "The database takes no call records: no new calls and registrations are let in.")
	}
	if journal {
		add("journal", "full", api.LevelError, "The journal cannot be written: no new calls and registrations are let in.")
	}
	var disk unix.Statfs_t
	if unix.Statfs(e.cfg.DataDir, &disk) == nil {
		if free := disk.Bavail * uint64(disk.Bsize); free < lowDisk { //nolint:gosec // a block size is positive
			add("disk", "low", api.LevelWarning, "The data folder's disk has %d MiB left.", free>>20)
		}
	}
	if k := e.kernel.info(); k.Way == wayNone && e.cfg.Media.Kernel != "off" {
		add("kernel", "off", api.LevelInfo, "The kernel does not drop for bans, this process does: %s.", k.Why)
	}
	if n := e.webhookStats().Dead; n == 1 {
		add("webhook", "dead_letters", api.LevelWarning, "1 call record was not taken by the webhook's receiver.")
	} else if n > 1 {
		add("webhook", "dead_letters", api.LevelWarning, "%d call records were not taken by the webhook's receiver.", n)
	}
	if dead := deadGroups(e.table.Snapshot(), e.watch.States()); len(dead) > 0 {
		parts = append(parts, api.Part{Part: "destinations", State: "down", Level: api.LevelError, Sentence: tellDeadGroups(in, dead)})
	}
	if e.gate.Draining() {
		add("node", "draining", api.LevelWarning, "This node is being stopped and takes no new calls.")
	}
	if p, stuck := e.follower.waits.now(); stuck != nil {
		add("configuration", "stuck", api.LevelError, "The apply of %s was not confirmed and does not go back: %s.", p.File, stuck)
	} else if p != nil {
		add("configuration", "unconfirmed", api.LevelWarning, "Unless somebody confirms it, the apply of %s by %s goes back at %s.", p.File, p.Who, p.Until.UTC().Format("2006-01-02 15:04:05 MST"))
	}
	for _, c := range e.expiries.soon(time.Now(), slices.Concat(e.cfg.SIP.Certificates, e.cfg.HTTP.Certificates)) {
		if end := c.end.UTC().Format(time.DateOnly); c.left > 0 {
			add("certificate", "ends", api.LevelError, "The certificate %s ends on %s.", c.file, end)
		} else {
			add("certificate", "ended", api.LevelError, "The certificate %s ended on %s.", c.file, end)
		}
	}
	return parts
}

// expiries knows when certificates end; files are read once a minute at most.
type expiries struct {
	mu   sync.Mutex // guards all below
	read time.Time
	list []expiry
}

type expiry struct {
	file string
	end  time.Time
	left time.Duration
}

// soon gives those that end within certificateIs.
func (x *expiries) soon(now time.Time, files []config.Certificate) (list []expiry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if now.Sub(x.read) > time.Minute {
		x.read, x.list = now, nil
		for _, f := range files {
			if end, ok := endOf(f); ok {
				x.list = append(x.list, expiry{file: f.Cert, end: end})
			}
		}
	}
	for _, c := range x.list {
		if c.left = c.end.Sub(now); c.left < certificateIs {
			list = append(list, c)
		}
	}
	return list
}

func endOf(f config.Certificate) (time.Time, bool) {
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return time.Time{}, false
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return time.Time{}, false
	}
	return leaf.NotAfter, true
}
