package transaction

import "tollgate/sip"

// appendHopRequest appends an ACK or CANCEL for a sent INVITE (RFC 3261 9.1 and
// 17.1.1.3): its Request-URI, top Via, Route, From, Call-ID and CSeq number; the
// To is given, since an ACK takes that of the response, and why a CANCEL is sent.
func appendHopRequest(dst []byte, invite *sip.Message, method string, to []byte, why Why) []byte {
	dst = append(dst, method...)
	dst = append(dst, ' ')
	dst = append(dst, invite.RequestURI()...)
	dst = append(dst, " SIP/2.0\r\nVia: "...)
	if via := invite.TopVia(); via != nil {
		dst = append(dst, via.Elem...)
	}
	for i := range invite.FieldCount() {
		if f := invite.Field(i); f.ID == sip.HdrRoute {
			dst = append(dst, "\r\nRoute: "...)
			dst = append(dst, invite.Slice(f.Value)...)
		}
	}
	dst = append(dst, "\r\nMax-Forwards: 70\r\nFrom: "...)
	dst = append(dst, invite.Value(sip.HdrFrom)...)
	dst = append(dst, "\r\nTo: "...)
	dst = append(dst, to...)
	dst = append(dst, "\r\nCall-ID: "...)
	dst = append(dst, invite.CallID()...)
	dst = append(dst, "\r\nCSeq: "...)
	dst = append(dst, invite.Slice(invite.CSeqNumber())...)
	dst = append(dst, ' ')
	dst = why.appendTo(append(dst, method...))
	return append(dst, "\r\nContent-Length: 0\r\n\r\n"...)
}

// sendAck acknowledges a refusal, and keeps the ACK for its retransmissions.
func (sh *Shard) sendAck(c *client, response *sip.Message) {
	if sh.Aux.Parse(c.req) != nil {
		return
	}
	sh.scratch = appendHopRequest(sh.scratch[:0], &sh.Aux, "ACK", response.Value(sip.HdrTo), Why{})
	sh.bufs.put(&c.req)
	c.req = sh.bufs.copyOf(sh.scratch)
	_ = sh.Send(c.flow, c.req)
}

// sendCancel sends the CANCEL of an INVITE as a transaction of its own that
// shares the INVITE's branch; the INVITE has 64*T1 to end (RFC 3261 9.1).
func (sh *Shard) sendCancel(c *client, id ID) {
	sh.wheel.stop(&c.life)
	c.life = sh.After(64*T1, own, clientLife, uint64(id))
	if sh.Aux.Parse(c.req) != nil {
		return
	}
	sh.scratch = appendHopRequest(sh.scratch[:0], &sh.Aux, "CANCEL", sh.Aux.Value(sip.HdrTo), c.why)
	cancel := sh.NewClient(c.user, 0)
	if cancel == 0 {
		return
	}
	c.cancel = cancel
	if sh.SendRequest(cancel, sip.CANCEL, c.flow, sh.scratch) != nil {
		c.cancel = 0
		return
	}
	sh.client(cancel).abandoned = true // nobody is told of its end
}
