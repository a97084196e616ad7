package threat

import (
	"bytes"

	"tollgate/sip"
)

// outcome is what a response says of who asked.
type outcome uint8

const (
	nothing outcome = iota
	proven          // he knows a password
	wrongPassword
	barred // a password was given, and the request refused: some PBXs say no more
	unknownUser
)

// outcomeOf reads what a response says of the sender of its request, and of which user. A
// challenge alone is a normal thing: only one that follows an answer says that the password
// was wrong, and not where the nonce was just too old (RFC 7616 3.3, stale). The realm is not
// compared: some PBXs do not look at the one in the answer either. Who answers the first of
// two realms is cleared when he is let in.
func outcomeOf(request, response *sip.Message) (outcome, []byte) {
	switch status := response.StatusCode(); {
	case status > 100 && status < 300:
		if user := userOf(request, sip.HdrAuthorization, sip.HdrProxyAuthorization); user != nil {
			return proven, user
		}
	case status == 404:
		if user := askedFor(request); len(user) > 0 {
			return unknownUser, user
		}
	case status == 403:
		user := userOf(request, sip.HdrAuthorization, sip.HdrProxyAuthorization)
		switch {
		case user == nil:
		case request.Method() == sip.REGISTER:
			return wrongPassword, user
		default:
			return barred, user
		}
	case status == 401:
		return challenged(userOf(request, sip.HdrAuthorization), response, sip.HdrWWWAuthenticate)
	case status == 407:
		return challenged(userOf(request, sip.HdrProxyAuthorization), response, sip.HdrProxyAuthenticate)
	}
	return nothing, nil
}

// challenged judges a challenge to a request that named a user with a password, nil where it
// did not.
func challenged(user []byte, response *sip.Message, header sip.HeaderID) (outcome, []byte) {
	if user == nil {
		return nothing, nil
	}
	for i := range response.FieldCount() {
		f := response.Field(i)
		if f.ID != header {
			continue
		}
		if stale, _ := param(response.Slice(f.Value), "stale"); sip.EqualFoldString(stale, "true") {
			return nothing, nil
		}
	}
	return wrongPassword, user
}

// userOf is the user of a request's first credentials in one of these headers, as it is
// written; nil where it has none.
func userOf(m *sip.Message, headers ...sip.HeaderID) []byte {
	for _, id := range headers {
		if value := m.Value(id); len(value) > 0 {
			if user, ok := param(value, "username"); ok {
				return user
			}
			return value[:0]
		}
	}
	return nil
}

// askedFor is the user that a request is for: whose address it registers, or whom it calls.
func askedFor(m *sip.Message) []byte {
	at := m.RequestURI()
	if m.Method() == sip.REGISTER {
		to, err := sip.ParseNameAddr(m.Value(sip.HdrTo))
		if err != nil {
			return nil
		}
		at = to.URI
	}
	uri, err := sip.ParseURI(at)
	if err != nil {
		return nil
	}
	return uri.User
}

// param finds a parameter of a challenge or of credentials, in any case: a list with commas
// after the word of the scheme (RFC 7616 3.3, 3.4). Of a quoted value it gives what is
// between the quotes, escapes kept. What cannot be read ends the list.
func param(value []byte, name string) (found []byte, ok bool) {
	_, rest, _ := bytes.Cut(value, []byte(" "))
	for len(rest) > 0 {
		key, after, ok := bytes.Cut(rest, []byte("="))
		if !ok {
			return nil, false
		}
		var v []byte
		v, rest = cutValue(bytes.TrimLeft(after, blank))
		if sip.EqualFoldString(bytes.Trim(key, blank+","), name) {
			return v, true
		}
	}
	return nil, false
}

// blank is the white space of header values, folds included.
const blank = " \t\r\n"

// cutValue gives the value that stands first in b, and what follows its comma.
func cutValue(b []byte) (value, rest []byte) {
	if len(b) == 0 || b[0] != '"' {
		value, rest, _ = bytes.Cut(b, []byte(","))
		return bytes.TrimRight(value, blank), rest
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			_, rest, _ = bytes.Cut(b[i:], []byte(","))
			return b[1:i], rest
		}
	}
	return nil, nil
}
