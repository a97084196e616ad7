package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// accept takes connections of one listener until it is closed.
func (t *Transport) accept(l *listener) {
	for {
		c, err := l.tcp.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || t.ctx.Err() != nil {
				return
			}
			t.log.Error("accept", "listener", l.Addr.String(), "error", err.Error()) // out of descriptors
			select {
			case <-t.ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			continue
		}
		from := addrPort(tcp.RemoteAddr()).Addr()
		err = ErrRefused
		if t.cfg.Refused == nil || !t.cfg.Refused(from) {
			err = t.conns.reserve(from)
		}
		if err != nil {
			t.log.Debug("connection refused", "source", from.String(), "error", err.Error())
			_ = tcp.SetLinger(0) // RST: the peer learns it at once, we keep no TIME_WAIT
			tcp.Close()          // nothing can be done about it
			continue
		}
		s := newStream(t, l, tcp)
		s.source, s.began = from, time.Now()
		t.wg.Go(func() { t.serve(s) })
	}
}

// serve runs an accepted connection to its end.
func (t *Transport) serve(s *stream) {
	defer t.conns.release(s.source)
	if s.flow.Proto == TLS {
		if err := s.handshake(tls.Server(wire{s.tcp, s}, t.certs.server())); err != nil {
			t.log.Debug("tls handshake", "source", s.flow.Remote.String(), "error", err.Error())
			s.tcp.Close() // nothing can be done about it
			return
		}
		s.began = time.Now()
	}
	if !t.conns.add(s) {
		s.tcp.Close() // nothing can be done about it
		return
	}
	s.read()
}

// handshake brings TLS up; the peer has PartialMessageTimeout for it.
func (s *stream) handshake(c *tls.Conn) error {
	ctx, cancel := context.WithTimeout(s.t.ctx, s.t.cfg.PartialMessageTimeout)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		return err //nolint:wrapcheck // the callers say whose it was
	}
	s.tls = c
	return nil
}
