package bridge

import (
	"tollgate/internal/media"
	"tollgate/internal/media/srtp"
	"tollgate/sdp"
)

// suites is what we offer, the best known first: RFC 4568 6.2 makes the first one everybody's.
var suites = [...]srtp.Suite{
	srtp.AESCM128HMACSHA180, srtp.AES256CMHMACSHA180, srtp.AEADAES256GCM, srtp.AEADAES128GCM, srtp.AESCM128HMACSHA132,
}

// encrypted says that a profile is of SRTP.
func encrypted(p sdp.Profile) bool { return p == sdp.SAVP || p == sdp.SAVPF }

// profileOf gives a profile with or without encryption.
func profileOf(p sdp.Profile, secure bool) sdp.Profile {
	switch p {
	case sdp.AVP, sdp.SAVP:
		if secure {
			return sdp.SAVP
		}
		return sdp.AVP
	case sdp.AVPF, sdp.SAVPF:
		if secure {
			return sdp.SAVPF
		}
		return sdp.AVPF
	}
	return p
}

// as is a key for a suite that needs no more of it.
func as(k srtp.Key, s srtp.Suite) srtp.Key {
	k.Suite = s
	clear(k.Material[s.KeyLen()+s.SaltLen():])
	return k
}

// offered takes an offer's keys and writes what the other party is offered.
func (st *stream) offered(p *Pass, d *sdp.Description, f *sdp.Face) error {
	from, to, t := p.From, 1-p.From, &p.transport
	if st.profile[from], st.mux[from] = t.Profile, t.Mux; encrypted(t.Profile) {
		if err := st.choose(p, d); err != nil {
			return err
		}
	} else {
		st.in[from], st.out[from] = srtp.Key{}, srtp.Key{}
	}
	// Who has encrypted so far goes on, whatever the offer is.
	f.Mux, f.Profile = t.Mux, profileOf(t.Profile, p.Ends[to].Encrypted || st.in[to].Suite != srtp.None)
	if st.profile[to] = f.Profile; encrypted(f.Profile) {
		st.propose(p, f)
	} else {
		st.in[to], st.out[to] = srtp.Key{}, srtp.Key{}
	}
	return nil
}

// choose takes the first crypto line of an offer whose suite we have (RFC 4568 5.1.2).
func (st *stream) choose(p *Pass, d *sdp.Description) error {
	from := p.From
	for _, line := range p.transport.Crypto {
		tag, key, err := srtp.ParseCrypto(d.Slice(line))
		if err != nil || tag > 255 {
			continue
		}
		st.tag[from], st.in[from] = uint8(tag), key
		if st.out[from].Suite != key.Suite {
			st.out[from] = srtp.NewKey(key.Suite)
		}
		return nil
	}
	return ErrNoSuite
}

// propose writes our crypto lines: all suites, or the one in use. All of them have the
// same bytes as key, since only the one that is answered will be used.
func (st *stream) propose(p *Pass, f *sdp.Face) {
	to := 1 - p.From
	if st.sole[to] = st.in[to].Suite != srtp.None; st.sole[to] { // agreed before: the counters go on
		f.Crypto = p.lines(st.out[to], st.out[to].Suite)
		return
	}
	if st.ours[to].Suite == srtp.None {
		st.ours[to] = srtp.NewKey(srtp.AES256CMHMACSHA180) // the longest
	}
	f.Crypto = p.lines(st.ours[to], suites[:]...)
}

// proposed says that a party was offered a suite with a tag (RFC 4568 5.1.3).
func (st *stream) proposed(to media.Side, tag int, suite srtp.Suite) bool {
	if st.sole[to] {
		return tag == 1 && suite == st.out[to].Suite
	}
	return tag >= 1 && tag <= len(suites) && suites[tag-1] == suite
}

// lines writes crypto lines, with tags from 1.
func (p *Pass) lines(key srtp.Key, suites ...srtp.Suite) [][]byte {
	p.crypto, p.arena = p.crypto[:0], p.arena[:0]
	const room = 160 // more than a line takes
	if cap(p.arena) < room*len(suites) {
		p.arena = make([]byte, 0, room*len(suites))
	}
	for i, suite := range suites {
		start := len(p.arena)
		p.arena = as(key, suite).AppendCrypto(p.arena, i+1)
		p.crypto = append(p.crypto, p.arena[start:])
	}
	return p.crypto
}

// answered takes an answer's keys and writes what the offerer is answered.
func (st *stream) answered(p *Pass, d *sdp.Description, f *sdp.Face) error {
	from, to, t := p.From, 1-p.From, &p.transport
	if !alike(st.profile[from], t.Profile) {
		return ErrProfile
	}
	if st.mux[from] = t.Mux; encrypted(t.Profile) {
		if len(t.Crypto) == 0 {
			return ErrNoSuite
		}
		tag, key, err := srtp.ParseCrypto(d.Slice(t.Crypto[0]))
		if err != nil || !st.proposed(from, tag, key.Suite) {
			return ErrNoSuite
		}
		if st.in[from] = key; !st.sole[from] {
			st.out[from] = as(st.ours[from], key.Suite)
		}
	}
	f.Mux, f.Profile = st.mux[to], st.profile[to]
	if encrypted(f.Profile) {
		p.crypto, p.arena = p.crypto[:0], st.out[to].AppendCrypto(p.arena[:0], int(st.tag[to]))
		f.Crypto = append(p.crypto, p.arena)
		p.crypto = f.Crypto
	}
	return nil
}
