package media_test

import (
	"testing"

	"tollgate/internal/media"
)

func TestRelayBothWays(t *testing.T) {
	c := newRig(t, nil).call(nil)
	for range 10 {
		c.talk(media.Caller, "from the caller")
		c.talk(media.Callee, "from the callee")
	}
	c.until(func() bool { return c.Stats().Packets >= 20 }, "20 packets counted, which is after they are sent")
	if s := c.Stats(); s.Packets != 20 || s.Sessions != 1 || s.Streams != 1 || s.PortsUsed != 2 || s.Mode != "epoll" {
		t.Errorf("stats: %+v", s)
	}
	q := c.quality(media.Callee)
	if q.Source != c.phones[1].addr() || !q.Latched || q.Port != c.ports[1].Port() || q.Kernel {
		t.Errorf("quality: %+v", q)
	}
	c.Shut(c.id)
	if s := c.Stats(); s.Sessions != 0 || s.Streams != 0 || s.PortsUsed != 0 {
		t.Errorf("stats after the end: %+v", s)
	}
	if len(c.Quality(c.id, nil)) != 0 {
		t.Error("a session that is over has a quality")
	}
}
