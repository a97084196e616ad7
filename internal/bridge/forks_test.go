package bridge

import (
	"net/netip"
	"strings"
	"testing"

	"tollgate/internal/media"
	"tollgate/internal/media/srtp"
)

// TestEarlyDialogs: two encrypted phones of two networks each agree on their media; the first of them
// takes the call and says nothing more. All is as it was agreed with it.
func TestEarlyDialogs(t *testing.T) {
	r := newRig(t)
	video := "m=video 6000 RTP/AVP 96"
	ends := [2]End{
		{Place: place("10.0.0.1"), From: netip.MustParseAddr("10.0.0.2"), Encrypted: true},
		{Place: place("203.0.113.2"), From: netip.MustParseAddr("192.0.2.9"), Outside: true, Encrypted: true},
	}
	r.pass.First = true
	var keys [2]srtp.Key
	var answers [2]string
	for i, end := range ends {
		r.pass.Ends[media.Callee] = end
		r.do(media.Caller, true, text("192.0.2.1", plain, video))
		suite := []srtp.Suite{srtp.AEADAES256GCM, srtp.AESCM128HMACSHA180}[i]
		line, key := crypto(3-2*i, suite) // as these were offered
		keys[i] = key
		answers[i] = text(end.From.String(), "m=audio 5000 RTP/SAVP 0", line, []string{"m=video 5002 RTP/SAVP 96\r\n" + line, "m=video 0 RTP/SAVP 96"}[i])
	}
	r.pass.First = false
	for _, fork := range []uint8{0, 1, 0, 1} {
		r.pass.Fork, r.pass.Ends[media.Callee] = fork, ends[fork]
		told := r.do(media.Callee, false, answers[fork])
		if n := strings.Count(told, "m=video 0 "); n != int(fork) {
			t.Errorf("dialog %d:\n%s", fork, told)
		}
		if p := r.engine.parties["0/1"]; p.In != keys[fork] || p.RTP.Addr() != ends[fork].From {
			t.Errorf("dialog %d: %+v", fork, p)
		}
	}
	r.pass.Fork, r.pass.Ends[media.Callee] = 0, ends[0]
	r.session.Settle(&r.pass)
	for _, n := range []int{0, 1} {
		p := r.engine.parties[key(n, media.Callee)]
		if want := netip.AddrPortFrom(ends[0].From, uint16(5000+2*n)); p.RTP != want || p.In != keys[0] || p.Out.Suite != srtp.AEADAES256GCM || !p.Fresh {
			t.Errorf("stream %d: %+v", n, p)
		}
	}
	if len(r.engine.off) > 0 || r.session.early != nil {
		t.Errorf("off: %v", r.engine.off)
	}
	if again := r.do(media.Caller, true, text("192.0.2.1", plain, video)); strings.Count(again, "a=crypto:1 AEAD_AES_256_GCM ") != 2 {
		t.Errorf("the key is another one:\n%s", again)
	}
}

// TestDialogOfItsOwn: an offer of one dialog is no answer in another one, and what one callee answered
// with is not held against the next.
func TestDialogOfItsOwn(t *testing.T) {
	r := newRig(t)
	r.pass.First = true
	r.do(media.Caller, true, text("192.0.2.1", plain))
	r.pass.First = false
	r.do(media.Callee, false, text("10.0.0.2", plain))
	r.do(media.Callee, true, text("10.0.0.2", "m=audio 5004 RTP/AVP 8")) // UPDATE
	r.pass.Fork = 1
	r.has(r.do(media.Callee, false, text("10.0.0.3", "m=audio 5000 RTP/AVPF 0")), "m=audio 20000 RTP/AVP 0")
	if p := r.engine.parties["0/1"]; p.RTP.String() != "10.0.0.3:5000" || p.Payloads[0] != 1|1<<13 {
		t.Errorf("%+v", p)
	}
	r.pass.Fork = 0
	r.do(media.Caller, false, text("192.0.2.1", "m=audio 4000 RTP/AVP 8")) // the UPDATE's 200
	if p := r.engine.parties["0/1"]; p.RTP.String() != "10.0.0.2:5004" {
		t.Errorf("%+v", p)
	}
	r.session.Settle(&r.pass)
	if !r.session.With(0) || r.session.Answers(media.Callee) {
		t.Error("it is not as the last dialog left it")
	}
	r.session.Forget()
}
