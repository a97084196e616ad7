package flood

import (
	"bytes"
	"strconv"
)

// field gives the value of the first header of that name, which is written as all
// sides here write it.
func field(m []byte, name string) []byte {
	var buf [32]byte
	key := append(append(append(buf[:0], "\r\n"...), name...), ": "...)
	at := bytes.Index(m, key)
	if at < 0 {
		return nil
	}
	value, _, _ := bytes.Cut(m[at+len(key):], []byte("\r\n"))
	return value
}

// fields appends all values of a header, in order or from the last to the first.
func fields(m []byte, name string, backwards bool) (all [][]byte) {
	head, _, _ := bytes.Cut(m, []byte("\r\n\r\n"))
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		value, ok := bytes.CutPrefix(line, []byte(name+": "))
		switch {
		case !ok:
		case backwards:
			all = append([][]byte{value}, all...)
		default:
			all = append(all, value)
		}
	}
	return all
}

// status is a response's code; 0 for a request.
func status(m []byte) int {
	if len(m) < 12 || string(m[:8]) != "SIP/2.0 " {
		return 0
	}
	n, _ := strconv.Atoi(string(m[8:11]))
	return n
}

// uri is what stands in angle brackets.
func uri(value []byte) []byte {
	_, rest, ok := bytes.Cut(value, []byte("<"))
	if !ok {
		return value
	}
	inside, _, _ := bytes.Cut(rest, []byte(">"))
	return inside
}

// answer builds a response to a request.
func answer(dst, m []byte, code, contact string) []byte {
	dst = append(dst, "SIP/2.0 "...)
	dst = append(dst, code...)
	for _, name := range [...]string{"Via", "Record-Route", "From", "To", "Call-ID", "CSeq"} {
		for _, v := range fields(m, name, false) {
			dst = append(append(append(append(dst, "\r\n"...), name...), ": "...), v...)
			if name == "To" && !bytes.Contains(v, []byte(";tag=")) {
				dst = append(dst, ";tag=callee"...)
			}
		}
	}
	dst = append(dst, "\r\nContact: "...)
	dst = append(dst, contact...)
	return append(dst, "\r\nContent-Length: 0\r\n\r\n"...)
}

// offer is a body such as phones send.
const offer = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 8 101\r\n" +
	"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
