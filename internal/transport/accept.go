package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
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
		if err := t.admitConn(l, from); err != nil {
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

// admitConn takes the places of a connection, or says why there is none for it.
func (t *Transport) admitConn(l *listener, from netip.Addr) error {
	if t.cfg.Refused != nil && t.cfg.Refused(from) {
		return ErrRefused
	}
	if err := t.conns.reserve(from); err != nil || l.Proto != TLS {
		return err
	}
	err := t.conns.greet(from)
	if err != nil {
		t.conns.release(from)
	}
	return err
}

// serve runs an accepted connection to its end.
func (t *Transport) serve(s *stream) {
	defer t.conns.release(s.source)
	if s.flow.Proto == TLS {
		if err := s.greeted(tls.Server(wire{s.tcp, s}, t.certs.server())); err != nil {
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

// greeted is the handshake of a peer that came by itself. Cryptography is dear, so what he sends is worked on in
// turns with what others send (wire.Read).
func (s *stream) greeted(c *tls.Conn) error {
	s.greeting = true
	err := s.handshake(c)
	s.greeting, s.age, s.behind = false, 0, 0 // what is read next is new
	s.leaveTurn()
	s.t.conns.greeted(s.source)
	return err
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
