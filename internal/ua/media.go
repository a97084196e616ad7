package ua

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// play is what an end of a call does with its media.
type play uint8

const (
	playTone play = iota
	playEcho
)

// media is the RTP of one call (RFC 3550, payload type 0 of RFC 3551). It sends
// where the other end's description says and nowhere else, and to nobody before
// start.
type media struct {
	play  play
	conn  packetConn
	local netip.AddrPort

	tasks sync.WaitGroup
	stop  chan struct{}

	mu      sync.Mutex // guards what follows
	started bool
	remote  netip.AddrPort // invalid: send nothing
	counts  MediaCounts
	second  time.Time // in which echoed packets are counted
	echoed  int
}

// MediaCounts says how much RTP went through one end of a call.
type MediaCounts struct {
	Sent     uint64         `json:"packets_sent"`
	Received uint64         `json:"packets_received"`
	To       netip.AddrPort `json:"to"`   // where it was sent last
	From     netip.AddrPort `json:"from"` // where the last packet came from
}

// newMedia binds a socket on addr, at an even port where one is to be had (RFC 3550
// 11), and starts to receive.
func newMedia(listen listenPacket, addr netip.Addr, p play) (*media, error) {
	m := &media{play: p, stop: make(chan struct{})}
	for range 8 {
		conn, err := listen(netip.AddrPortFrom(addr, 0))
		if err != nil {
			if m.conn != nil {
				break
			}
			return nil, fmt.Errorf("bind rtp %s: %w", addr, err)
		}
		if m.conn != nil {
			_ = m.conn.Close()
		}
		m.conn, m.local = conn, addrPort(conn.LocalAddr())
		if m.local.Port()%2 == 0 {
			break
		}
	}
	m.tasks.Go(m.receive)
	return m, nil
}

// sendTo sets where RTP goes; an invalid address holds it.
func (m *media) sendTo(to netip.AddrPort) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remote = to
}

// start lets RTP out.
func (m *media) start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started {
		return
	}
	m.started = true
	if m.play == playTone {
		m.tasks.Go(m.sendTone)
	}
}

// close ends the media and waits for it.
func (m *media) close() {
	close(m.stop)
	_ = m.conn.Close()
	m.tasks.Wait()
}

// seen says what went through so far.
func (m *media) seen() MediaCounts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts
}

// receive counts what comes and sends it back where that is asked for.
func (m *media) receive() {
	buf := make([]byte, 2048)
	for {
		n, from, err := m.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if n < 12 || buf[0]>>6 != 2 {
			continue
		}
		m.mu.Lock()
		m.counts.Received++
		m.counts.From = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		echo := m.play == playEcho && m.mayEcho(time.Now())
		m.mu.Unlock()
		if echo {
			m.send(buf[:n])
		}
	}
}

// maxEcho is the packets that are echoed in a second: two echoes that were made to
// talk to each other would never end.
const maxEcho = 200

// mayEcho counts a packet to be echoed; m.mu is held.
func (m *media) mayEcho(now time.Time) bool {
	if now.Sub(m.second) >= time.Second {
		m.second, m.echoed = now, 0
	}
	m.echoed++
	return m.echoed <= maxEcho
}

func (m *media) send(packet []byte) {
	m.mu.Lock()
	to := m.remote
	if !m.started || !to.IsValid() {
		m.mu.Unlock()
		return
	}
	m.counts.Sent++
	m.counts.To = to
	m.mu.Unlock()
	_, _ = m.conn.WriteToUDPAddrPort(packet, to) // lost media is lost
}

// sendTone sends a frame every 20 ms.
func (m *media) sendTone() {
	frames := tone()
	var start [10]byte
	_, _ = rand.Read(start[:])
	seq := binary.BigEndian.Uint16(start[:])
	stamp := binary.BigEndian.Uint32(start[2:])
	packet := make([]byte, 12, 12+frameSamples)
	copy(packet[8:], start[6:]) // SSRC
	packet[0], packet[1] = 0x80, 0x80
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for i := 0; ; i++ {
		binary.BigEndian.PutUint16(packet[2:], seq+uint16(i))
		binary.BigEndian.PutUint32(packet[4:], stamp+uint32(i)*frameSamples)
		m.send(append(packet[:12], frames[i%2][:]...))
		packet[1] = 0 // the marker is on the first packet only
		select {
		case <-ticker.C:
		case <-m.stop:
			return
		}
	}
}
