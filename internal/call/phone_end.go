package call

import (
	"sync"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
)

// lost is phones whose calls are to end. They are collected, so that a network that fails with
// thousands of them costs one look at the calls.
type lost struct {
	mu     sync.Mutex
	phones map[dialog.Stable]policy.Reason
}

// EndPhone ends the answered calls of a phone by its binding, and those that it has begun,
// within a tick of the layer's clock. It may be called with a shard locked.
func (c *Calls) EndPhone(binding dialog.Stable, why policy.Reason) {
	c.lost.mu.Lock()
	defer c.lost.mu.Unlock()
	if c.lost.phones == nil {
		c.lost.phones = make(map[dialog.Stable]policy.Reason)
		c.layer.Later(c.endPhones)
	}
	c.lost.phones[binding] = why
}

// endPhones ends the calls of all phones that EndPhone named.
func (c *Calls) endPhones() {
	c.lost.mu.Lock()
	phones := c.lost.phones
	c.lost.phones = nil
	c.lost.mu.Unlock()
	for i := range c.tables {
		c.layer.Do(uint8(i), func(sh *transaction.Shard) {
			for _, call := range c.alive(sh) {
				if why, hit := call.with(phones); hit {
					c.end(sh, call, why, why.Status())
				}
			}
		})
	}
}

// with says that one of some phones has begun the call or has answered it.
func (c *Call) with(phones map[dialog.Stable]policy.Reason) (why policy.Reason, hit bool) {
	if why, hit = phones[c.caller.Binding]; hit {
		return why, true
	}
	for i := range c.forks {
		if d := c.dialog(i); d.Confirmed {
			if why, hit = phones[d.Callee.Binding]; hit {
				return why, true
			}
		}
	}
	return policy.OK, false
}
