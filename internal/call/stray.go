package call

import (
	"tollgate/internal/dialog"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// rejection answers an offer that came in a 2xx nobody wants: RFC 3264 6 lets every
// stream be refused by port 0, and an ACK must carry an answer (RFC 3261 13.2.1).
const rejection = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"

// maxRejection bounds, in bytes, what a hostile offer makes of it.
const maxRejection = 8 << 10

// Stray ends what answers an INVITE that was given up, cancelled or forgotten:
// ACK, then BYE (RFC 3261 9.1, 13.2.2.4). All it needs stands in the 2xx. One of a call
// that is up, and was answered before a restart, is left to its ACK.
func (c *Calls) Stray(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	call, fork, ok := c.byTags(sh, m.CallID(), m.FromTag(), m.ToTag())
	if ok && call.dialog(fork).Confirmed {
		return // a phone that rang with others has an early dialog here: only an answered one is up
	}
	c.end2xx(sh, m, f)
}

// end2xx acknowledges a 2xx that nobody wants, and ends what it has begun.
func (c *Calls) end2xx(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	target := dialog.ContactURI(m)
	if target == nil {
		target = []byte("sip:" + f.Remote.String())
	}
	var branch [transaction.BranchLen]byte
	routes := c.cfg.Minter.RouteSetOfResponse(nil, m, dialog.Stable{})
	b := dialog.Build{
		Method: sip.ACK, Target: target, Routes: routes, Out: c.address(f),
		Branch: sh.AppendFreeBranch(branch[:0]),
		From:   m.Value(sip.HdrFrom), To: m.Value(sip.HdrTo), CallID: m.CallID(), CSeq: m.CSeq(),
	}
	loop, _ := sh.Loop(m.TopVia().Branch)
	if offered := loop&1 != 0; !offered && len(m.Body()) > 0 {
		b.Type, b.Body = "application/sdp", rejectAll(m.Body())
	}
	sh.Out = b.Append(sh.Out[:0])
	_ = sh.Send(f, sh.Out)
	client := sh.NewClient(c.user, 0)
	if client == 0 {
		return
	}
	b.Method, b.CSeq, b.Type, b.Body = sip.BYE, m.CSeq()+1, "", nil
	b.Branch = sh.AppendBranch(branch[:0], client, 0)
	sh.Out = b.Append(sh.Out[:0])
	_ = sh.SendRequest(client, sip.BYE, f, sh.Out)
}

// rejectAll answers an SDP offer with port 0 for each of its streams.
func rejectAll(offer []byte) []byte {
	answer := []byte(rejection)
	for len(offer) > 0 && len(answer) < maxRejection {
		line := offer
		for i, ch := range offer {
			if ch == '\n' {
				line = offer[:i+1]
				break
			}
		}
		offer = offer[len(line):]
		if len(line) < 2 || line[0] != 'm' || line[1] != '=' {
			continue
		}
		answer = appendRefusedStream(answer, line)
	}
	return answer
}

// appendRefusedStream copies an m= line with its port set to 0.
func appendRefusedStream(dst, line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	field := 0
	for _, ch := range line {
		if ch == ' ' {
			if field++; field == 1 {
				dst = append(dst, " 0"...)
			}
		}
		if field != 1 {
			dst = append(dst, ch)
		}
	}
	return append(dst, "\r\n"...)
}
