package ban

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"tollgate/internal/tenant"
)

// kept is a ban in the journal: JSON after one byte, the version of the layout.
type kept struct {
	Prefix   netip.Prefix      `json:"prefix"`
	Customer tenant.CustomerID `json:"customer,omitempty"`
	Reason   string            `json:"reason"`
	Evidence []byte            `json:"evidence,omitempty"`
	Since    time.Time         `json:"since"`
	Until    time.Time         `json:"until"`
	Times    int               `json:"times,omitempty"`
	Hits     uint64            `json:"hits,omitempty"`
}

const recordVersion = 1

// Errors of Restore.
var (
	errRecord  = errors.New("bad record of a ban")
	errVersion = errors.New("record of a ban of a newer version")
)

// keep journals an entry. The caller holds the lock.
func (t *Table) keep(e *entry) error {
	if t.cfg.Journal == nil {
		return nil
	}
	data, err := json.Marshal(kept{
		Prefix: e.prefix, Customer: e.customer, Reason: e.reason, Evidence: e.evidence,
		Since: e.since, Until: e.until, Times: e.times, Hits: e.hits.Load(),
	})
	if err != nil {
		return fmt.Errorf("record of a ban: %w", err)
	}
	return t.cfg.Journal.Put(e.id(), append([]byte{recordVersion}, data...))
}

// Restore takes back a ban that a process before this one has kept. What is protected by
// now, or over and no more to be remembered, is left out.
func (t *Table) Restore(id ID, data []byte) error {
	if len(data) == 0 {
		return errRecord
	}
	if data[0] != recordVersion {
		return errVersion
	}
	var k kept
	if json.Unmarshal(data[1:], &k) != nil || !k.Prefix.IsValid() || k.Times < 0 || len(k.Evidence) > MaxEvidence {
		return errRecord
	}
	e := &entry{
		key: key{canonical(k.Prefix), k.Customer}, reason: k.Reason, evidence: k.Evidence,
		since: k.Since, until: k.Until, times: k.Times,
	}
	if e.id() != id {
		return errRecord
	}
	e.hits.Store(k.Hits)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.entries) >= Most {
		return ErrFull
	}
	now := time.Now()
	if over := now.Sub(e.until); over >= remembers || over >= 0 && e.times == 0 || t.protected(e.key, e.times > 0) {
		if t.cfg.Journal != nil {
			t.cfg.Journal.Delete(id)
		}
		return nil
	}
	if t.put(e); !e.until.After(now) {
		t.take(e)
	}
	t.settle(e, now)
	return nil
}

// Checkpoint puts all bans into the journal again.
func (t *Table) Checkpoint() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.collect()
	for _, e := range t.entries {
		if err := t.keep(e); err != nil {
			return err
		}
	}
	return nil
}
