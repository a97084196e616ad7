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
// byte by byte costs no more than another. It sees lines as Message.Parse does.
type Framer struct {
	Max int // bytes that a message may have; 0 means MaxMessage

	line   int  // start of the header line that is being read
	seen   int  // bytes already searched for its end
	length int  // start of the Content-Length line; 0 none yet
	need   int  // size of the message whose header is complete; 0 unknown
	half   bool // the last item was a lone CRLF at the end of what was read
}

// Need returns the size in bytes of the message under way; 0 while its header is
// not complete.
func (f *Framer) Need() int { return f.need }

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
	if f.need == 0 {
		if err := f.header(buf); err != nil {
			return 0, FrameMessage, err
		}
	}
	if f.need == 0 || len(buf) < f.need {
		return 0, FrameMessage, nil
	}
	n = f.need
	f.line, f.seen, f.length, f.need = 0, 0, 0, 0
	return n, FrameMessage, nil
}

func (f *Framer) keepalive(buf []byte) (int, FrameKind, error) {
	switch {
	case len(buf) == 1:
		return 0, FrameMessage, nil
	case buf[1] != '\n':
		return 0, FrameMessage, &FrameError{What: "CR without LF between messages"}
	case f.half:
		f.half = false
		return 2, FramePing, nil
	case len(buf) >= 4 && string(buf[2:4]) == "\r\n":
		return 4, FramePing, nil
	}
	f.half = len(buf) == 2 || len(buf) == 3 && buf[2] == '\r'
	return 2, FramePong, nil
}

// header goes on through the lines of the header and, once it has seen the empty
// one, sets need.
func (f *Framer) header(buf []byte) error {
	if !is(buf[0], clToken) { // TLS on the wrong port, noise
		return &FrameError{What: "no SIP message"}
	}
	for {
		eol := bytes.IndexByte(buf[f.seen:], '\n')
		if eol < 0 {
			f.seen = len(buf)
			return f.tooLong(buf)
		}
		line := buf[f.line : f.seen+eol]
		start := f.line
		f.seen += eol + 1
		f.line = f.seen
		switch {
		case start == 0:
			if !isStartLine(line) {
				return &FrameError{What: "neither a request nor a status line"}
			}
		case len(line) == 0, len(line) == 1 && line[0] == '\r':
			return f.size(buf[:f.line])
		case isLength(line):
			if f.length != 0 {
				f.length = -1
			} else {
				f.length = start
			}
		}
	}
}

// tooLong ends a stream whose line or header is longer than anything that is sent.
func (f *Framer) tooLong(buf []byte) error {
	const longest = 8192 // no start line is longer, RFC 4475 3.1.1.7 included
	switch {
	case len(buf) > f.limit():
		return &FrameError{What: fmt.Sprintf("header of more than %d bytes", f.limit())}
	case f.line == 0 && len(buf) > longest:
		return &FrameError{What: "no start line"}
	}
	return nil
}

func (f *Framer) limit() int {
	if f.Max <= 0 || f.Max > MaxMessage {
		return MaxMessage
	}
	return f.Max
}

// size sets need to the size of the message that starts with this header. Without a
// Content-Length the end of a message on a stream is not known (RFC 3261 20.14).
func (f *Framer) size(header []byte) error {
	length := -1
	switch {
	case len(header) > f.limit():
		return &FrameError{What: fmt.Sprintf("header of more than %d bytes", f.limit()), Status: 513, Header: min(len(header), MaxMessage)}
	case f.length == 0:
		return &FrameError{What: "no Content-Length", Status: 400, Header: len(header)}
	case f.length > 0:
		length = lengthValue(header[f.length:])
	}
	switch {
	case length < 0:
		return &FrameError{What: "bad Content-Length", Status: 400, Header: len(header)}
	case len(header)+length > f.limit():
		return &FrameError{What: fmt.Sprintf("message of more than %d bytes", f.limit()), Status: 513, Header: len(header)}
	}
	f.need = len(header) + length
	return nil
}

// isStartLine: the last word of a request line, or the first of a status line,
// starts with SIP/. Parse looks closer.
func isStartLine(line []byte) bool {
	line = bytes.TrimRight(line, " \t\r")
	word := line[bytes.LastIndexByte(line, ' ')+1:]
	return len(word) > 4 && EqualFoldString(word[:4], "SIP/") || len(line) > 4 && EqualFoldString(line[:4], "SIP/")
}

// isLength tells a Content-Length line, full or compact.
func isLength(line []byte) bool {
	if c := lower(line[0]); c != 'l' && c != 'c' {
		return false
	}
	colon := bytes.IndexByte(line, ':')
	return colon > 0 && ParseHeaderName(bytes.TrimRight(line[:colon], " \t")) == HdrContentLength
}

// lengthValue reads the number of the header line, with its folds, that starts b; -1
// when it is none.
func lengthValue(b []byte) int {
	end := 0
	for {
		end += bytes.IndexByte(b[end:], '\n') + 1 // the header ends in LF
		if end == len(b) || (b[end] != ' ' && b[end] != '\t') {
			break
		}
	}
	n, ok := ParseUint(trim(b[bytes.IndexByte(b, ':')+1 : end]))
	if !ok || n > MaxMessage {
		return -1
	}
	return int(n)
}
