package sip

import (
	"bytes"
	"errors"
)

// NameAddr is one element of From, To, Contact, Route and their like; its slices
// alias what was parsed.
type NameAddr struct {
	Display   []byte // without its quotes, escapes kept; nil when there is none
	URI       []byte
	Params    []byte // the header's parameters, raw, after the first ';'
	Bracketed bool   // the URI stood in < and >
}

// Errors of ParseNameAddr.
var (
	ErrQuote   = errors.New("quoted string is not ended")
	ErrBracket = errors.New("< without >")
	ErrNoURI   = errors.New("no URI")
)

// ParseNameAddr reads name-addr or addr-spec with the header's parameters.
// Without < > all parameters belong to the header, not to the URI (RFC 3261
// 20.10). What stands before < is the display name, however odd; Validate is the
// one that is strict about it.
func ParseNameAddr(b []byte) (NameAddr, error) {
	var n NameAddr
	err := n.parse(b)
	return n, err
}

func (n *NameAddr) parse(b []byte) error {
	b = trim(b)
	open := 0
	if len(b) > 0 && b[0] == '"' {
		end := closingQuote(b, 0)
		if end < 0 {
			return ErrQuote
		}
		n.Display, open = b[1:end], end+1
	}
	lt := bytes.IndexByte(b[open:], '<')
	if lt < 0 {
		if open > 0 {
			return ErrNoURI
		}
		return n.bare(b)
	}
	open += lt
	if n.Display == nil {
		if d := trim(b[:open]); len(d) > 0 {
			n.Display = d
		}
	}
	end := bytes.IndexByte(b[open:], '>')
	if end < 0 {
		return ErrBracket
	}
	n.URI, n.Bracketed = b[open+1:open+end], true
	if len(n.URI) == 0 {
		return ErrNoURI
	}
	n.Params = afterSemicolon(b[open+end+1:])
	return nil
}

// bare reads an addr-spec: the first semicolon ends the URI. A URI that has one of
// its own must stand in brackets (RFC 3261 20.10).
func (n *NameAddr) bare(b []byte) error {
	n.URI = b
	if semi := bytes.IndexByte(b, ';'); semi >= 0 {
		n.URI, n.Params = trim(b[:semi]), b[semi+1:]
	}
	if len(n.URI) == 0 {
		return ErrNoURI
	}
	return nil
}

// afterSemicolon returns the parameters that follow a URI or a host: what stands
// after the first semicolon, nil when there is none.
func afterSemicolon(b []byte) []byte {
	if i := skipLWS(b, 0); i < len(b) && b[i] == ';' {
		return b[i+1:]
	}
	return nil
}
