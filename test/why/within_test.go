package why

import (
	"fmt"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// withins are requests that are refused within a call, and calls that end here though nothing forbade them.
func withins() []scenario {
	blocked := "blocklist:\n  - {prefix: \"00882\"}\n"
	return []scenario{
		{"a transfer to a blocked number, by an entry", blocked, stage.One(), transferEntry},
		{"a transfer to a blocked number, by domain", blocked, plain(), transferDomain},
		{"nobody answers, by an entry", "timers: {initial: 1s}\n", plain(), silentEntry},
		{"nobody answers a MESSAGE, by an entry", "timers: {initial: 1s}\n", plain(), silentMessage},
	}
}

// transferEntry: the call stands, its transfer is refused with the call's reference.
func transferEntry(sc *scene) {
	sc.entry("")
	a := sc.Caller.Invite("sip:0612345@" + sc.Domain)
	b := sc.Callee.Accept("INVITE")
	b.Answer(200)
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	a.Request("REFER", peer.With("Refer-To", "<sip:0088212345@"+sc.Domain+">"))
	ref := sc.told(a.Expect("403 REFER"), "blocklist")
	sc.refusedLater(a, ref)
	sc.End(a, b)
	sc.refusedLater(a, ref)
}

// transferDomain: who is known by the domain alone gets the bare code.
func transferDomain(sc *scene) {
	a, b := sc.Talk()
	a.Request("REFER", peer.With("Refer-To", "<sip:0088212345@"+sc.Domain+">"))
	if m := a.Expect("403 REFER"); m.Has("Reason") {
		sc.Errorf("a caller by domain is told %q", m.Get("Reason"))
	}
	_, d := sc.of(a.ID)
	sc.refusedLater(a, d.Ref)
	sc.End(a, b)
}

// refusedLater wants the call to be found by its reference, with its refused transfer.
func (sc *scene) refusedLater(a *peer.Call, ref string) {
	sc.Helper()
	text, d := sc.of(a.ID)
	if d.Ref != ref || d.Refused {
		sc.Errorf("the caller was told the reference %q, and it is %+v", ref, d)
	}
	if len(d.Later) != 1 || d.Later[0].Method != "REFER" || d.Later[0].Status != 403 || d.Later[0].Reason != "blocklist" || d.Later[0].RuleName != "00882" {
		sc.Errorf("%+v", d.Later)
	}
	sc.says(text, "let through", "REFER refused with 403, blocklist: The number is on the customer's block list. (00882)")
	sc.foundBy(&d, ref)
	if found := sc.Node.JSON(sc.T, "decisions", "--customer", sc.Customer.Name, "--reason", "blocklist"); len(found) != 1 || found[0]["id"] != d.ID {
		sc.Errorf("decisions by the reason: %v", found)
	}
	if n := metric(sc.T, sc.Node, `tollgate_requests_total{method="REFER",reason="blocklist"}`); n < 1 {
		sc.Errorf("the metric counts none")
	}
	harness.Eventually(sc.T, harness.Soon, func() error {
		if line := sc.Node.LogSince(0, "ref="+ref); line == "" {
			return fmt.Errorf("the log has no reference %s", ref)
		}
		return nil
	})
}

// silentEntry: the destination says nothing at all.
func silentEntry(sc *scene) {
	sc.entry("")
	a := sc.Caller.Invite("sip:0612345@" + sc.Domain)
	sc.Callee.Accept("INVITE")
	m := a.Expect(404)
	ref := sc.told(m, "initial_timeout")
	_, d := sc.of(a.ID)
	if ref == "" || ref != d.Ref || d.Status != 404 {
		sc.Errorf("%q told in %q, of %+v", ref, m.Get("Reason"), d)
	}
}

// silentMessage: nor does it answer a MESSAGE, which has no record but its case.
func silentMessage(sc *scene) {
	sc.entry("")
	a := sc.Caller.Start("MESSAGE", "sip:0612345@"+sc.Domain)
	sc.Callee.Accept("MESSAGE")
	ref := sc.told(a.Expect(404), "initial_timeout")
	text, d := sc.of(a.ID)
	if ref == "" || ref != d.Ref || len(d.Later) != 1 || d.Later[0].Status != 404 || d.Later[0].Reason != "initial_timeout" {
		sc.Errorf("%q told, of %+v", ref, d)
	}
	sc.says(text, "MESSAGE refused with 404, initial_timeout")
}
