package cdrs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

const secret = "0123456789abcdef0123"

// receiver is whom a node sends its records to.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	status func(list []record) int
	got    []record
	forged int
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: func([]record) int { return 200 }}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	var list []record
	if err != nil || !genuine(req.Header.Get("Tollgate-Signature"), body) || json.Unmarshal(body, &list) != nil || len(list) == 0 {
		r.forged++
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	status := r.status(list)
	if status == http.StatusOK {
		r.got = append(r.got, list...)
	}
	w.WriteHeader(status)
}

// genuine checks a signature as a receiver should.
func genuine(signature string, body []byte) bool {
	at, mac, _ := strings.Cut(strings.TrimPrefix(signature, "t="), ",v1=")
	h := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(h, "%s.%s", at, body)
	return mac == hex.EncodeToString(h.Sum(nil))
}

func (r *receiver) is(status func(list []record) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// wants waits for so many records, which must be the first ones, each once.
func (r *receiver) wants(t *testing.T, n int) {
	t.Helper()
	harness.Eventually(t, 10*time.Second, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.got) != n || r.forged > 0 {
			return fmt.Errorf("%d records of %d, %d forged", len(r.got), n, r.forged)
		}
		for i := range r.got {
			if r.got[i].Seq != int64(i+1) {
				return fmt.Errorf("the %d-th is %+v", i, r.got[i])
			}
		}
		return nil
	})
}

// TestWebhook: each record comes, signed and in order, over a receiver's failures and a kill of the node.
func TestWebhook(t *testing.T) {
	t.Parallel()
	hook := newReceiver(t)
	s := stage.New(t, harness.Start(t, harness.Settings{Config: fmt.Sprintf("cdr: {webhook: {url: %q, secret: %q}}\n", hook.URL, secret)}), stage.One()[0], nil)
	s.Loose = true
	talk := func(n int) {
		for range n {
			a, b := s.Talk()
			s.End(a, b)
		}
	}
	talk(5)
	hook.wants(t, 5)
	hook.is(func([]record) int { return 503 })
	talk(5)
	r := newReader(t, s.Node)
	r.want(s.Customer.Name, 10)
	s.Node.Signal(t, syscall.SIGKILL)
	s.Node.Exited(harness.Stopping)
	hook.is(func([]record) int { return 200 })
	s.Node.Up(t)
	hook.wants(t, 10)
}

// TestDeadLetters: a record that the receiver cannot do with holds nothing up, and is sent again on demand.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	hook := newReceiver(t)
	hook.is(func(list []record) int {
		for _, c := range list {
			if c.Seq == 2 {
				return 422
			}
		}
		return 200
	})
	s := stage.New(t, harness.Start(t, harness.Settings{Env: []string{"TOLLGATE_CDR_WEBHOOK_URL=" + hook.URL, "TOLLGATE_CDR_WEBHOOK_SECRET=" + secret}}), stage.One()[0], nil)
	r := newReader(t, s.Node)
	for range 4 {
		a, b := s.Talk()
		s.End(a, b)
	}
	var letters struct {
		Items []struct {
			Record record
			Error  string
		}
	}
	harness.Eventually(t, harness.Soon, func() error {
		if err := json.Unmarshal(r.call(http.MethodGet, "cdrs/dead-letters"), &letters); err != nil || len(letters.Items) != 1 {
			return fmt.Errorf("%+v, %w", letters, err)
		}
		return nil
	})
	if l := letters.Items[0]; l.Record.Seq != 2 || !strings.Contains(l.Error, "422") || l.Record.Status != 200 {
		t.Errorf("%+v", l)
	}
	hook.is(func([]record) int { return 200 })
	r.key = strings.TrimSpace(s.Node.Must(t, "api-keys", "create", "operator", "--access", "admin").Stdout)
	if answer := r.call(http.MethodPost, "cdrs/dead-letters/retry"); !strings.Contains(string(answer), `"records":1`) {
		t.Errorf("%s", answer)
	}
	harness.Eventually(t, harness.Soon, func() error {
		hook.mu.Lock()
		defer hook.mu.Unlock()
		if n := len(hook.got); n != 4 || hook.got[n-1].Seq != 2 {
			return fmt.Errorf("%+v", hook.got)
		}
		return nil
	})
	if text := s.Node.Must(t, "export").Stdout + s.Node.LogSince(0); strings.Contains(text, secret) {
		t.Error("the secret is shown")
	}
}

// TestFlood: thousands of refused attempts are all counted, in few records.
func TestFlood(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t), stage.One()[0], func(c *harness.Customer) { c.Extra = "blocklist:\n  - {prefix: \"00882\"}\n" })
	r := newReader(t, s.Node)
	const attempts = 2000
	sent := s.Caller.Invite("sip:00882123@" + s.Domain)
	sent.Expect(403)
	whole := string(sent.Sent().Bytes())
	unanswered := map[string]string{} // by Call-ID
	keepUp := func() {
		again := time.Now().Add(time.Second)
		harness.Eventually(t, 20*time.Second, func() error {
			for _, m := range s.Caller.Drain() {
				delete(unanswered, m.Get("Call-ID"))
			}
			if len(unanswered) == 0 {
				return nil
			}
			if time.Now().After(again) { // a node that is behind leaves out INVITEs, since they come again
				again = time.Now().Add(time.Second)
				for _, invite := range unanswered {
					s.Caller.Raw([]byte(invite))
				}
			}
			return fmt.Errorf("%d are not answered", len(unanswered))
		})
	}
	began := time.Now()
	for n := 1; n < attempts; n++ {
		// Another Call-ID and branch make another attempt.
		id := fmt.Sprintf("%d-%s", n, sent.ID)
		other := strings.ReplaceAll(strings.ReplaceAll(whole, "branch=z9hG4bK", fmt.Sprintf("branch=z9hG4bK%dx", n)), sent.ID, id)
		unanswered[id] = other
		s.Caller.Raw([]byte(other))
		if n%50 == 0 { // or a socket's buffer might be full
			keepUp()
		}
	}
	keepUp()
	took := time.Since(began)
	var list []record
	harness.Eventually(t, 10*time.Second, func() error {
		total := 0
		list = r.of(s.Customer.Name)
		for _, c := range list {
			total += 1 + c.Repeated
		}
		if total != attempts {
			return fmt.Errorf("%d attempts in %d records", total, len(list))
		}
		return nil
	})
	if most := 11 * (2 + int(took/time.Second)); len(list) > most {
		t.Errorf("%d records in %v, want at most %d", len(list), took, most)
	}
}
