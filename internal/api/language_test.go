package api

import (
	"context"
	"net/http"
	"testing"

	"tollgate/internal/ban"
	"tollgate/internal/call"
	"tollgate/internal/cdr"
	"tollgate/internal/policy"
	"tollgate/internal/threat"
	"tollgate/internal/trace"
)

// TestAccepted: which language a client gets.
func TestAccepted(t *testing.T) {
	for header, want := range map[string]policy.Language{
		"": policy.English, "it": policy.Italian, "it-IT,it;q=0.9,en;q=0.8": policy.Italian, "en-GB, it;q=0.5": policy.English,
		"de, it;q=0.2": policy.Italian, "de": policy.English, "*": policy.English, "IT": policy.Italian, "it;q=0": policy.English,
		"it;q=x": policy.English, "it;q=9": policy.English, "en;q=0.3,it;q=0.4": policy.Italian, ",;,": policy.English, "italian": policy.English,
	} {
		if got := accepted(http.Header{"Accept-Language": {header}}); got != want {
			t.Errorf("%q: %d, want %d", header, got, want)
		}
	}
}

// TestSpeak: decisions and records say their sentences in it, and keep what is no reason of now.
func TestSpeak(t *testing.T) {
	ctx := context.WithValue(t.Context(), languageKey, policy.Italian)
	d := trace.Decision{Reason: "firewall", Would: []trace.Would{{Reason: "banned"}}}
	list := []cdr.CDR{{Reason: "call_limit"}, {Reason: "of_long_ago", Sentence: "Something."}}
	speak(ctx, &d)
	speakCDRs(ctx, list)
	if d.Sentence != policy.Firewalled.In(policy.Italian) || d.Would[0].Sentence != policy.Banned.In(policy.Italian) ||
		list[0].Sentence != policy.CallLimit.In(policy.Italian) || list[1].Sentence != "Something." {
		t.Errorf("%+v %+v", d, list)
	}
}

// TestBansSpeak: what Tollgate bans for is said in it, each of its offences; a person's words stay.
func TestBansSpeak(t *testing.T) {
	for _, o := range threat.Offences() {
		b := ban.Ban{Reason: o.Sentence(), Times: 1}
		if got := banSentence(&b, policy.Italian); got == o.Sentence() || got == "" {
			t.Errorf("no Italian for %q", o.Sentence())
		}
		if got := banSentence(&b, policy.English); got != o.Sentence() {
			t.Errorf("%q in English: %q", o.Sentence(), got)
		}
	}
	for _, c := range []struct {
		b    ban.Ban
		want string
	}{
		{ban.Ban{Reason: "antifraud", Times: 2}, policy.Antifraud.In(policy.Italian)},
		{ban.Ban{Reason: "antifraud"}, "antifraud"},
		{ban.Ban{Reason: "customer"}, "customer"},
	} {
		if got := banSentence(&c.b, policy.Italian); got != c.want {
			t.Errorf("%+v: %q, want %q", c.b, got, c.want)
		}
	}
	b := ban.Ban{Reason: "antifraud", Times: 1}
	if !banHolds(&b, "soglia antifrode", policy.Italian) || banHolds(&b, "soglia antifrode", policy.English) || !banHolds(&b, "antifraud", policy.Italian) {
		t.Error("the filter does not look at what is shown")
	}
}

// TestCallsByNumber: a live call is found by its numbers however they are written.
func TestCallsByNumber(t *testing.T) {
	c := call.Summary{From: `"x" <sip:0039040123456@h>`, To: "<tel:+39-02-1234567>"}
	for q, want := range map[string]bool{"+39 040 123456": true, "040-123456": true, "+39021234567": true, "+39 040 123457": false, "": true, "12": true, "77": false} {
		if holds(&c, q) != want {
			t.Errorf("%q: %t", q, !want)
		}
	}
}
