package dialog

import (
	"bytes"

	"tollgate/sip"
)

// Name names a dialog in Replaces (RFC 3891), Join (RFC 3911) and Target-Dialog
// (RFC 4538), as who shall read it knows that dialog: To is his own tag, From his
// peer's.
type Name struct{ CallID, To, From []byte }

// Rename replaces a part of a message that names a dialog.
type Rename struct {
	At   sip.Span
	Text []byte
}

// Mention is a place of a request where a dialog is named, or one of its parties by
// a Contact of ours.
type Mention struct {
	Named bool
	Name  Name     // its bytes are copies
	name  sip.Span // of the value that Name stands in
	esc   bool     // which is percent-encoded
	ID    ID       // the party, where Party is not empty
	URI   []byte   // of Refer-To, a copy without its headers; nil elsewhere
	party sip.Span
}

// Party says that a party is named, by ID.
func (n *Mention) Party() bool { return n.party.End > 0 }

// Mentions appends what a request says of dialogs.
func (m *Minter) Mentions(dst []Mention, msg *sip.Message) []Mention {
	for _, id := range [...]sip.HeaderID{sip.HdrReplaces, sip.HdrJoin, sip.HdrTargetDialog} {
		f := msg.First(id)
		if f == nil {
			continue
		}
		if name, ok := ParseName(bytes.Clone(msg.Slice(f.Value))); ok {
			dst = append(dst, Mention{Named: true, Name: name, name: f.Value})
		}
	}
	if mention, ok := m.referTo(msg); ok {
		dst = append(dst, mention)
	}
	return dst
}

// referTo reads the URI of a Refer-To: its user, and the Replaces or Join that the
// INVITE to it shall carry (RFC 3261 19.1.5, RFC 3891 9.1).
func (m *Minter) referTo(msg *sip.Message) (n Mention, ok bool) {
	na, err := sip.ParseNameAddr(msg.Value(sip.HdrReferTo))
	if err != nil {
		return n, false
	}
	u, err := sip.ParseURI(na.URI)
	if err != nil {
		return n, false
	}
	uri, _, _ := bytes.Cut(na.URI, []byte{'?'})
	if n.ID, ok = m.Of(uri); ok {
		n.party = msg.SpanOf(uri)
	}
	n.URI = bytes.Clone(uri)
	if value := uriHeader(u.Headers, "replaces", "join"); value != nil {
		plain := sip.AppendUnescaped(nil, value)
		if n.Name, n.Named = ParseName(plain); n.Named {
			n.name, n.esc = msg.SpanOf(value), true
		}
	}
	return n, n.Named || ok
}

// uriHeader gives the value, still escaped, of the first of some headers of a URI.
func uriHeader(headers []byte, names ...string) []byte {
	for len(headers) > 0 {
		one := headers
		if i := bytes.IndexByte(headers, '&'); i >= 0 {
			one, headers = headers[:i], headers[i+1:]
		} else {
			headers = nil
		}
		name, value, _ := bytes.Cut(one, []byte{'='})
		for _, want := range names {
			if sip.EqualFoldString(name, want) {
				return value
			}
		}
	}
	return nil
}

// commands are the headers that nobody may have another's request carry: RFC 3261 19.1.5 names those that lead it
// elsewhere or make it part of another dialog; the rest say who calls. By short names, too.
var commands = [...]string{
	"route", "via", "v", "record-route", "path", "service-route", "from", "f", "to", "t", "call-id", "i", "cseq", "contact", "m",
	"max-forwards", "authorization", "proxy-authorization", "p-asserted-identity", "p-preferred-identity", "remote-party-id", "identity", "y",
}

// Commands says that one of the headers of a URI is none that who makes a request of it may obey.
func Commands(headers []byte) bool {
	var room [32]byte
	for len(headers) > 0 {
		var one []byte
		one, headers, _ = bytes.Cut(headers, []byte{'&'})
		name, _, _ := bytes.Cut(one, []byte{'='})
		if len(name) > 3*len(room) {
			continue // too long for one of them, however it is escaped
		}
		name = bytes.TrimSpace(sip.AppendUnescaped(room[:0], name))
		for _, c := range commands {
			if sip.EqualFoldString(name, c) {
				return true
			}
		}
	}
	return false
}

// ParseName reads the value of Replaces, Join or Target-Dialog. The two last call
// To local-tag and From remote-tag; either way they are the reader's view.
func ParseName(value []byte) (Name, bool) {
	callID, params, _ := bytes.Cut(value, []byte{';'})
	n := Name{CallID: bytes.TrimSpace(callID)}
	n.To, _ = firstParam(params, "to-tag", "local-tag")
	n.From, _ = firstParam(params, "from-tag", "remote-tag")
	return n, len(n.CallID) > 0 && len(n.To) > 0 && len(n.From) > 0
}

func firstParam(params []byte, names ...string) ([]byte, bool) {
	for _, name := range names {
		if v, ok := sip.FindParam(params, name); ok && len(v) > 0 {
			return v, true
		}
	}
	return nil, false
}

// Renamed appends the edits that make a mention name the same dialog by another
// name, and the same party by another URI; an empty one is left as it is.
func (n *Mention) Renamed(dst []Rename, msg *sip.Message, name Name, uri []byte) []Rename {
	if n.Party() && len(uri) > 0 {
		dst = append(dst, Rename{n.party, bytes.Clone(uri)})
	}
	if !n.Named || len(name.CallID) == 0 {
		return dst
	}
	value := msg.Slice(n.name)
	if n.esc {
		value = sip.AppendUnescaped(nil, value)
	}
	text := appendName(nil, value, name)
	if n.esc {
		text = appendEscaped(nil, text)
	}
	return append(dst, Rename{n.name, text})
}

// appendName appends a value with the ids of n in place of its own; parameters such
// as early-only stay.
func appendName(dst, value []byte, n Name) []byte {
	dst = append(dst, n.CallID...)
	parts := bytes.Split(value, []byte{';'})
	for _, part := range parts[1:] {
		part = bytes.TrimSpace(part)
		key, _, _ := bytes.Cut(part, []byte{'='})
		key = bytes.TrimSpace(key)
		dst = append(dst, ';')
		switch {
		case sip.EqualFoldString(key, "to-tag"), sip.EqualFoldString(key, "local-tag"):
			dst = append(append(append(dst, key...), '='), n.To...)
		case sip.EqualFoldString(key, "from-tag"), sip.EqualFoldString(key, "remote-tag"):
			dst = append(append(append(dst, key...), '='), n.From...)
		default:
			dst = append(dst, part...)
		}
	}
	return dst
}

// appendEscaped appends b as the value of a header in a URI: only what RFC 3261 25.1
// calls unreserved stays, and what many phones write plain.
func appendEscaped(dst, b []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', bytes.IndexByte([]byte("-_.!~*'()"), c) >= 0:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// rename applies renames to a message.
func rename(e *sip.Edit, list []Rename) {
	for i := range list {
		e.At(list[i].At).Bytes(list[i].Text)
	}
}

// startsAt says that one of some renames begins at an offset.
func startsAt(list []Rename, off uint16) bool {
	for i := range list {
		if list[i].At.Off == off {
			return true
		}
	}
	return false
}
