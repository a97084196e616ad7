package media_test

import (
	"errors"
	"testing"
	"time"

	"tollgate/internal/media"
	"tollgate/internal/media/rtp"
	"tollgate/internal/media/srtp"
)

// after is an engine as it is after a restart.
func (c *call) after(record []byte) *call {
	c.t.Helper()
	c.Close()
	r := newRig(c.t, nil)
	id, err := r.Restore(record, 2)
	if err != nil {
		c.t.Fatal(err)
	}
	return &call{rig: r, id: id, ports: c.ports, phones: c.phones}
}

// TestRestart: media goes on on the same ports, and what was learnt holds against others.
func TestRestart(t *testing.T) {
	c := newRig(t, nil).call(func(p *[2]media.Party) {
		p[0].Payloads = [2]uint64{1, 1}
		p[0].Clocks.Set(64, 16000)
		p[0].Clocks.SetName(64, "AMR-WB")
	})
	c.talk(media.Caller, "before")
	c.talk(media.Callee, "before")
	c = c.after(c.Append(nil, c.id))
	attacker := newPhone(t, "127.0.0.3:0")
	attacker.send(c.ports[0], attacker.rtp(0, "me?"))
	c.awaits(media.DropForeign, 1)
	c.talk(media.Caller, "after")
	c.talk(media.Callee, "after")
	b := c.phones[0].rtp(64, "wide")
	c.phones[0].send(c.ports[0], b)
	c.phones[1].hears(b, c.ports[1])
	if q := c.quality(media.Caller); q.Report.Codec != rtp.AMRWB || q.Report.Clock != 16000 || !q.Latched {
		t.Errorf("quality: %+v", q)
	}
	if s := c.Stats(); s.PortsUsed != 2 || s.Sessions != 1 {
		t.Errorf("stats: %+v", s)
	}
}

// TestRestartBeforeMedia: nothing was learnt, so it is learnt now.
func TestRestartBeforeMedia(t *testing.T) {
	c := newRig(t, nil).call(nil)
	c = c.after(c.Append(nil, c.id))
	c.talk(media.Caller, "first")
	c.talk(media.Callee, "first")
}

func TestRestartOfSRTP(t *testing.T) {
	c, end := secureCall(t)
	c.phones[0].seq = 65500
	var record []byte
	for i := range 100 { // the counter rolls over, and the record is older than the end
		b := c.phones[0].rtp(0, "on")
		c.phones[0].send(c.ports[0], end.seal(t, b, false))
		c.phones[1].hears(b, c.ports[1])
		b = c.phones[1].rtp(0, "on")
		c.phones[1].send(c.ports[1], b)
		end.opens(c.phones[0], b, c.ports[0], false)
		if i == 50 {
			record = c.Append(nil, c.id)
		}
	}
	c = c.after(record)
	b := c.phones[0].rtp(0, "after")
	c.phones[0].send(c.ports[0], end.seal(t, b, false))
	c.phones[1].hears(b, c.ports[1])
	b = c.phones[1].rtp(0, "after")
	c.phones[1].send(c.ports[1], b)
	end.opens(c.phones[0], b, c.ports[0], false)
}

// TestRestartChangesNothing: a record of what was restored is the same record.
func TestRestartChangesNothing(t *testing.T) {
	c, _ := secureCall(t)
	c.stream(c.id, 3, media.Callee)
	c.phones[1].send(c.ports[1], c.phones[1].rtp(0, "x"))
	c.phones[0].receive()
	record := c.Append([]byte("before"), c.id)[len("before"):]
	c = c.after(record)
	if again := c.Append(nil, c.id); string(again) != string(record) {
		t.Errorf("%x\nbecomes\n%x", record, again)
	}
	if len(c.Append(nil, 0)) != 0 {
		t.Error("a record of no session")
	}
}

func TestDamagedRecords(t *testing.T) {
	c, _ := secureCall(t)
	record := c.Append(nil, c.id)
	c.Close()
	r := newRig(t, nil)
	for n := range record {
		if _, err := r.Restore(record[:n], 1); err == nil {
			t.Fatalf("the first %d of %d bytes are taken", n, len(record))
		}
		r.clock.advance(5 * time.Second)
	}
	if _, err := r.Restore(append(record, 0), 1); !errors.Is(err, media.ErrRecord) {
		t.Errorf("a byte too many: %v", err)
	}
	if s := r.Stats(); s.Sessions != 0 || s.Streams != 0 || s.PortsUsed != 0 {
		t.Errorf("left of damaged records: %+v", s)
	}
	if _, err := r.Restore(record, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Restore(record, 1); !errors.Is(err, media.ErrNoPorts) {
		t.Errorf("the same record twice: %v", err)
	}
}

func FuzzRestore(f *testing.F) {
	r := newRig(f, nil)
	c := r.call(func(p *[2]media.Party) {
		p[1].In, p[1].Out = srtp.NewKey(srtp.AEADAES128GCM), srtp.NewKey(srtp.AEADAES128GCM)
		p[1].Clocks.Set(96, 48000)
	})
	f.Add(r.Append(nil, c.id))
	r.Shut(c.id)
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := r.Restore(b, 1)
		if err != nil && id != 0 {
			t.Fatal("an error and a session")
		}
		r.Quality(id, nil)
		r.Append(nil, id)
		r.Shut(id)
		if s := r.Stats(); s.Sessions != 0 || s.Streams != 0 || s.PortsUsed != 0 {
			t.Fatalf("left: %+v", s)
		}
	})
}
