package fraud

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// requests are REGISTER and OPTIONS within ten seconds.
func requests() []scenario {
	return []scenario{
		{name: "REGISTER", thresholds: "register: 5", matrix: stage.One(), play: registers},
		{name: "OPTIONS", thresholds: "options: 5", matrix: stage.Matrix("udp4-udp4", "tcp4-udp4"), play: options},
		{name: "a round of authentication counts once", thresholds: "register: 4", matrix: plain(), play: rounds},
		{name: "passwords count", thresholds: "register: 4", matrix: plain(), play: passwords},
	}
}

// register asks for a registration, which the PBX answers; 0: it is not to reach that.
func (sc *scene) register(u *peer.UA, user string, status int) *peer.Registration {
	sc.Helper()
	r := u.Registers(user, sc.Domain)
	sc.again(r, status)
	return r
}

func (sc *scene) again(r *peer.Registration, status int, opts ...peer.Option) {
	sc.Helper()
	r.Ask(600, opts...)
	if status == 0 {
		r.Expect("403 REGISTER")
		return
	}
	pbx := sc.Callee.Next(peer.Patience)
	if pbx == nil {
		sc.Fatal("no REGISTER reached the PBX")
	}
	switch status {
	case 401:
		pbx.Answer(401, peer.With("WWW-Authenticate", `Digest realm="x", nonce="y"`))
	default:
		pbx.Answer(status, peer.With("Contact", pbx.Incoming().Get("Contact")+";expires=600"))
	}
	r.Expect(fmt.Sprintf("%d REGISTER", status))
}

func registers(sc *scene) {
	for range 4 {
		sc.register(sc.Caller, "alice", 404)
	}
	sc.register(sc.Caller, "bob", 404) // another key
	sc.isHeard(sc.Caller)
	sc.register(sc.Caller, "alice", 0)
	b := sc.isBanned(sc.Caller)
	if evidence, _ := b["evidence"].(string); !strings.Contains(evidence, "register 5 of 5") {
		sc.Errorf("evidence %q", evidence)
	}
	sc.register(sc.Peer(udp()), "alice", 404) // the address is banned, not the key
	if r := sc.row("register"); r["triggered"] != 1.0 || r["mode"] != "enforce" {
		sc.Errorf("%v", r)
	}
}

func options(sc *scene) {
	for i := range 4 {
		call := sc.Caller.Start("OPTIONS", sc.uri(fmt.Sprintf("34012345%02d", i)), sc.from)
		sc.Callee.Accept("OPTIONS").Answer(200)
		call.Expect("200 OPTIONS")
	}
	sc.Caller.Start("OPTIONS", sc.uri("3401234599"), sc.from).Expect("403 OPTIONS")
	harness.Eventually(sc.T, peer.Patience, func() error {
		if sc.banned(sc.Caller) == nil {
			return fmt.Errorf("not banned")
		}
		return nil
	})
}

const credentials = `Digest username="alice", realm="x", nonce="y", uri="sip:x", response="00000000000000000000000000000000"`

func rounds(sc *scene) {
	for range 3 {
		r := sc.register(sc.Caller, "alice", 401)
		sc.again(r, 404, peer.With("Authorization", credentials))
	}
	sc.isHeard(sc.Caller)
	sc.register(sc.Caller, "alice", 0)
	sc.isBanned(sc.Caller)
}

func passwords(sc *scene) {
	r := sc.register(sc.Caller, "alice", 401)
	for _, status := range []int{401, 401, 401, 0} { // the first belongs to what came before
		sc.again(r, status, peer.With("Authorization", credentials))
	}
	sc.isBanned(sc.Caller)
}

// metrics: what the scenarios before have done is in the metrics.
func metrics(t *testing.T, n *harness.Node) {
	resp, err := http.Get("http://" + n.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"invite", "register", "options"} {
		for _, mode := range []string{"enforce", "monitor"} {
			name := fmt.Sprintf("tollgate_antifraud_total{method=%q,mode=%q} ", method, mode)
			if !strings.Contains(string(body), name) || mode == "enforce" && strings.Contains(string(body), name+"0\n") {
				t.Errorf("the metrics say nothing of %s", name)
			}
		}
	}
}
