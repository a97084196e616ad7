package peer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Header is one header line, unfolded.
type Header struct{ Name, Value string }

// Message is a SIP message as a test sees it.
type Message struct {
	Method, URI string // of a request
	Status      int    // of a response, else 0
	Reason      string
	Headers     []Header
	Body        string

	flow *flow // where it came from; nil for one that was made here
}

var errNoMessage = errors.New("not a SIP message")

// longNames maps the compact header names of RFC 3261 7.3.3 and others to their long forms.
func longName(name string) string {
	short := map[string]string{
		"v": "Via", "f": "From", "t": "To", "i": "Call-ID", "m": "Contact", "l": "Content-Length",
		"c": "Content-Type", "e": "Content-Encoding", "s": "Subject", "k": "Supported", "r": "Refer-To",
		"b": "Referred-By", "u": "Allow-Events", "o": "Event", "x": "Session-Expires",
	}
	if long, ok := short[strings.ToLower(name)]; ok {
		return long
	}
	return name
}

// Parse reads one message. It is strict: what an edge sends must be clean.
func Parse(raw []byte) (*Message, error) {
	head, body, found := strings.Cut(string(raw), "\r\n\r\n")
	if !found {
		return nil, fmt.Errorf("%w: no empty line", errNoMessage)
	}
	lines := strings.Split(head, "\r\n")
	m := &Message{Body: body}
	if err := m.parseStart(lines[0]); err != nil {
		return nil, err
	}
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			if len(m.Headers) == 0 {
				return nil, fmt.Errorf("%w: fold before the first header", errNoMessage)
			}
			m.Headers[len(m.Headers)-1].Value += " " + strings.TrimSpace(line)
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(line, "\r\n\x00") {
			return nil, fmt.Errorf("%w: header line %q", errNoMessage, line)
		}
		m.Headers = append(m.Headers, Header{longName(strings.TrimSpace(name)), strings.TrimSpace(value)})
	}
	if err := m.checkHosts(); err != nil {
		return nil, err
	}
	return m, m.checkLength()
}

// checkHosts finds IPv6 addresses without brackets.
func (m *Message) checkHosts() error {
	for _, value := range append(append(m.All("Contact"), m.All("Record-Route")...), m.Get("From"), m.Get("To"), m.URI) {
		uri, _, _ := strings.Cut(URIOf(value), ";")
		if i := strings.LastIndexByte(uri, '@'); i >= 0 && !strings.Contains(uri[i:], "[") && strings.Count(uri[i:], ":") > 1 {
			return fmt.Errorf("%w: an IPv6 host without brackets in %q", errNoMessage, value)
		}
	}
	return nil
}

func (m *Message) parseStart(line string) error {
	if rest, ok := strings.CutPrefix(line, "SIP/2.0 "); ok {
		code, reason, _ := strings.Cut(rest, " ")
		status, err := strconv.Atoi(code)
		if err != nil || status < 100 || status > 699 {
			return fmt.Errorf("%w: status line %q", errNoMessage, line)
		}
		m.Status, m.Reason = status, reason
		return nil
	}
	parts := strings.Split(line, " ")
	if len(parts) != 3 || parts[2] != "SIP/2.0" {
		return fmt.Errorf("%w: start line %q", errNoMessage, line)
	}
	m.Method, m.URI = parts[0], parts[1]
	return nil
}

func (m *Message) checkLength() error {
	value := m.Get("Content-Length")
	if value == "" {
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n != len(m.Body) {
		return fmt.Errorf("%w: Content-Length %q, body of %d bytes", errNoMessage, value, len(m.Body))
	}
	return nil
}

// Bytes writes the message; Content-Length is added where the message has none.
func (m *Message) Bytes() []byte {
	var b strings.Builder
	if m.Status != 0 {
		fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", m.Status, m.Reason)
	} else {
		fmt.Fprintf(&b, "%s %s SIP/2.0\r\n", m.Method, m.URI)
	}
	for _, h := range m.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h.Name, h.Value)
	}
	if m.Get("Content-Length") == "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(m.Body))
	}
	b.WriteString("\r\n")
	b.WriteString(m.Body)
	return []byte(b.String())
}

// Start is the start line, for messages to people.
func (m *Message) Start() string {
	if m.Status != 0 {
		_, method := m.CSeq()
		return fmt.Sprintf("%d %s (%s)", m.Status, m.Reason, method)
	}
	return m.Method + " " + m.URI
}

// Get is the first value of a header, "" where there is none.
func (m *Message) Get(name string) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// Has tells whether the header is there, with or without a value.
func (m *Message) Has(name string) bool {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			return true
		}
	}
	return false
}

// All is every element of a header that may be a list, in order.
func (m *Message) All(name string) []string {
	var all []string
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			all = append(all, splitList(h.Value)...)
		}
	}
	return all
}

// splitList splits at commas outside of quotes and angle brackets.
func splitList(s string) []string {
	var out []string
	quoted, angle, start := false, false, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' && (i == 0 || s[i-1] != '\\'):
			quoted = !quoted
		case c == '<' && !quoted:
			angle = true
		case c == '>' && !quoted:
			angle = false
		case c == ',' && !quoted && !angle:
			out = append(out, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[start:]))
}

// Set replaces the first header of that name, or adds it.
func (m *Message) Set(name, value string) {
	for i, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			m.Headers[i].Value = value
			return
		}
	}
	m.Add(name, value)
}

// Add appends a header line.
func (m *Message) Add(name, value string) { m.Headers = append(m.Headers, Header{name, value}) }

// Prepend puts a header line first.
func (m *Message) Prepend(name, value string) {
	m.Headers = append([]Header{{name, value}}, m.Headers...)
}

// Del removes all headers of that name.
func (m *Message) Del(name string) {
	kept := m.Headers[:0:0]
	for _, h := range m.Headers {
		if !strings.EqualFold(h.Name, name) {
			kept = append(kept, h)
		}
	}
	m.Headers = kept
}

// CSeq is the number and the method of the CSeq header; 0, "" where it is bad.
func (m *Message) CSeq() (int, string) {
	number, method, _ := strings.Cut(m.Get("CSeq"), " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0, ""
	}
	return n, strings.TrimSpace(method)
}

// Tag is the tag of the From or To header.
func (m *Message) Tag(header string) string { return HeaderParam(m.Get(header), "tag") }

// HeaderParam is a parameter of a From, To, Via or Contact value, outside of its <URI>.
func HeaderParam(value, name string) string {
	if i := strings.LastIndexByte(value, '>'); i >= 0 {
		value = value[i+1:]
	}
	return param(value, name)
}

// URIParam is a parameter of a URI.
func URIParam(uri, name string) string { return param(uri, name) }

func param(s, name string) string {
	parts := strings.Split(s, ";")
	for _, p := range parts[1:] {
		key, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			if value == "" {
				return " " // there, without a value
			}
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// URIOf is the URI of a name-addr or addr-spec, without brackets.
func URIOf(value string) string {
	if i := strings.IndexByte(value, '<'); i >= 0 {
		rest, _, _ := strings.Cut(value[i+1:], ">")
		return rest
	}
	uri, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(uri)
}

// HostPort is the host and port of a SIP URI or of a Via's sent-by; port 0 where absent.
func HostPort(uri string) (string, int) {
	if i := strings.IndexByte(uri, ' '); i >= 0 { // SIP/2.0/UDP host
		uri = strings.TrimSpace(uri[i:])
	}
	for _, scheme := range []string{"sips:", "sip:"} {
		uri = strings.TrimPrefix(uri, scheme)
	}
	uri, _, _ = strings.Cut(uri, ";")
	uri, _, _ = strings.Cut(uri, "?")
	if i := strings.LastIndexByte(uri, '@'); i >= 0 {
		uri = uri[i+1:]
	}
	if host, rest, ok := strings.Cut(strings.TrimPrefix(uri, "["), "]"); ok {
		port, _ := strconv.Atoi(strings.TrimPrefix(rest, ":"))
		return host, port
	}
	host, portText, _ := strings.Cut(uri, ":")
	port, _ := strconv.Atoi(portText)
	return host, port
}

// User is the user part of a SIP URI.
func User(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	user, _, ok := strings.Cut(rest, "@")
	if !ok {
		return ""
	}
	return user
}

// clone copies the message without its flow.
func (m *Message) clone() *Message {
	c := *m
	c.Headers = append([]Header(nil), m.Headers...)
	c.flow = nil
	return &c
}
