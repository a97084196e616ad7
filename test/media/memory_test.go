package media

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

// What a bridged call may hold, signalling and media together, and how many calls say so.
const (
	memoryOfCall = 16 << 10
	memoryFirst  = 50 // these have the node make what it makes once
	memoryCalls  = 500
)

// TestMemory: calls that are up and have been heard on both sides, in clear or with SRTP on both. What
// the node holds beyond what it held before counts, rooms that it has made for more calls included.
func TestMemory(t *testing.T) {
	for name, x := range map[string]*suite{"plain": nil, suites[0].name: &suites[0]} {
		t.Run(name, func(t *testing.T) {
			n := node(t, harness.Settings{}, "off", 5*(memoryFirst+memoryCalls))
			variant := "udp4-udp4"
			if x != nil {
				variant = "tls4-tls4"
			}
			s := stage.New(t, n, stage.Matrix(variant)[1], bridged)
			if x != nil {
				s.Customer.Destinations[0].Proto = "tls+srtp"
				s.Apply()
			}
			a, b := parties(s)
			var up []*conversation
			held := func(calls int) int {
				for range calls {
					up = append(up, memoryCall(s, a, b, x))
				}
				return memoryHeld(s)
			}
			before := held(memoryFirst)
			per := (held(memoryCalls) - before) / memoryCalls
			if t.Logf("%d bytes a call", per); per > memoryOfCall {
				t.Errorf("a call holds %d bytes, more than %d", per, memoryOfCall)
			}
			for _, c := range up {
				s.End(c.a.call, c.b.call)
			}
		})
	}
}

// memoryCall is one more call of two phones, that have heard each other.
func memoryCall(s *stage.Stage, a, b *side, x *suite) *conversation {
	s.Helper()
	ends := [2]*side{{phone: a.phone}, {phone: b.phone}} // of this call alone
	if x != nil {
		a.secures(*x)
		b.secures(*x)
	}
	ends[0].call = s.Caller.Invite(s.URI(), a.sdp())
	if x != nil {
		c := ends[0].answeredSecurely(ends[1])
		talk(a.phone, b.phone, 2)
		return c
	}
	ends[1].call = s.Callee.Accept("INVITE")
	c := ends[0].answeredBy(ends[1])
	talk(a.phone, b.phone, 2)
	return c
}

// memoryHeld is what the node holds in its heap and its stacks after a collection of garbage, in bytes.
func memoryHeld(s *stage.Stage) (bytes int) {
	s.Helper()
	resp, err := http.Get("http://" + s.Node.Metrics + "/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	for _, of := range []string{"HeapAlloc = ", "Stack = "} {
		figure := regexp.MustCompile(`(?m)^# ` + of + `(\d+)`).FindSubmatch(text)
		if figure == nil {
			s.Fatalf("status %d, no %s", resp.StatusCode, of)
		}
		n, err := strconv.Atoi(string(figure[1]))
		if err != nil {
			s.Fatal(err)
		}
		s.Logf("%s%d", of, n)
		bytes += n
	}
	return bytes
}
