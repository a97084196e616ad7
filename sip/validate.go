package sip

import "bytes"

// Drop is the Status of a Verdict for which no answer can or may be built.
const Drop = -1

// Verdict is what Validate says: Status 0 is fine, 4xx and 5xx are to be answered,
// Drop is silence. Reason fits the status line and logs; Off is the byte of the
// message where the fault was seen.
type Verdict struct {
	Status int
	Reason string
	Off    uint16
}

// fault is a verdict in the making: nothing wrong while reason is empty.
type fault struct {
	status int
	reason string
	off    uint16
}

// Validate judges a parsed message as a proxy must (RFC 3261 16.3, 8.2, 18.1.2,
// 18.3; RFC 4475; RFC 5118), by its form only: what it asks for is not looked at,
// and unknown methods, headers, parameters, bodies and URI schemes in header fields
// pass. 420, 483, 482, 415 and the like are others' business.
//
// A bad response and a bad ACK are dropped, since neither is answered (RFC 3261
// 18.1.2, 17.1.1.3). A bad request is dropped when an answer would not find its
// client transaction, which takes a Via and a CSeq (RFC 3261 17.1.3); what else is
// missing is left out of the 400 (RFC 4475 3.3.1).
func Validate(m *Message) Verdict {
	f := m.firstFault()
	if f.reason == "" {
		return Verdict{}
	}
	if !m.request || m.method == ACK || !m.hasVia || m.first[HdrCSeq] == 0 {
		f.status = Drop
	}
	return Verdict{Status: f.status, Reason: f.reason, Off: f.off}
}

// firstFault runs the checks in the order in which they say most: a wrong version
// explains everything behind it.
func (m *Message) firstFault() fault {
	if m.flaws != 0 {
		if f := m.worstFlaw(); f.reason != "" {
			return f
		}
	}
	if f := m.missingField(); f.reason != "" {
		return f
	}
	if m.request {
		if f := m.checkRequest(); f.reason != "" {
			return f
		}
	} else if f := m.checkResponse(); f.reason != "" {
		return f
	}
	return m.checkAddresses()
}

// flawFaults says what each flaw of Parse means, the most telling first.
var flawFaults = [...]struct {
	flaw   Flaw
	status int
	reason string
}{
	{FlawVersion, 505, "Version Not Supported"},          // RFC 4475 3.1.2.16
	{FlawStartLine, 400, "Bad Start Line"},               // RFC 4475 3.1.2.8, 9, 10, 19
	{FlawFields, 513, "Too Many Header Fields"},          //
	{FlawBareCR, 400, "CR Without LF"},                   // RFC 3261 7.3.1, 25.1
	{FlawBareLF, 400, "LF Without CR"},                   //
	{FlawControl, 400, "Control Character in Header"},    //
	{FlawBadLine, 400, "Bad Header Line"},                //
	{FlawNoEnd, 400, "No Empty Line After Headers"},      // RFC 3261 7
	{FlawLength, 400, "Bad Content-Length"},              // RFC 4475 3.1.2.3, 3.3.9
	{FlawDuplicate, 400, "Duplicate Header Field"},       // RFC 4475 3.3.8
	{FlawShort, 400, "Body Shorter Than Content-Length"}, // RFC 3261 18.3, RFC 4475 3.1.2.2
}

func (m *Message) worstFlaw() fault {
	for i := range flawFaults {
		if f := &flawFaults[i]; m.flaws&f.flaw != 0 {
			return fault{f.status, f.reason, m.flawAt[f.flaw.index()]}
		}
	}
	return fault{}
}

// missingField asks for the fields of RFC 3261 8.1.1, but for Max-Forwards, which
// RFC 2543 did not have (RFC 4475 3.4).
func (m *Message) missingField() fault {
	switch {
	case m.first[HdrVia] == 0:
		return m.bad("No Via", m.endHdr)
	case !m.hasVia:
		return m.badField("Bad Via", HdrVia)
	case m.first[HdrFrom] == 0:
		return m.bad("No From", m.endHdr)
	case m.first[HdrTo] == 0:
		return m.bad("No To", m.endHdr)
	case m.first[HdrCSeq] == 0:
		return m.bad("No CSeq", m.endHdr)
	case m.first[HdrCallID] == 0:
		return m.bad("No Call-ID", m.endHdr)
	case !m.cseqOK || m.cseq >= 1<<31: // RFC 3261 8.1.1.5, RFC 4475 3.1.2.4
		return m.badField("Bad CSeq", HdrCSeq)
	case !printable(m.CallID()):
		return m.badField("Bad Call-ID", HdrCallID)
	case m.maxForwards == -2: // RFC 3261 20.22
		return m.badField("Bad Max-Forwards", HdrMaxForwards)
	}
	return fault{}
}

func (m *Message) bad(reason string, off uint16) fault { return fault{400, reason, off} }

func (m *Message) badField(reason string, id HeaderID) fault {
	return fault{400, reason, m.First(id).Value.Off}
}

// printable: not empty, no white space, no control characters. The grammar allows
// less, the field sends more; such a value is compared and copied, never read.
func printable(b []byte) bool {
	return len(b) > 0 && bytes.IndexByte(b, ' ') < 0 && nextControl(b, 0) == len(b)
}

func (m *Message) checkRequest() fault {
	var uri URI
	switch {
	case uri.parse(m.Slice(m.uri)) != nil: // RFC 4475 3.1.2.7, 8; RFC 5118 4.2
		return m.bad("Bad Request-URI", m.uri.Off)
	case uri.Scheme == SchemeOther: // RFC 3261 16.3 step 2, RFC 4475 3.3.2, 3.3.3
		return fault{416, "Unsupported URI Scheme", m.uri.Off}
	case uri.Headers != nil: // RFC 3261 19.1.1 table 1, RFC 4475 3.1.2.11
		return m.bad("Headers in Request-URI", m.uri.Off)
	case m.method != m.cseqMethod || m.method == MethodOther && !bytes.Equal(m.Slice(m.methodAt), m.Slice(m.cseqName)):
		return m.badField("CSeq Method Mismatch", HdrCSeq) // RFC 4475 3.1.2.17, 18
	}
	return m.checkVias()
}

// checkVias reads all Vias: they go into our answers and to the next hop.
func (m *Message) checkVias() fault {
	if f := m.checkVia(&m.via); f.reason != "" {
		return f
	}
	it := m.Elements(HdrVia)
	it.Next()
	for {
		elem, ok := it.Next()
		if !ok {
			return fault{}
		}
		v, err := ParseVia(elem)
		if err != nil {
			return m.bad("Bad Via", m.SpanOf(elem).Off)
		}
		if f := m.checkVia(&v); f.reason != "" {
			return f
		}
	}
}

// checkVia looks for bad parameters, such as an empty one (RFC 4475 3.1.2.1) or a
// second branch, and for a branch that is nothing but the cookie (RFC 4475 3.2.1).
func (m *Message) checkVia(v *Via) fault {
	const cookie = "z9hG4bK"
	switch {
	case v.odd:
		return m.bad("Bad Via Parameter", m.SpanOf(v.Elem).Off)
	case EqualFoldString(v.Branch, cookie):
		return m.bad("Bad Via Branch", m.SpanOf(v.Elem).Off)
	}
	return fault{}
}

// checkResponse: a response whose next Via is the broadcast address would be sent
// to everybody (RFC 4475 3.3.10).
func (m *Message) checkResponse() fault {
	it := m.Elements(HdrVia)
	it.Next()
	elem, ok := it.Next()
	if !ok {
		return fault{}
	}
	v, err := ParseVia(elem)
	if err != nil {
		return m.bad("Bad Via", m.SpanOf(elem).Off)
	}
	if string(v.Host) == "255.255.255.255" || string(v.Received) == "255.255.255.255" {
		return m.bad("Via Is the Broadcast Address", m.SpanOf(elem).Off)
	}
	return fault{}
}

// checkAddresses reads the addresses that route, name the parties or end in a
// target: From, To, Contact, Route, Record-Route.
func (m *Message) checkAddresses() fault {
	if m.fromOdd {
		return m.badField("Bad From", HdrFrom)
	}
	if m.toOdd {
		return m.badField("Bad To", HdrTo)
	}
	for _, id := range [...]HeaderID{HdrContact, HdrRoute, HdrRecordRoute} {
		if m.first[id] == 0 {
			continue
		}
		it := m.Elements(id)
		for {
			elem, ok := it.Next()
			if !ok {
				break
			}
			if id == HdrContact && string(elem) == "*" {
				continue
			}
			if !goodAddress(elem, id != HdrContact) {
				return m.bad(addressFaults[id], m.fields[it.Field()].Value.Off)
			}
		}
	}
	return fault{}
}

// addressFaults: the reasons of checkAddresses.
var addressFaults = [headerIDs]string{
	HdrContact: "Bad Contact", HdrRoute: "Bad Route", HdrRecordRoute: "Bad Record-Route",
}

// goodAddress is the strict reading of what ParseNameAddr lets pass. A Route must
// be in < > (RFC 3261 20.34).
func goodAddress(b []byte, bracketed bool) bool {
	b = trim(b)
	var n NameAddr
	if n.parse(b) != nil || bracketed && !n.Bracketed || !n.strict(b) {
		return false
	}
	_, good := n.tag()
	return good
}

// strict judges what stands before the parameters. n is b, which is trimmed.
func (n *NameAddr) strict(b []byte) bool {
	if !goodDisplay(b, n) {
		return false
	}
	var uri URI
	if uri.parse(n.URI) != nil { // white space in < > too: RFC 4475 3.1.2.14
		return false
	}
	return n.Bracketed || bytes.IndexByte(n.URI, '?') < 0 // RFC 3261 20.10, RFC 4475 3.1.2.13
}

// tag returns the value of the first tag, and whether that is the only one and all
// parameters are well formed.
func (n *NameAddr) tag() (tag []byte, good bool) {
	good = true
	tags := 0
	s := paramScan{b: n.Params}
	for s.next() {
		good = good && s.wellFormed()
		if len(s.name) == 3 && EqualFoldString(s.name, "tag") {
			if tags++; tags == 1 {
				tag = unquote(s.value)
			}
			good = good && printable(s.value)
		}
	}
	return tag, good && tags <= 1
}

// goodDisplay: a quoted string and nothing but white space behind it, or tokens
// (RFC 4475 3.1.2.15); bytes of UTF-8 are let through, since many phones send names
// without quotes. Behind the > nothing but parameters. n is b, which is trimmed.
func goodDisplay(b []byte, n *NameAddr) bool {
	if !n.Bracketed {
		return true
	}
	uri := cap(b) - cap(n.URI) // where it starts in b
	if after := skipLWS(b, uri+len(n.URI)+1); after < len(b) && b[after] != ';' {
		return false
	}
	if b[0] == '"' {
		quote := cap(b) - cap(n.Display) + len(n.Display)
		return skipLWS(b, quote+1) == uri-1
	}
	for _, c := range b[:uri-1] {
		if c < 0x80 && !is(c, clToken|clLWS) {
			return false
		}
	}
	return true
}

// wellFormed: token [ "=" ( token / host / quoted-string ) ]. Values are not held to
// their grammars; what cannot stand in any of them is refused.
func (s *paramScan) wellFormed() bool {
	switch {
	case !all(s.name, clToken):
		return false
	case s.value == nil:
		return true
	case len(s.value) == 0:
		return false
	case s.plain:
		return true
	case s.value[0] == '"':
		return closingQuote(s.value, 0) == len(s.value)-1
	}
	for _, c := range s.value {
		if !is(c, clPlain) && c != '=' {
			return false
		}
	}
	return true
}
