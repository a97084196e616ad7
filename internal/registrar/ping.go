package registrar

import (
	"strconv"
	"strings"

	"tollgate/internal/dialog"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// ping asks phones whether they are there. It keeps no state: the branch of the
// question proves that the answer's question was ours, its Call-ID whose it was.
// Connections of a PBX's phones get a CRLF keepalive (RFC 5626 3.5.1), since TCP itself
// tells when they end; the transport does.
func (r *Registrar) ping(shard uint8, list []Contact) {
	r.layer.Do(shard, func(sh *transaction.Shard) {
		for i := range list {
			c := &list[i]
			data := sh.Out[:0]
			if c.Flow.Proto.Reliable() && c.User == 0 {
				data = append(data, "\r\n\r\n"...)
			} else {
				data = r.appendPing(data, sh, c)
			}
			sh.Out = data
			_ = r.cfg.Transport.Send(c.Flow, data) // a lost one counts as unanswered
		}
	})
}

// appendPing appends an OPTIONS to a phone. Its From tag is another each time, so that
// no phone takes it for the last one again (RFC 3261 8.2.2.2).
func (r *Registrar) appendPing(dst []byte, sh *transaction.Shard, c *Contact) []byte {
	var branch [transaction.BranchLen]byte
	var id [dialog.IDLen]byte
	b := sh.AppendFreeBranch(branch[:0])
	us := r.address(c.Flow)
	dst = append(append(append(dst, "OPTIONS "...), c.URI...), " SIP/2.0\r\nVia: SIP/2.0/"...)
	dst = appendHostPort(append(append(dst, us.Proto.Via()...), ' '), us)
	dst = append(append(append(dst, ";branch="...), b...), ";rport\r\n"...)
	if c.Path != "" {
		dst = append(append(append(dst, "Route: "...), c.Path...), "\r\n"...)
	}
	dst = append(append(append(dst, "Max-Forwards: 70\r\nFrom: <sip:ping@"...), us.Host...), ">;tag="...)
	dst = append(append(dst, b[len(b)-16:]...), "\r\nTo: <sip:"...)
	dst = append(appendAOR(dst, c.AOR), ">\r\nCall-ID: "...)
	dst = append(dst, r.cfg.Minter.Append(id[:0], dialog.ID{Slot: dialog.NoSlot, Stable: c.Binding, Part: dialog.InRoute})...)
	dst = append(dst, "\r\nCSeq: 1 OPTIONS\r\nContact: <sip:ping@"...)
	dst = appendHostPort(dst, us)
	return append(dst, ">\r\nAccept: application/sdp\r\nUser-Agent: Tollgate\r\nContent-Length: 0\r\n\r\n"...)
}

func appendHostPort(dst []byte, a dialog.Address) []byte {
	dst = append(append(dst, a.Host...), ':')
	return strconv.AppendUint(dst, uint64(a.Port), 10)
}

// appendAOR appends an address of record as a URI has it, without its scheme.
func appendAOR(dst []byte, aor string) []byte {
	const hex = "0123456789ABCDEF"
	at := strings.LastIndexByte(aor, '@')
	for i := range at {
		c := aor[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.!~*'()&=+$,;?/", c) >= 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	dst = append(dst, '@')
	domain := aor[at+1:]
	if strings.IndexByte(domain, ':') >= 0 { // an IPv6 address
		return append(append(append(dst, '['), domain...), ']')
	}
	return append(dst, domain...)
}

// Pong takes the answer to a ping. Nobody can write one who has not seen the question;
// one from another host does not show that the phone is still where it was.
func (r *Registrar) Pong(m *sip.Message, f transport.Flow) {
	id, ours := r.cfg.Minter.Parse(m.CallID())
	if !ours || id.Part != dialog.InRoute {
		return
	}
	s := r.stripe(id.Stable[0])
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.of(id.Stable); b != nil && b.flow.Proto == f.Proto && b.flow.Remote.Addr() == f.Remote.Addr() {
		b.missed = 0
	}
}
