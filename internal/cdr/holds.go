package cdr

import (
	"strings"

	"tollgate/internal/trace"
)

// Holds says whether a text, in any case, stands in what a caller, an address or an identifier is
// read from, or is a number that called or was called, however it is written.
func (c *CDR) Holds(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	return c.holds(text) || c.dials(trace.Digits(text))
}
