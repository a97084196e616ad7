package ua

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"

	"tollgate/sip"
)

// stream is one TCP or TLS connection.
type stream struct {
	flow *flow
	conn net.Conn
	mu   sync.Mutex // one message at a time
}

const (
	streamWrite = 5 * time.Second  // longest wait for a peer that does not read
	streamPart  = 32 * time.Second // longest wait for more of a message, and for a handshake
	streamIdle  = time.Hour        // a quiet connection may carry a quiet call
)

func (s *stream) write(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(streamWrite))
	_, err := s.conn.Write(b)
	if err != nil {
		_ = s.conn.Close() // half a message may have left
	}
	return err
}

// read cuts the stream into messages until it ends (RFC 3261 18.3) and answers
// keepalives (RFC 5626 4.4.1).
func (s *stream) read(take func(*flow, []byte)) error {
	if tc, ok := s.conn.(*tls.Conn); ok {
		_ = tc.SetDeadline(time.Now().Add(streamPart))
		if err := tc.Handshake(); err != nil {
			return err
		}
	}
	var framer sip.Framer
	buf := make([]byte, 0, 4096)
	for {
		n, kind, err := framer.Next(buf)
		if err != nil {
			return err
		}
		if n == 0 {
			if buf, err = s.more(buf); err != nil {
				return err
			}
			continue
		}
		switch kind {
		case sip.FrameMessage:
			take(s.flow, buf[:n])
		case sip.FramePing:
			if err := s.write([]byte("\r\n")); err != nil {
				return err
			}
		case sip.FramePong:
		}
		buf = append(buf[:0], buf[n:]...)
	}
}

// more reads once behind buf, into a larger one where it is full.
func (s *stream) more(buf []byte) ([]byte, error) {
	wait := streamIdle
	if len(buf) > 0 {
		wait = streamPart
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(wait))
	if len(buf) == cap(buf) {
		buf = append(make([]byte, 0, 2*cap(buf)), buf...)
	}
	n, err := s.conn.Read(buf[len(buf):cap(buf)])
	if n > 0 {
		return buf[:len(buf)+n], nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return buf, err
}
