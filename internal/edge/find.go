package edge

import (
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
)

// SearchBindings is api.Node.
func (e *Edge) SearchBindings(keep func(tenant.CustomerID) bool, text string, most int) []registrar.Summary {
	return e.registrar.Search(keep, text, most)
}
