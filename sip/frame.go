package sip

import (
	"bytes"
	"fmt"
)

// FrameKind says what Framer.Next found.
type FrameKind uint8

// The items of a stream.
const (
	FrameMessage FrameKind = iota // a whole message, headers and body
	FramePing                     // CRLFCRLF, to be answered by CRLF (RFC 5626 4.4.1)
	FramePong                     // CRLF: the answer to a ping, or an empty line between messages
)

// FrameError ends a stream: where its next message starts cannot be known.
type FrameError struct {
	What   string
	Status int // what to answer before closing; 0: nothing can be answered
	Header int // the first bytes that hold the whole header, to parse and answer; 0: none
}

func (e *FrameError) Error() string {
	if e.Status == 0 {
		return "bad SIP stream: " + e.What
	}
	return fmt.Sprintf("bad SIP stream: %s (answer %d)", e.What, e.Status)
}

// Framer cuts a stream into messages (RFC 3261 18.3) and keepalives. One Framer
// serves one stream; it remembers how far it has looked, so that a peer that sends
// byte by byte costs no more than another.
type Framer struct {
	Max int // bytes that a message may have; 0 means MaxMessage

	seen int  // bytes already searched for the end of the header
	need int  // size of the message whose header is complete; 0 unknown
	half bool // the last item was a lone CRLF at the end of what was read
}

// Next looks at buf, the unread bytes of the stream. n > 0: the first n bytes are
// one item of that kind, and the next call gets what follows them. n == 0: more
// bytes are needed. An error (*FrameError) is final.
//
// A lone CRLF at the end of buf is given as FramePong at once, since pongs come
// alone; should it be the first half of a ping, the second half is given as FramePing.
func (f *Framer) Next(buf []byte) (n int, kind FrameKind, err error) {
	if len(buf) == 0 {
		return 0, FrameMessage, nil
	}
	if buf[0] == '\r' && f.seen == 0 {
		return f.keepalive(buf)
	}
	f.half = false
	limit := f.Max
	if limit <= 0 || limit > MaxMessage {
		limit = MaxMessage
	}
	if f.need == 0 {
		if err := f.header(buf, limit); err != nil {
			return 0, FrameMessage, err
		}
	}
	if f.need == 0 || len(buf) < f.need {
		return 0, FrameMessage, nil
	}
	n = f.need
	f.seen, f.need = 0, 0
	return n, FrameMessage, nil
}

func (f *Framer) keepalive(buf []byte) (int, FrameKind, error) {
	switch {
	case len(buf) == 1, len(buf) == 3 && string(buf) == "\r\n\r":
		return 0, FrameMessage, nil
	case buf[1] != '\n':
		return 0, FrameMessage, &FrameError{What: "CR without LF between messages"}
	case f.half:
		f.half = false
		return 2, FramePing, nil
	case len(buf) >= 4 && string(buf[2:4]) == "\r\n":
		return 4, FramePing, nil
	}
	f.half = len(buf) == 2
	return 2, FramePong, nil
}

// header looks for the end of the header and, once it is there, for the length.
func (f *Framer) header(buf []byte, limit int) error {
	if f.seen == 0 {
		if !is(buf[0], clToken) {
			return &FrameError{What: "no SIP message"}
		}
	}
	end := bytes.Index(buf[f.seen:], []byte("\r\n\r\n"))
	if end < 0 {
		f.seen = max(len(buf)-3, 1)
		if len(buf) > limit {
			return &FrameError{What: fmt.Sprintf("header of more than %d bytes", limit)}
		}
		return checkFirstLine(buf)
	}
	header := f.seen + end + 4
	if err := checkFirstLine(buf); err != nil {
		return err
	}
	if header > limit {
		return &FrameError{What: fmt.Sprintf("header of more than %d bytes", limit)}
	}
	length := contentLength(buf[:header-2])
	switch {
	case length == -1:
		return &FrameError{What: "no Content-Length", Status: 400, Header: header}
	case length < 0:
		return &FrameError{What: "bad Content-Length", Status: 400, Header: header}
	case header+length > limit:
		return &FrameError{What: fmt.Sprintf("message of more than %d bytes", limit), Status: 513, Header: header}
	}
	f.need = header + length
	return nil
}

// checkFirstLine ends a stream that is not SIP (HTTP, TLS on the wrong port) before
// it fills a buffer.
func checkFirstLine(buf []byte) error {
	const longest = 8192 // no start line is longer, RFC 4475 3.1.1.7 included
	eol := bytes.IndexByte(buf, '\n')
	if eol < 0 {
		if len(buf) > longest {
			return &FrameError{What: "no start line"}
		}
		return nil
	}
	line := buf[:eol]
	if len(line) > 4 && EqualFoldString(line[:4], "SIP/") {
		return nil
	}
	if i := bytes.LastIndex(line, []byte(" ")); i < 0 || !bytes.Contains(line, []byte("/")) {
		return &FrameError{What: "neither a request nor a status line"}
	}
	return nil
}

// contentLength finds the length in a header; -1 when absent, -2 when it is no
// number or two differ.
func contentLength(header []byte) int {
	length := -1
	for {
		eol := bytes.IndexByte(header, '\n')
		if eol < 0 || eol+1 >= len(header) {
			return length
		}
		header = header[eol+1:]
		if c := lower(header[0]); c != 'l' && c != 'c' {
			continue
		}
		if n, ok := lengthLine(header); ok {
			if n < 0 || length >= 0 && n != length {
				return -2
			}
			length = n
		}
	}
}

// lengthLine reads the value if the line that starts header is a Content-Length. It
// sees lines, folds and names as Parse does.
func lengthLine(header []byte) (n int, ok bool) {
	end := logicalLine(header)
	colon := bytes.IndexByte(header[:end], ':')
	if colon < 0 {
		return 0, false
	}
	name := bytes.TrimRight(header[:colon], " \t")
	if ParseHeaderName(name) != HdrContentLength {
		return 0, false
	}
	v, number := ParseUint(trim(header[colon+1 : end]))
	if !number || v > 1<<30 {
		return -2, true
	}
	return int(v), true
}

// logicalLine returns the length of the first line of b with its folds.
func logicalLine(b []byte) int {
	end := 0
	for {
		eol := bytes.IndexByte(b[end:], '\n')
		if eol < 0 {
			return len(b)
		}
		end += eol + 1
		if end == len(b) || (b[end] != ' ' && b[end] != '\t') {
			return end
		}
	}
}
