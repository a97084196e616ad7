package peer

import (
	"net/netip"
	"strconv"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// ask sends OPTIONS to a neighbour, address by address until one answers.
func (w *Watch) ask(key neighbour) {
	w.mu.Lock()
	r := w.records[key]
	if r == nil || len(r.dests) == 0 {
		w.mu.Unlock()
		return
	}
	dest, asked := r.dests[0], r.asked
	w.mu.Unlock()
	if !asked {
		w.resolve(key, dest)
		return
	}
	shard := uint8(hashOf(key) % uint32(w.layer.Shards()))
	w.layer.Do(shard, func(sh *transaction.Shard) {
		slot, p := w.pings[sh.Index].Alloc()
		*p = ping{gen: p.gen + 1, slot: slot, used: true, key: key}
		var list policy.Candidates
		list.List[0], list.N = dest, 1
		p.walk.Start(&list, transport.Target{})
		w.next(sh, p)
	})
}

// resolve keeps the addresses of a neighbour up to date that is not to be asked.
func (w *Watch) resolve(key neighbour, dest *policy.Destination) {
	target := TargetOf(dest)
	settle := func(hops []transport.Hop, _ error) { w.settle(key, 0, 0, addrsOf(hops)) }
	if hops, known := w.cfg.Router.Resolver.Lookup(target); known {
		settle(hops, nil)
		return
	}
	w.cfg.Router.Resolver.Resolve(target, settle)
}

func addrsOf(hops []transport.Hop) []netip.AddrPort {
	addrs := make([]netip.AddrPort, 0, len(hops))
	for _, h := range hops {
		addrs = append(addrs, h.Addr)
	}
	return addrs
}

func (p *ping) ref() uint64 { return uint64(p.gen)<<32 | uint64(p.slot) }

// next tries the next address.
func (w *Watch) next(sh *transaction.Shard, p *ping) {
	for {
		flow, step := w.cfg.Router.Next(&p.walk, 0, w, sh.Index, p.ref())
		switch step {
		case Waiting:
			return
		case Exhausted:
			w.over(sh, p, p.last, 0)
			return
		}
		if w.send(sh, p, flow) {
			return
		}
	}
}

func (w *Watch) send(sh *transaction.Shard, p *ping, flow transport.Flow) bool {
	if p.client = sh.NewClient(w.user, p.ref()); p.client == 0 {
		return false
	}
	host, port := w.cfg.Advertised(flow)
	var branch [transaction.BranchLen]byte
	b := sh.AppendBranch(branch[:0], p.client, 0)
	to := hostPort(p.key.host, p.walk.hops[p.walk.hop-1].Addr)
	msg := "OPTIONS sip:" + to + " SIP/2.0\r\nVia: SIP/2.0/" + flow.Proto.Via() + " " + host + ":" + strconv.Itoa(int(port)) +
		";branch=" + string(b) + ";rport\r\nMax-Forwards: 70\r\nFrom: <sip:ping@" + host + ">;tag=" + string(b[len(b)-12:]) +
		"\r\nTo: <sip:" + to + ">\r\nCall-ID: " + string(b[7:]) + "@ping\r\nCSeq: 1 OPTIONS\r\nContact: <sip:ping@" + host + ":" +
		strconv.Itoa(int(port)) + contactParam(flow.Proto) + ">\r\nAccept: application/sdp\r\nUser-Agent: Tollgate\r\nContent-Length: 0\r\n\r\n"
	if sh.SendRequest(p.client, sip.OPTIONS, flow, []byte(msg)) != nil {
		return false
	}
	p.sent = sh.Since()
	p.timer = sh.After(patience, w.user, 0, p.ref())
	return true
}

// contactParam says over which protocol a Contact is reached, where it is not UDP.
func contactParam(p transport.Proto) string {
	if p == transport.UDP {
		return ""
	}
	return ";transport=" + p.String()
}

// hostPort is a destination's host as a URI has it, with the port that it is asked at.
func hostPort(host string, at netip.AddrPort) string {
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(at.Port()))
}

func (w *Watch) ping(sh *transaction.Shard, ref uint64) *ping {
	p := w.pings[sh.Index].At(uint32(ref))
	if p == nil || !p.used || p.gen != uint32(ref>>32) {
		return nil
	}
	return p
}

// over ends a question.
func (w *Watch) over(sh *transaction.Shard, p *ping, code int, rtt time.Duration) {
	sh.Stop(&p.timer)
	key, addrs := p.key, addrsOf(p.walk.hops)
	p.used, p.walk = false, Walk{}
	w.pings[sh.Index].Release(p.slot)
	w.settle(key, code, rtt, addrs)
}

// Response is transaction.User.
func (w *Watch) Response(sh *transaction.Shard, id transaction.ID, ref uint64, m *sip.Message, _ transport.Flow) {
	p := w.ping(sh, ref)
	if p == nil || p.client != id || m.StatusCode() < 200 {
		return
	}
	sh.Stop(&p.timer)
	if code := m.StatusCode(); code != 408 && code != 503 {
		w.over(sh, p, code, sh.Since()-p.sent)
		return
	}
	p.last = m.StatusCode()
	w.next(sh, p)
}

// Failed is transaction.User.
func (w *Watch) Failed(sh *transaction.Shard, id transaction.ID, ref uint64, _ transaction.Failure) {
	if p := w.ping(sh, ref); p != nil && p.client == id {
		w.next(sh, p)
	}
}

// Unreachable gives up one address at once.
func (w *Watch) Unreachable(sh *transaction.Shard, id transaction.ID, ref uint64) {
	if p := w.ping(sh, ref); p != nil && p.client == id {
		sh.Stop(&p.timer)
		w.Timer(sh, 0, ref)
	}
}

// Timer gives up one address.
func (w *Watch) Timer(sh *transaction.Shard, _ uint8, ref uint64) {
	if p := w.ping(sh, ref); p != nil {
		p.timer = 0
		sh.Abandon(p.client)
		w.next(sh, p)
	}
}

// Continue is Waiter.
func (w *Watch) Continue(shard uint8, ref uint64, apply func(*Walk)) {
	w.layer.Do(shard, func(sh *transaction.Shard) {
		if p := w.ping(sh, ref); p != nil {
			apply(&p.walk)
			w.next(sh, p)
		}
	})
}

// Canceled is an INVITE's only.
func (w *Watch) Canceled(*transaction.Shard, transaction.ID, uint64) {}

// Ended is an INVITE's only.
func (w *Watch) Ended(*transaction.Shard, transaction.ID, uint64) {}
