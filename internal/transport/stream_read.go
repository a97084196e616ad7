package transport

import (
	"errors"
	"io"
	"net"
	"time"

	"tollgate/sip"
)

const (
	smallBuffer = 4096  // of a connection that rests
	largeBuffer = 16384 // beyond which the buffer is let go when it is empty
)

// lingerFor is how long the end of a stream that was refused is waited for.
const lingerFor = time.Second

// read hands up what arrives until the connection ends, and tells the handler.
func (s *stream) read() {
	err := s.readAll()
	s.end(err)
	s.t.handler.Closed(s.flow, *s.reason.Load())
}

func (s *stream) conn() net.Conn {
	if s.tls != nil {
		return s.tls
	}
	return s.tcp
}

// streamBuffer holds the unread bytes of a stream.
type streamBuffer struct {
	buf        []byte
	start, end int
}

// room makes space for more of a message that may have max bytes.
func (b *streamBuffer) room(max int) {
	switch {
	case b.start == b.end:
		b.start, b.end = 0, 0
		if b.buf == nil || len(b.buf) > largeBuffer {
			b.buf = make([]byte, smallBuffer)
		}
	case b.end < len(b.buf):
	case b.start > 0:
		b.end = copy(b.buf, b.buf[b.start:b.end])
		b.start = 0
	default:
		bigger := make([]byte, min(2*len(b.buf), max+smallBuffer))
		b.end = copy(bigger, b.buf[b.start:b.end])
		b.start, b.buf = 0, bigger
	}
}

func (s *stream) readAll() error {
	conn, framer := s.conn(), sip.Framer{Max: s.t.cfg.MaxMessage}
	var b streamBuffer
	var deadline time.Time
	for {
		b.room(s.t.cfg.MaxMessage)
		if next := s.deadline(); next.Sub(deadline).Abs() > s.t.cfg.IdleTimeout/64 || !s.began.IsZero() {
			deadline = next
			_ = conn.SetReadDeadline(deadline) // Read says so
		}
		n, err := conn.Read(b.buf[b.end:])
		if n > 0 {
			b.end += n
			s.readNow()
			if err := s.take(&b, &framer); err != nil {
				return err
			}
		}
		switch {
		case err == nil:
		case !isTimeout(err):
			return closeReason(err)
		case !s.began.IsZero():
			return ErrSlow
		case !s.recentlyUsed():
			return ErrIdle
		default:
			deadline = time.Time{}
		}
	}
}

// deadline is when to give up: PartialMessageTimeout after an item began, which
// the first one of an inbound connection does with the connection, else
// IdleTimeout after the last traffic.
func (s *stream) deadline() time.Time {
	if !s.began.IsZero() {
		return s.began.Add(s.t.cfg.PartialMessageTimeout)
	}
	return time.Now().Add(s.t.cfg.IdleTimeout)
}

// take hands up what is complete and notes when what is not began.
func (s *stream) take(b *streamBuffer, framer *sip.Framer) error {
	done, err := s.items(b, framer)
	if err != nil {
		return err
	}
	switch {
	case b.start == b.end:
		s.began = time.Time{}
	case done > 0, s.began.IsZero():
		s.began = time.Now()
	}
	s.received = s.received || done > 0
	return nil
}

// recentlyUsed says that something was written within IdleTimeout.
func (s *stream) recentlyUsed() bool {
	return time.Since(time.Unix(0, s.used.Load())) < s.t.cfg.IdleTimeout
}

// items hands up all complete items in b and gives their number.
func (s *stream) items(b *streamBuffer, framer *sip.Framer) (done int, err error) {
	for b.start < b.end {
		n, kind, err := framer.Next(b.buf[b.start:b.end])
		if err != nil {
			s.refuse(b.buf[b.start:b.end], err)
			return done, err //nolint:wrapcheck // it says what was wrong with the stream
		}
		if n == 0 {
			return done, nil
		}
		item := b.buf[b.start : b.start+n]
		b.start += n
		done++
		switch kind {
		case sip.FrameMessage:
			s.serve(item, b.end-b.start)
		case sip.FramePing: // RFC 5626 4.4.1
			_ = s.send([]byte("\r\n")) // then the reader learns it too
		case sip.FramePong:
		}
	}
	return done, nil
}

// refuse answers a request after which nothing more can be read, where enough of
// it is there (RFC 3261 18.3).
func (s *stream) refuse(data []byte, err error) {
	var bad *sip.FrameError
	if !errors.As(err, &bad) || bad.Status == 0 || bad.Header == 0 {
		return
	}
	var m sip.Message
	if m.Parse(data[:bad.Header]) != nil || !m.IsRequest() || m.Method() == sip.ACK || m.TopVia() == nil {
		return
	}
	r := sip.Response{Status: bad.Status, Received: s.flow.Remote}
	_ = s.send(r.Append(nil, &m)) // the connection ends anyway
	// Closing with bytes unread would be an RST, which makes the peer forget the answer.
	_ = s.tcp.CloseWrite()                               // as above
	_ = s.tcp.SetReadDeadline(time.Now().Add(lingerFor)) // as above
	_, _ = io.CopyN(io.Discard, s.tcp, sip.MaxMessage)   // as above
}

// closeReason keeps io.EOF bare, and names what closing by ourselves looks like.
func closeReason(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return io.EOF
	case errors.Is(err, net.ErrClosed):
		return ErrClosed
	}
	return err
}
