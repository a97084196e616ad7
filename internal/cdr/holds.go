package cdr

import "strings"

// Holds says whether a text, in any case, stands in what a caller, an address or an identifier is
// read from.
func (c *CDR) Holds(text string) bool { return c.holds(strings.ToLower(strings.TrimSpace(text))) }
