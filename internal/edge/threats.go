package edge

import "tollgate/internal/threat"

// Strangers is api.Node.
func (e *Edge) Strangers() []threat.Stranger { return nil }
