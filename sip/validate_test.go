package sip

import (
	"net/netip"
	"strings"
	"testing"
)

// good is a plain request; the tests below spoil it line by line. Lines end in \n
// here and in CRLF on the wire; a test that wants a bare LF writes <LF>.
const good = `INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1
Max-Forwards: 70
From: "Alice" <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: 1@192.0.2.1
CSeq: 1 INVITE
Contact: <sip:alice@192.0.2.1>
Content-Length: 0

`

const answer = `SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1
From: "Alice" <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>;tag=b1
Call-ID: 1@192.0.2.1
CSeq: 1 INVITE
Content-Length: 0

`

func onWire(s string) []byte {
	s = strings.ReplaceAll(s, "\n", "\r\n")
	return []byte(strings.ReplaceAll(s, "<LF>", "\n"))
}

// TestValidate replaces one part of a good message by another one.
func TestValidate(t *testing.T) {
	const via, from, to = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\n", "From: \"Alice\" <sip:alice@example.com>;tag=a1\n", "To: <sip:bob@example.com>\n"
	const contact, cseq, callID, length = "Contact: <sip:alice@192.0.2.1>\n", "CSeq: 1 INVITE\n", "Call-ID: 1@192.0.2.1\n", "Content-Length: 0\n"
	for _, c := range []struct {
		name, old, with string
		status          int
	}{
		{"as it is", "", "", 0},

		// Lines and bytes: RFC 3261 7.3.1, 25.1.
		{"bare CR in a value", "Alice", "Ali\rce", 400},
		{"bare CR before a header", contact, "Subject: x\rX-Evil: 1\n" + contact, 400},
		{"bare CR at the end of a line", contact, "Subject: x\r\n" + contact, 400},
		{"bare LF ends a line", contact, "Subject: x<LF>" + contact, 400},
		{"bare LF and a smuggled header", contact, "Subject: x<LF>Route: <sip:evil.example>\n" + contact, 400},
		{"bare LF, folded", contact, "Subject: x<LF> y\n" + contact, 400},
		{"only LFs", "\n", "<LF>", 400},
		{"NUL in a value", "Alice", "Al\x00ce", 400},
		{"NUL in an unknown header", contact, "X-A: \x00\n" + contact, 400},
		{"escape sequence in a header", contact, "User-Agent: \x1b[31mred\n" + contact, 400},
		{"DEL", contact, "Subject: \x7f\n" + contact, 400},
		{"control in a quoted pair", "Alice", "Al\\\x07ice", 0},
		{"control in quotes, no pair", "Alice", "Al\x07ice", 400},
		{"backslash and control outside of quotes", contact, "Subject: \\\x07\n" + contact, 400},
		{"tab as white space", "CSeq: 1 INVITE", "CSeq:\t1\tINVITE", 0},
		{"UTF-8", "Alice", "Алиса", 0},
		{"UTF-8 without quotes", "\"Alice\"", "Алиса", 0},

		// Names: HCOLON = *( SP / HTAB ) ":" SWS, so white space before the colon is
		// legal (RFC 4475 3.1.1.1 has it), but not a fold, and none inside a name.
		{"space before the colon", "Call-ID:", "Call-ID :", 0},
		{"tab before the colon", "Content-Length:", "Content-Length\t :", 0},
		{"fold before the colon", "Call-ID:", "Call-ID\n :", 400},
		{"space in a name", contact, "X Y: 1\n" + contact, 400},
		{"no name", contact, ": 1\n" + contact, 400},
		{"no colon", contact, "nothing\n" + contact, 400},
		{"first header line starts with white space", via, " " + via, Drop},
		{"no empty line", length + "\n", length, 400},
		{"cut in a line", length + "\n", "Content-Len", 400},
		{"folds", "\"Alice\"", "\n \"Alice\"\n\t", 0},

		// Required and single fields: RFC 3261 8.1.1, 20.
		{"no Via", via, "", Drop},
		{"bad Via", "SIP/2.0/UDP 192.0.2.1:5060", "SIP/2.0/UDP", Drop},
		{"bad Via port", "192.0.2.1:5060", "192.0.2.1:50600000", Drop},
		{"no From", from, "", 400},
		{"no To", to, "", 400},
		{"no Call-ID", callID, "", 400},
		{"no CSeq", cseq, "", Drop},
		{"no Max-Forwards", "Max-Forwards: 70\n", "", 0},
		{"no Contact", contact, "", 0},
		{"no Content-Length", length, "", 0},
		{"empty Call-ID", "1@192.0.2.1\nCSeq", "\nCSeq", 400},
		{"space in Call-ID", "1@192.0.2.1\nCSeq", "1 @192.0.2.1\nCSeq", 400},
		{"two To", to, to + to, 400},
		{"two From, one compact", from, from + "f: <sip:eve@example.com>;tag=e\n", 400},
		{"two Call-IDs", callID, callID + "i: 2\n", 400},
		{"two CSeqs", cseq, cseq + cseq, 400},
		{"two Max-Forwards", "Max-Forwards: 70\n", "Max-Forwards: 70\nMax-Forwards: 70\n", 400},
		{"two User-Agents", contact, "User-Agent: a\nUser-Agent: b\n" + contact, 0},

		// Content-Length: RFC 3261 18.3, 20.14.
		{"two Content-Lengths, equal", length, length + length, 400},
		{"two Content-Lengths, different", length, length + "l: 5\n", 400},
		{"negative", length, "Content-Length: -1\n", 400},
		{"signed", length, "Content-Length: +0\n", 400},
		{"hexadecimal", length, "Content-Length: 0x0\n", 400},
		{"empty", length, "Content-Length:\n", 400},
		{"list", length, "Content-Length: 0, 0\n", 400},
		{"huge", length, "Content-Length: 99999999999999999999\n", 400},
		{"65536", length, "Content-Length: 65536\n", 400},
		{"more than there is", length, "Content-Length: 1\n", 400},
		{"leading zeros", length, "Content-Length: 0000\n", 0},
		{"folded", length, "Content-Length:\n 0\n", 0},

		// Start line: RFC 3261 7.1, 16.3.
		{"SIP version in lower case", "SIP/2.0\nVia", "sip/2.0\nVia", 0},
		{"SIP/3.0", "SIP/2.0\nVia", "SIP/3.0\nVia", 505},
		{"SIP/2", "SIP/2.0\nVia", "SIP/20\nVia", 400},
		{"method in lower case", "INVITE sip", "invite sip", 400}, // which is another one
		{"tel", "sip:bob@example.com SIP", "tel:+39-040-123;phone-context=x SIP", 0},
		{"sips", "sip:bob@example.com SIP", "sips:bob@example.com SIP", 0},
		{"scheme in capitals", "sip:bob@example.com SIP", "SIP:bob@example.com SIP", 0},
		{"http", "sip:bob@example.com SIP", "http://example.com SIP", 416},
		{"no scheme", "sip:bob@example.com SIP", "bob@example.com SIP", 400},
		{"empty tel", "sip:bob@example.com SIP", "tel: SIP", 400},
		{"no host", "sip:bob@example.com SIP", "sip:bob@ SIP", 400},
		{"two @", "sip:bob@example.com SIP", "sip:bob@evil@example.com SIP", 400},
		{"no user before @", "sip:bob@example.com SIP", "sip:@example.com SIP", 400},
		{"broken escape", "sip:bob@example.com SIP", "sip:bob%4@example.com SIP", 400},
		{"port 65536", "bob@example.com SIP", "bob@example.com:65536 SIP", 400},
		{"port and letters", "bob@example.com SIP", "bob@example.com:5060x SIP", 400},
		{"no port after the colon", "bob@example.com SIP", "bob@example.com: SIP", 400},
		{"IPv6", "example.com SIP", "[2001:db8::1]:5060 SIP", 0},
		{"IPv6 not ended", "example.com SIP", "[2001:db8::1 SIP", 400},
		{"IPv6 of nine groups", "example.com SIP", "[1:2:3:4:5:6:7:8:9] SIP", 400},
		{"quote in the URI", "bob@example.com SIP", "b\"ob@example.com SIP", 400},
		{"8-bit in the URI", "bob@example.com SIP", "b\xc3\xb6b@example.com SIP", 400},

		// CSeq, Max-Forwards.
		{"CSeq of another method", cseq, "CSeq: 1 BYE\n", 400},
		{"CSeq without a method", cseq, "CSeq: 1\n", 400},
		{"CSeq without a number", cseq, "CSeq: INVITE\n", 400},
		{"CSeq glued", cseq, "CSeq: 1INVITE\n", 400},
		{"negative CSeq", cseq, "CSeq: -1 INVITE\n", 400},
		{"CSeq 2^31-1", cseq, "CSeq: 2147483647 INVITE\n", 0},
		{"CSeq 2^31", cseq, "CSeq: 2147483648 INVITE\n", 400},
		{"Max-Forwards 256", "Max-Forwards: 70", "Max-Forwards: 256", 400},
		{"Max-Forwards -1", "Max-Forwards: 70", "Max-Forwards: -1", 400},

		// Addresses.
		{"From without <", from, "From: sip:alice@example.com;tag=a1\n", 0},
		{"From without a tag", ";tag=a1", "", 0},
		{"two tags", ";tag=a1", ";tag=a1;tag=a2", 400},
		{"empty tag", ";tag=a1", ";tag=", 400},
		{"tag without a value", ";tag=a1", ";tag", 400},
		{"From without >", "example.com>;tag", "example.com;tag", 400},
		{"text behind >", ">;tag=a1", "> x;tag=a1", 400},
		{"text between quote and <", "\"Alice\" <", "\"Alice\" x <", 400},
		{"two addresses in From", from, "From: <sip:a@example.com>, <sip:b@example.com>;tag=1\n", 400},
		{"semicolon in an unquoted name", "\"Alice\"", "Ali;ce", 400},
		{"From is empty", from, "From:\n", 400},
		{"From is no URI", from, "From: <alice>;tag=1\n", 400},
		{"empty < >", from, "From: <>;tag=1\n", 400},
		{"tel in From", "sip:alice@example.com", "tel:+39040123", 0},
		{"broken tel in From", "sip:alice@example.com", "tel:+39 040", 400},
		{"Contact *", "<sip:alice@192.0.2.1>", "*", 0},
		{"several Contacts", contact, contact + "m: sip:b@192.0.2.2, \"a, b\" <sip:c@192.0.2.3;x=y,z>\n", 0},
		{"empty Contact element", "<sip:alice@192.0.2.1>", "<sip:alice@192.0.2.1>,", 400},
		{"Route", contact, "Route: <sip:192.0.2.9;lr>, <sip:192.0.2.10;lr>;x=y\n" + contact, 0},
		{"Route without <", contact, "Route: sip:192.0.2.9;lr\n" + contact, 400},
		{"empty Route", contact, "Route:\n" + contact, 400},
		{"Record-Route broken", contact, "Record-Route: <sip:192.0.2.9;lr\n" + contact, 400},

		// Via.
		{"second Via broken", via, via + "Via: SIP/2.0/UDP\n", 400},
		{"second Via of another line broken", via, via + "Via: SIP/2.0/UDP a, SIP/2.0\n", 400},
		{"two branches", ";branch=z9hG4bK1", ";branch=z9hG4bK1;branch=z9hG4bK2", 400},
		{"bare cookie", ";branch=z9hG4bK1", ";branch=Z9HG4BK", 400},
		{"branch without a value", ";branch=z9hG4bK1", ";branch", 400},
		{"Via parameter without a name", ";branch", ";=x;branch", 400},
		{"Via parameter with a comma in quotes", ";branch", ";x=\"a,b;c\";branch", 0},
		{"Via parameter with a quote not ended", ";branch", ";x=\"a;branch", 400},
		{"RFC 2543 branch", ";branch=z9hG4bK1", ";branch=1", 0},
		{"no branch", ";branch=z9hG4bK1", "", 0},
		{"rport", ";branch", ";rport;branch", 0},
		{"bad rport", ";branch", ";rport=x;branch", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := good
			if c.name == "only LFs" {
				text = strings.ReplaceAll(good, c.old, c.with)
			} else if c.old != "" {
				if !strings.Contains(good, c.old) {
					t.Fatalf("the good message has no %q", c.old)
				}
				text = strings.Replace(good, c.old, c.with, 1)
			}
			if v := Validate(mustParse(t, onWire(text))); v.Status != c.status {
				t.Errorf("verdict %+v, want %d\n%q", v, c.status, text)
			}
		})
	}
}

// TestValidateDrops: what is never answered.
func TestValidateDrops(t *testing.T) {
	for name, text := range map[string]string{
		"bad ACK":                    strings.ReplaceAll(strings.Replace(good, "Call-ID: 1@192.0.2.1\n", "", 1), "INVITE", "ACK"),
		"response without To":        strings.Replace(answer, "To: <sip:bob@example.com>;tag=b1\n", "", 1),
		"response with a bare CR":    strings.Replace(answer, "OK", "O\rK", 1),
		"response of SIP/3.0":        strings.Replace(answer, "SIP/2.0 200", "SIP/3.0 200", 1),
		"status 99":                  strings.Replace(answer, "200", "099", 1),
		"status 700":                 strings.Replace(answer, "200", "700", 1),
		"status 2000":                strings.Replace(answer, "200", "2000", 1),
		"response with broken Via 2": strings.Replace(answer, "From", "Via: SIP\nFrom", 1),
		"response to broadcast":      strings.Replace(answer, "From", "Via: SIP/2.0/UDP x;received=255.255.255.255\nFrom", 1),
		"response, body too short":   strings.Replace(answer, "Content-Length: 0", "Content-Length: 7", 1),
	} {
		if v := Validate(mustParse(t, onWire(text))); v.Status != Drop {
			t.Errorf("%s: verdict %+v, want Drop", name, v)
		}
	}
	if v := Validate(mustParse(t, onWire(answer))); v.Status != 0 {
		t.Errorf("a good response: %+v", v)
	}
}

// TestTooManyFields: more header lines than are indexed are not guessed at.
func TestTooManyFields(t *testing.T) {
	text := strings.Replace(good, "Content-Length", strings.Repeat("X-A: 1\n", MaxFields)+"Content-Length", 1)
	m := mustParse(t, onWire(text))
	if v := Validate(m); v.Status != 513 || m.FieldCount() != MaxFields {
		t.Errorf("%+v with %d fields", v, m.FieldCount())
	}
}

// TestVerdictOffset: the offset points at the fault.
func TestVerdictOffset(t *testing.T) {
	text := onWire(strings.Replace(good, "Alice", "Al\x00ce", 1))
	if v := Validate(mustParse(t, text)); text[v.Off] != 0 {
		t.Errorf("%+v points at %q", v, text[v.Off:])
	}
	text = onWire(strings.Replace(good, "CSeq: 1", "CSeq: x", 1))
	if v := Validate(mustParse(t, text)); text[v.Off] != 'x' {
		t.Errorf("%+v points at %q", v, text[v.Off:])
	}
}

// TestAnswerIsClean: an answer to a message with bare CRs carries none of them.
func TestAnswerIsClean(t *testing.T) {
	text := strings.Replace(good, "Alice", "Ali\rce", 1)
	text = strings.Replace(text, "z9hG4bK1", "z9hG4bK1;x=\r1", 1)
	text = strings.Replace(text, "To: ", "To:\n ", 1)
	for _, src := range []netip.AddrPort{{}, netip.MustParseAddrPort("192.0.2.77:5060")} {
		r := Response{Status: 400, Received: src}
		m := mustParse(t, r.Append(nil, mustParse(t, onWire(text))))
		if m.Tainted() {
			t.Errorf("%q", m.Bytes())
		}
	}
}
