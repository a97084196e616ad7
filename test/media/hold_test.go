package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/test/harness"
)

// TestSoftphoneHolds: either softphone puts the other on hold and takes it back, behind a router each;
// then the tone of the other comes to each of them.
//
// What comes is taken from the cable and not from baresip's recordings: baresip 1.0.0 records nothing
// after a hold, between two of them without anybody between neither, although packets come and go
// (its player is opened anew and asks for no more sound).
func TestSoftphoneHolds(t *testing.T) {
	for _, kernel := range []string{"off", "auto"} {
		t.Run("kernel "+kernel, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, kernel, users("alice", "bob"))
			far := h.Beside(t)
			far.Remember(t, 30*time.Second)
			_, phones := h.softphones(far.Phone, harness.HomePhone)
			atAlice, atBob := h.listensIn(h.Phone, bobHz, aliceHz), h.listensIn(far.Phone, aliceHz, bobHz)
			phones["alice"].Do(t, "dial", "sip:bob@"+h.Domain)
			phones["alice"].Until(t, "Call established")
			for _, holder := range []string{"alice", "bob", "alice"} {
				atAlice.hears(time.Second)
				atBob.hears(time.Second)
				phones[holder].Do(t, "hold", "")
				atAlice.hearsNothing(none)
				atBob.hearsNothing(none)
				phones[holder].Do(t, "resume", "")
			}
			atAlice.hears(3 * time.Second)
			atBob.hears(3 * time.Second)
			phones["alice"].Do(t, "hangup", "")
			phones["bob"].Until(t, "session closed")
		})
	}
}

// cable is where a softphone's packets come, read beside it: whose tone is to be heard in them.
type cable struct {
	*home
	fd          int
	want, other float64
}

// listensIn opens the cable of a namespace, in which nothing but the softphone is.
func (h *home) listensIn(ns harness.Netns, want, other float64) *cable {
	h.Helper()
	c := &cable{home: h, want: want, other: other}
	err := ns.Do(func() (err error) {
		c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0x0008) // ETH_P_IP, in network order
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { unix.Close(c.fd) })
	return c
}

// next is the sound of the next packet of PCMU that comes within a time; none: nothing came.
func (c *cable) next(wait time.Duration) (samples []float64) {
	c.Helper()
	const rtp = 20 + 8 // above IP without options and UDP
	b := make([]byte, 2048)
	for stop := time.Now().Add(wait); ; {
		left := unix.NsecToTimeval(max(time.Until(stop), time.Millisecond).Nanoseconds())
		if err := unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &left); err != nil {
			c.Fatal(err)
		}
		n, from, err := unix.Recvfrom(c.fd, b, 0)
		switch {
		case errors.Is(err, unix.EAGAIN) || time.Now().After(stop):
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			c.Fatal(err)
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		if ok && link.Pkttype != unix.PACKET_OUTGOING && n > rtp+12 && b[9] == unix.IPPROTO_UDP &&
			binary.BigEndian.Uint16(b[22:])/1000 == 22 && b[rtp] == 0x80 && b[rtp+1]&0x7f == 0 {
			return ulaw(b[rtp+12 : n])
		}
	}
}

// ulaw is the sound of G.711 (ITU-T G.711, table 2a).
func ulaw(b []byte) (samples []float64) {
	for _, x := range b {
		x = ^x
		s := float64((int(x&0x0f)<<3+0x84)<<(x>>4&7) - 0x84)
		if x&0x80 != 0 {
			s = -s
		}
		samples = append(samples, s)
	}
	return samples
}

// hears wants the tone for so long, and soon.
func (c *cable) hears(long time.Duration) {
	c.Helper()
	harness.Eventually(c.T, 20*time.Second, func() error {
		var samples []float64
		for len(samples) < int(long.Seconds()*rate) {
			more := c.next(none)
			if more == nil {
				return errors.New("nothing comes")
			}
			samples = append(samples, more...)
		}
		if loud, good := pieces(samples, c.want, c.other); good < len(samples)/rate*20*9/10 {
			return fmt.Errorf("of %d samples %d pieces of 50 ms are a sound, %d the tone of %.0f Hz", len(samples), loud, good, c.want)
		}
		return nil
	})
}

// hearsNothing wants no more packets to come, soon.
func (c *cable) hearsNothing(long time.Duration) {
	c.Helper()
	harness.Eventually(c.T, 10*time.Second, func() error {
		if c.next(long) != nil {
			return errors.New("packets still come")
		}
		return nil
	})
}
