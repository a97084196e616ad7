package tenant

import (
	"fmt"
	"slices"
	"strings"
)

// HeaderEdit is a header that is added to requests, removed from them or replaced in them.
type HeaderEdit struct {
	Action string `json:"action" yaml:"action"` // add remove replace
	Name   string `json:"name" yaml:"name"`
	Value  string `json:"value,omitempty" yaml:"value,omitempty"` // of add and replace
}

const (
	maxHeaderEdits = 16
	maxHeaderName  = 64
	maxHeaderValue = 512
)

// ownHeaders are those by which a request, its dialog and its body are known, or who sends it proves it.
var ownHeaders = strings.Fields(`via v from f to t call-id i cseq max-forwards contact m route record-route path service-route
	content-length l content-type c content-encoding e require proxy-require authorization proxy-authorization
	www-authenticate proxy-authenticate rack rseq replaces join target-dialog refer-to r event o subscription-state
	expires session-expires x min-se sip-etag sip-if-match mime-version`)

// CheckHeaderEdits gives all that is wrong with a list of them.
func CheckHeaderEdits(list []HeaderEdit) Faults {
	c := &check{}
	c.headerEdits(list)
	return c.faults
}

func (c *check) headerEdits(list []HeaderEdit) {
	if len(list) > maxHeaderEdits {
		c.add(CodeOutOfRange, "headers", fmt.Sprintf("has %d steps", len(list)), fmt.Sprintf("at most %d", maxHeaderEdits))
	}
	for i := range list {
		c.headerEdit(index("headers", i)+".", &list[i])
	}
}

func (c *check) headerEdit(at string, v *HeaderEdit) {
	c.oneOf(at+"action", v.Action, "add", "remove", "replace")
	c.text(at+"value", v.Value, maxHeaderValue)
	if v.Action == "remove" {
		c.absent(at+"value", v.Value != "", "a header that is removed has no value", "leave it out")
	}
	switch {
	case v.Name == "":
		c.add(CodeRequired, at+"name", "is missing", `the name of a header, such as "X-Account"`)
		return
	case len(v.Name) > maxHeaderName || !token(v.Name):
		c.add(CodeInvalid, at+"name", quote(v.Name)+" is no name of a header", `letters, digits and "-", such as "X-Account"`)
		return
	}
	if slices.Contains(ownHeaders, strings.ToLower(v.Name)) {
		c.add(CodeUnsupported, at+"name", quote(v.Name)+" cannot be changed: calls depend on it", "another header")
	}
}

// token is what RFC 3261 25.1 calls one.
func token(s string) bool {
	for i := range len(s) {
		b := s[i]
		if b <= ' ' || b >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, b) >= 0 {
			return false
		}
	}
	return s != ""
}
