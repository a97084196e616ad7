package threat

import (
	"bytes"
	"errors"
	"maps"
	"net/netip"
	"time"

	"tollgate/internal/ban"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// accusation is a source that has done too much.
type accusation struct {
	addr    netip.Addr
	proto   transport.Proto
	offence Offence
	// sure says that it was this source for certain, and that it did what no phone does that
	// is set up well: then it is banned though it is known.
	sure     bool
	evidence []byte
}

// accuse hands a source to the judge; false when he has too many. The caller holds the lock.
func (g *Guard) accuse(a accusation, m *sip.Message) bool {
	if len(g.accused) == cap(g.accused) { // only who holds the lock sends
		return false
	}
	a.evidence = evidence(a.offence, m)
	g.accused <- a
	return true
}

const maxValue = 200 // bytes of each header in the evidence

// evidence is the first line of a request and the headers that counted. Of credentials it
// names user and realm alone.
func evidence(o Offence, m *sip.Message) []byte {
	out := make([]byte, 0, ban.MaxEvidence)
	line := m.Slice(m.StartLine())
	out = append(out, line[:min(len(line), 2*maxValue)]...)
	add := func(id sip.HeaderID) {
		if v := m.Value(id); len(v) > 0 {
			out = append(append(append(out, '\n'), id.String()...), ": "...)
			out = append(out, v[:min(len(v), maxValue)]...)
		}
	}
	add(sip.HdrFrom)
	if o == Persistence || o == Scanner {
		add(sip.HdrUserAgent)
		return out
	}
	add(sip.HdrTo)
	for _, id := range [...]sip.HeaderID{sip.HdrAuthorization, sip.HdrProxyAuthorization} {
		v := m.Value(id)
		if len(v) == 0 {
			continue
		}
		user, _ := param(v, "username")
		realm, _ := param(v, "realm")
		out = append(append(append(out, '\n'), id.String()...), `: Digest username="`...)
		out = append(append(out, user[:min(len(user), maxValue)]...), `", realm="`...)
		out = append(append(out, realm[:min(len(realm), maxValue)]...), `", ...`...)
	}
	return out
}

// To look up who is known takes as long as there are phones and calls: the judge spends a
// twentieth of his time on it at most, and never lets anybody wait for more than a second.
const (
	restFactor = 20
	shortRest  = 10 * time.Millisecond
	longRest   = time.Second
)

// judge bans who is accused until Close.
func (g *Guard) judge() {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-g.stop:
			return
		case <-pause.C:
		}
		select {
		case <-g.stop:
			return
		case a := <-g.accused:
			begun, rest := time.Now(), longRest
			if g.court(g.gather(a)) {
				rest = min(max(restFactor*time.Since(begun), shortRest), longRest)
			}
			pause.Reset(rest)
		}
	}
}

// trial is a source that is accused, and what is found out about it.
type trial struct {
	accusation
	known      bool // the address is a phone's, or has a call
	neighbours bool // others of its source are
}

// gather takes all who are accused by now, each source once.
func (g *Guard) gather(a accusation) map[netip.Prefix]*trial {
	trials := make(map[netip.Prefix]*trial)
	for {
		a.addr = a.addr.Unmap().WithZone("")
		if t := trials[sourceOf(a.addr)]; t == nil || a.sure && !t.sure {
			trials[sourceOf(a.addr)] = &trial{accusation: a}
		}
		select {
		case a = <-g.accused:
		default:
			return trials
		}
	}
}

// court bans all but the known; false where there is no room for more bans. Those who are
// left then come again.
func (g *Guard) court(trials map[netip.Prefix]*trial) bool {
	maps.DeleteFunc(trials, func(_ netip.Prefix, t *trial) bool { return g.cfg.Spared(t.addr) || g.cfg.Banned(t.addr) })
	if len(trials) == 0 {
		return true
	}
	for addr := range g.cfg.Known {
		addr = addr.Unmap().WithZone("")
		if t := trials[sourceOf(addr)]; t != nil {
			t.known = t.known || addr == t.addr
			t.neighbours = t.neighbours || addr != t.addr
		}
	}
	for source, t := range trials {
		if t.known && !t.sure {
			continue
		}
		if t.neighbours {
			source = netip.PrefixFrom(t.addr, t.addr.BitLen())
		}
		if !g.ban(source, t) {
			return false
		}
	}
	return true
}

// ban is false where there is no room for more bans.
func (g *Guard) ban(source netip.Prefix, t *trial) bool {
	made, err := g.cfg.Ban(ban.Wish{Prefix: source, Reason: t.offence.Sentence(), Evidence: t.evidence})
	switch {
	case errors.Is(err, ban.ErrProtected):
	case err != nil:
		g.cfg.Log.Error("ban", "source", source.String(), "reason", t.offence.Code(), "error", err.Error())
	default:
		g.banned[t.offence].Add(1)
		line, _, _ := bytes.Cut(t.evidence, []byte("\n"))
		g.cfg.Log.Info("banned", "source", source.String(), "reason", t.offence.Code(), "transport", t.proto.String(),
			"until", made.Until.UTC(), "times", made.Times, "request", string(line))
	}
	return !errors.Is(err, ban.ErrFull)
}
