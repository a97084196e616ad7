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
	memoryFirst  = 300 // these have what all share made
	memoryCalls  = 500
)

// TestMemory: calls of each kind that are up and have been heard on both sides, SRTP on both where
// there is some. What all calls share, rooms that grow with the first of them included, is not counted.
func TestMemory(t *testing.T) {
	each := func(name, variant string, x *suite) {
		t.Run(name, func(t *testing.T) {
			n := node(t, harness.Settings{}, "off", 5*(memoryFirst+memoryCalls))
			s := stage.New(t, n, stage.Matrix(variant)[1], bridged)
			if x != nil {
				s.Customer.Destinations[0].Proto = "tls+srtp"
				s.Apply()
			}
			a, b := parties(s)
			var up []*conversation
			call := func(times int) int {
				for range times {
					up = append(up, memoryCall(s, a, b, x))
				}
				return heapInUse(t, n)
			}
			before := call(memoryFirst)
			per := (call(memoryCalls) - before) / memoryCalls
			if t.Logf("%d bytes a call", per); per > memoryOfCall {
				t.Errorf("a call holds %d bytes, more than %d", per, memoryOfCall)
			}
			hangUp(t, up...)
		})
	}
	each("plain", "udp4-udp4", nil)
	for i := range suites {
		if x := &suites[i]; x.name != "AES_256_CM_HMAC_SHA1_32" { // this one we do not offer
			each(x.name, "tls4-tls4", x)
		}
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

func hangUp(t *testing.T, calls ...*conversation) {
	t.Helper()
	for _, c := range calls {
		c.End(c.a.call, c.b.call)
	}
}

// heapInUse is what the node holds after a collection of its garbage, in bytes.
func heapInUse(t *testing.T, n *harness.Node) int {
	t.Helper()
	resp, err := http.Get("http://" + n.Metrics + "/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	figure := regexp.MustCompile(`(?m)^# HeapInuse = (\d+)$`).FindSubmatch(text)
	if figure == nil {
		t.Fatalf("status %d, no HeapInuse", resp.StatusCode)
	}
	bytes, _ := strconv.Atoi(string(figure[1]))
	return bytes
}
