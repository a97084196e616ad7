package sip

// paramScan walks a list of parameters: ";a=b ; c ;d=\"x;y\"". The leading
// semicolon may be missing. What next found is in name and value, which alias the
// list; a value in quotes keeps them.
type paramScan struct {
	b     []byte
	at    int    // where the next one starts
	from  int    // where this one starts, with its semicolon
	name  []byte // empty between two semicolons
	value []byte // nil when there is no '='
	plain bool   // no quotes, white space or other separators in it
}

// next goes to the next parameter, also an empty one. Malformed text never stops
// it; it ends with the bytes.
func (s *paramScan) next() bool {
	b, i := s.b, s.at
	if i >= len(b) {
		return false
	}
	s.from = i
	if b[i] == ';' {
		i++
	}
	name, eq := i, -1
	s.plain = true
	for i += run(b[i:], clPlain); i < len(b) && b[i] != ';'; i += run(b[i:], clPlain) {
		if b[i] == '=' && eq < 0 {
			eq = i
		} else {
			s.plain = false
			if b[i] == '"' {
				i = max(closingQuote(b, i), i)
			}
		}
		i++
	}
	s.at = i
	if eq < 0 {
		s.name, s.value = trim(b[name:i]), nil
	} else {
		s.name, s.value = trim(b[name:eq]), trim(b[eq+1:i])
	}
	return true
}

// whole returns this parameter with its semicolon.
func (s *paramScan) whole() []byte { return s.b[s.from:s.at] }

// FindParam finds a parameter by name, in any case, in a list such as
// ";a=b;c". ok tells whether it is there; value is nil when it has none. A quoted
// value comes without its quotes, escapes kept. The first of several counts.
func FindParam(params []byte, name string) (value []byte, ok bool) {
	s := paramScan{b: params}
	for s.next() {
		if len(s.name) > 0 && EqualFoldString(s.name, name) {
			return unquote(s.value), true
		}
	}
	return nil, false
}

// unquote strips the quotes of a quoted string; other values stay as they are.
func unquote(v []byte) []byte {
	if n := len(v); n >= 2 && v[0] == '"' && v[n-1] == '"' {
		return v[1 : n-1]
	}
	return v
}

// AppendUnescaped appends b with each %HH replaced by its byte (RFC 3261 19.1.2).
// A percent sign that starts no escape stays as it is. The result may hold any
// byte, NUL too.
func AppendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) && is(b[i+1], clHex) && is(b[i+2], clHex) {
			dst = append(dst, hexValue(b[i+1])<<4|hexValue(b[i+2]))
			i += 2
			continue
		}
		dst = append(dst, b[i])
	}
	return dst
}

func hexValue(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return lower(c) - 'a' + 10
}

// escapedLen returns how many bytes of b, from its start, are of the class or
// belong to a whole %HH escape.
func escapedLen(b []byte, class uint8) int {
	i := run(b, class)
	for i+2 < len(b) && b[i] == '%' && is(b[i+1], clHex) && is(b[i+2], clHex) {
		i += 3
		i += run(b[i:], class)
	}
	return i
}

// escaped reports whether all of b is of the class, escapes counted in. Nothing at
// all is fine.
func escaped(b []byte, class uint8) bool { return escapedLen(b, class) == len(b) }
