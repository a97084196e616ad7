package policy

import (
	"tollgate/sip"
)

// picker sorts the destinations of one group into candidates and others.
type picker struct {
	r        *Request
	id       *Identity
	out      *Candidates
	health   Health
	balanced bool
	key      uint64                // what balancing goes by
	scores   [MaxCandidates]uint64 // of the candidates, if balanced
	down     int                   // destinations left out because they are down
	media    int                   // and because they want encrypted media
	unproven int                   // and because they are switches, and nobody has proven who calls
}

// consider makes d a candidate or notes why it is none.
func (p *picker) consider(d *Destination) {
	switch {
	case d.Disabled:
		p.out.skip(d, DestinationDisabled)
	case p.isSource(d):
		p.out.skip(d, DestinationIsSource)
	case d.Switch != nil && p.out.DID == "" && p.id.Unproven():
		p.unproven++
		p.out.skip(d, DestinationIsSwitch)
	case d.Encrypted && !p.id.Customer.Settings.RTPBridging && p.r.Msg.Method() == sip.INVITE:
		p.media++
		p.out.skip(d, MediaEncryptionUnavailable)
	case p.health != nil && p.health.Down(d):
		p.down++
		p.out.skip(d, DestinationDown)
	default:
		p.add(d)
	}
}

// retryDown tries those that are down, since nothing else is left.
func (p *picker) retryDown(group []*Destination) {
	p.out.AllDown, p.out.NSkipped, p.media, p.unproven, p.health = true, 0, 0, 0, nil
	for _, d := range group {
		p.consider(d)
	}
}

// isSource reports whether d is where the request came from: the destination that Identify
// found, the switch that called our Contact there, over whatever connection, or the same address,
// port and transport.
func (p *picker) isSource(d *Destination) bool {
	if p.id.Source != nil && d.sameNeighbour(p.id.Source) || p.id.Entry != nil && d.Switch == p.id.Entry {
		return true
	}
	return d.Transport() == p.r.Transport && d.at(p.r.from())
}

// add appends a candidate; when balanced, in the order of the scores. Of more than fit, the
// last one is let go.
func (p *picker) add(d *Destination) {
	out := p.out
	at := out.N
	var score uint64
	if p.balanced {
		score = mix(p.key ^ hashID(d.ID))
		for at > 0 && p.scores[at-1] < score {
			at--
		}
	}
	if out.N < MaxCandidates {
		out.N++
	} else {
		if at == MaxCandidates {
			out.skip(d, DestinationSurplus)
			return
		}
		out.skip(out.List[MaxCandidates-1], DestinationSurplus)
	}
	copy(out.List[at+1:out.N], out.List[at:])
	copy(p.scores[at+1:out.N], p.scores[at:])
	out.List[at], p.scores[at] = d, score
}

// balanceKey is what requests that must meet the same destination have in common: the
// Call-ID, so that the answer to a challenge reaches the PBX that asked; for REGISTER and
// PUBLISH the address of record, so that a phone stays where it is registered.
//
// Candidates are ordered by a score of key and destination (rendezvous hashing): evenly
// spread, the rest of the list too, and a destination that goes moves only its own calls.
// The same on every node and after every restart.
func balanceKey(m *sip.Message) uint64 {
	switch m.Method() {
	case sip.REGISTER, sip.PUBLISH:
		if key, ok := recordKey(m); ok {
			return key
		}
	}
	return hashBytes(fnvOffset, m.CallID())
}

// recordKey hashes the address of record in To: the user unescaped, the host in lower case.
func recordKey(m *sip.Message) (uint64, bool) {
	to, err := sip.ParseNameAddr(m.Value(sip.HdrTo))
	if err != nil {
		return 0, false
	}
	uri, err := sip.ParseURI(to.URI)
	if err != nil {
		return 0, false
	}
	var buf [maxDomain + 1]byte
	key := uint64(fnvOffset)
	if len(uri.User) <= len(buf) {
		key = hashBytes(key, sip.AppendUnescaped(buf[:0], uri.User))
	} else {
		key = hashBytes(key, uri.User)
	}
	key = hashBytes(key, []byte{'@'})
	return hashBytes(key, appendHost(buf[:0], &uri)), true
}

// FNV-1a, 64 bits.
const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
)

func hashBytes(h uint64, b []byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

// mix spreads the bits of a hash (the finisher of MurmurHash3).
func mix(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
