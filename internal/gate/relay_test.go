package gate_test

import (
	"strings"
	"testing"
	"time"
)

// Tests of requests outside of calls.

const message = `MESSAGE sip:3401@acme.test SIP/2.0
Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKm1
From: "Alice" <sip:0409@198.51.100.7>;tag=alice
To: <sip:3401@acme.test>
Call-ID: msg1@198.51.100.7
CSeq: 3 MESSAGE
Max-Forwards: 70
Content-Type: text/plain

hello
`

var options = strings.NewReplacer("MESSAGE", "OPTIONS", "z9hG4bKm1", "z9hG4bKo1", "msg1@", "opt1@").Replace(message)

// empty checks that no transaction is left once the last timers have fired.
func (r *rig) empty() {
	r.t.Helper()
	r.wait(70 * time.Second)
	for i := range r.layer.Shards() {
		if s := r.layer.Stats(i); s.Servers != 0 || s.Clients != 0 {
			r.t.Fatalf("shard %d keeps %d server and %d client transactions", i, s.Servers, s.Clients)
		}
	}
	r.forgotten()
}

func TestRelay(t *testing.T) {
	for _, text := range []string{message, options} {
		method, _, _ := strings.Cut(text, " ")
		t.Run(method, func(t *testing.T) {
			both(t, func(r *rig, hidden bool) {
				r.in(aliceAddr, text)
				r.in(aliceAddr, text) // absorbed
				got := r.want(pbxAddr, method+" sip:3401@acme.test SIP/2.0\r\n")
				r.nothing(pbxAddr)
				if header(got, "CSeq") != "3 "+method || header(got, "Max-Forwards") != "69" || !strings.HasSuffix(got, "\r\n\r\nhello\r\n") ||
					header(got, "Record-Route") != "" {
					t.Errorf("not as it came:\n%s", got)
				}
				r.in(pbxAddr, answer(got, "200 OK", "Server: PBX at 203.0.113.10\nContact: <sip:bob@203.0.113.10>\n"))
				ok := r.want(aliceAddr, "SIP/2.0 200 ")
				r.in(aliceAddr, text) // the answer was lost
				if again := r.want(aliceAddr, "SIP/2.0 200 "); again != ok {
					t.Error("another answer")
				}
				if header(ok, "Call-ID") != header(text2wire(text), "Call-ID") || header(ok, "From") != `"Alice" <sip:0409@198.51.100.7>;tag=alice` {
					t.Errorf("not Alice's answer:\n%s", ok)
				}
				if hidden && (strings.Contains(got, "198.51.100.7") || strings.Contains(got, "tag=alice")) {
					t.Errorf("the caller shows:\n%s", got)
				}
				if hidden && (strings.Contains(ok, "203.0.113.10") || strings.Contains(ok, "tag=bob")) {
					t.Errorf("the callee shows:\n%s", ok)
				}
				r.empty()
			})
		})
	}
}

func text2wire(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

func TestRelayFailover(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, message)
		r.in(pbxAddr, answer(r.want(pbxAddr, "MESSAGE "), "503 Service Unavailable", ""))
		second := r.want(pbx2Addr, "MESSAGE ")
		r.nothing(aliceAddr)
		r.in(pbx2Addr, answer(second, "202 Accepted", ""))
		r.want(aliceAddr, "SIP/2.0 202 ")
		r.empty()
	})
}

// TestRelayAllRefuse: a last 503 goes up as 500 (RFC 3261 16.7 step 6).
func TestRelayAllRefuse(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, message)
		r.in(pbxAddr, answer(r.want(pbxAddr, "MESSAGE "), "502 Bad Gateway", ""))
		r.in(pbx2Addr, answer(r.want(pbx2Addr, "MESSAGE "), "503 Service Unavailable", ""))
		r.want(aliceAddr, "SIP/2.0 500 ")
		r.empty()
	})
}

// TestRelaySilence: the initial timeout for each destination, then 404 to the outside
// (row C10); what was given up is not sent again, and its late answer dies.
func TestRelaySilence(t *testing.T) {
	for _, text := range []string{message, options} {
		both(t, func(r *rig, _ bool) {
			method, _, _ := strings.Cut(text, " ")
			r.in(aliceAddr, text)
			first := r.want(pbxAddr, method)
			r.wait(5100 * time.Millisecond)
			r.drain(pbxAddr)
			r.want(pbx2Addr, method)
			r.in(pbxAddr, answer(first, "200 OK", ""))
			r.nothing(aliceAddr)
			r.wait(5100 * time.Millisecond)
			r.nothing(pbxAddr)
			r.want(aliceAddr, "SIP/2.0 404 ")
			r.empty()
		})
	}
}

// TestRelayOutboundSilence: 408 to the PBX.
func TestRelayOutboundSilence(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(pbxAddr, strings.Replace(message, "sip:3401@acme.test SIP", "sip:0401@203.0.113.200 SIP", 1))
		r.want(carrierAddr, "MESSAGE ")
		r.wait(5100 * time.Millisecond)
		r.want(pbxAddr, "SIP/2.0 408 ")
		r.empty()
	})
}

// TestRelayProvisional: once a destination has said a word it has its time; the word
// itself is nobody's but the next hop's.
func TestRelayProvisional(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, message)
		m := r.want(pbxAddr, "MESSAGE ")
		r.in(pbxAddr, answer(m, "100 Trying", ""))
		r.wait(20 * time.Second)
		r.nothing(pbx2Addr)
		r.nothing(aliceAddr)
		r.in(pbxAddr, answer(m, "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.empty()
	})
}

func TestRelayRefusals(t *testing.T) {
	for _, status := range []string{"401", "404", "486", "603"} {
		both(t, func(r *rig, _ bool) {
			r.in(aliceAddr, message)
			r.in(pbxAddr, answer(r.want(pbxAddr, "MESSAGE "), status+" No", ""))
			r.want(aliceAddr, "SIP/2.0 "+status+" ")
			r.nothing(pbx2Addr)
			r.empty()
		})
	}
}

func TestRelayRedirection(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		r.in(aliceAddr, message)
		r.in(pbxAddr, answer(r.want(pbxAddr, "MESSAGE "), "302 Moved", "Contact: <sip:bob@203.0.113.77>\n"))
		if hidden {
			if no := r.want(aliceAddr, "SIP/2.0 480 "); strings.Contains(no, "203.0.113.77") {
				t.Errorf("the new place shows:\n%s", no)
			}
		} else {
			r.want(aliceAddr, "SIP/2.0 302 ")
		}
		r.empty()
	})
}

// TestRelayUnsendable: nothing can be sent anywhere.
func TestRelayUnsendable(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.refuses[pbxAddr], r.refuses[pbx2Addr] = true, true
		r.in(aliceAddr, message)
		r.want(aliceAddr, "SIP/2.0 404 ")
		r.empty()
	})
}

// TestNotServed: what this issue does not carry is refused by name.
func TestNotServed(t *testing.T) {
	run(t, false, func(r *rig) {
		r.in(aliceAddr, strings.ReplaceAll(message, "MESSAGE", "PRACK"))
		if no := r.want(aliceAddr, "SIP/2.0 405 "); !strings.Contains(header(no, "Allow"), "INVITE") {
			t.Errorf("Allow %q", header(no, "Allow"))
		}
		r.in(aliceAddr, strings.Replace(message, "Max-Forwards", "Proxy-Require: foo\nMax-Forwards", 1))
		if no := r.want(aliceAddr, "SIP/2.0 420 "); header(no, "Unsupported") != "foo" {
			t.Errorf("Unsupported %q", header(no, "Unsupported"))
		}
		r.empty()
	})
}
