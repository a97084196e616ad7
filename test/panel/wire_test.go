package panel

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/test/peer"
)

// wire is the way of the browser's tests to the phones: they ask by HTTP, and the test's own goroutine does it,
// since scripted phones belong to that.
//
// It is also the receiver of the node's call records: it takes none of whom it is told to be deaf to.
type wire struct {
	listener net.Listener
	asked    chan asked
	deaf     atomic.Pointer[string] // a customer's name
}

// asked is one wish that waits for its outcome.
type asked struct {
	what    string
	wish    wish
	outcome chan<- outcome
}

// wish says what is to be sent.
type wish struct {
	Source  string // the caller's name; each has an address of its own
	Method  string // of a request; INVITE for calls
	URI     string
	From    string // a URI, or a whole From without its tag
	Agent   string
	User    string // of a REGISTER
	Domain  string
	Secret  string
	Hold    bool   // the call stays up
	Silence bool   // no answer is expected: do not wait for long
	PBX     string // whose status
	Status  int
	Count   int // of calls in a crowd
	Run     run // SIPp's
}

// outcome is what came of it.
type outcome struct {
	Status int            `json:"status"` // 0: silence
	Reason string         `json:"reason"` // the Reason header, with the reference
	Source string         `json:"source"` // the caller's address
	Took   map[string]int `json:"took"`   // how many calls each PBX got
	Ends   []string       `json:"ends"`   // the Reason of each BYE that both sides got
	Texts  []string       `json:"texts"`  // that came to the phone
	Run    *ran           `json:"run"`
}

func newWire(t testing.TB) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, asked: make(chan asked)}
	server := &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return w
}

func (w *wire) url() string { return "http://" + w.listener.Addr().String() }

// settings are the lines of node.yaml that the panel is to show something of.
func (w *wire) settings() string {
	return fmt.Sprintf("platform: {contact: %q}\ncdr: {webhook: {url: %q, secret: %q}}\n",
		"NOC Trieste, +39 040 9991234, <b>noc</b>@panel.example", w.url()+"/cdrs", "correct-horse-battery")
}

// records takes call records as a webhook's receiver does.
func (w *wire) records(rw http.ResponseWriter, r *http.Request) {
	var list []struct{ Customer string }
	if err := json.NewDecoder(r.Body).Decode(&list); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	deaf := w.deaf.Load()
	for _, c := range list {
		if deaf != nil && c.Customer == *deaf {
			http.Error(rw, "whose is that?", http.StatusUnprocessableEntity)
			return
		}
	}
}

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/cdrs" {
		w.records(rw, r)
		return
	}
	var one wish
	if err := json.NewDecoder(r.Body).Decode(&one); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	back := make(chan outcome, 1)
	select {
	case w.asked <- asked{what: r.URL.Path, wish: one, outcome: back}:
	case <-r.Context().Done():
		return
	}
	select {
	case o := <-back:
		_ = json.NewEncoder(rw).Encode(o)
	case <-r.Context().Done():
	}
}

// serve does what the browser's tests ask for until they end; it gives what went wrong with them.
func (s *scene) serve(ended <-chan error, patience time.Duration) error {
	over := time.After(patience)
	for {
		select {
		case err := <-ended:
			return err
		case <-over:
			return fmt.Errorf("not done within %v", patience)
		case a := <-s.wire.asked:
			a.outcome <- s.do(a.what, &a.wish)
		}
	}
}

func (s *scene) do(what string, w *wish) outcome {
	switch what {
	case "/call":
		return s.place(w)
	case "/send":
		return s.send(w)
	case "/register":
		return s.register(w)
	case "/pbx":
		s.pbx[w.PBX].told <- w.Status
	case "/gather":
		return s.gather(w)
	case "/thin":
		return s.thin(w)
	case "/ended":
		return s.ended(w)
	case "/sipp":
		return outcome{Run: s.sipp(&w.Run)}
	case "/deaf":
		s.wire.deaf.Store(&w.Source)
	case "/texts":
		return outcome{Texts: all(s.caller(w.Source).texts)}
	default:
		s.t.Errorf("the browser's tests ask for %s", what)
	}
	return outcome{}
}

// options are those of a request.
func (w *wish) options(tag string) (opts []peer.Option) {
	if w.From != "" {
		from := w.From
		if from[len(from)-1] != '>' {
			from = "<" + from + ">"
		}
		opts = append(opts, peer.With("From", from+";tag="+tag))
	}
	if w.Agent != "" {
		opts = append(opts, peer.With("User-Agent", w.Agent))
	}
	return opts
}

func (w *wish) patience() time.Duration {
	if w.Silence {
		return 600 * time.Millisecond
	}
	return 8 * time.Second
}

// place makes a call, and ends it unless it is to stay up.
func (s *scene) place(w *wish) (o outcome) {
	caller := s.caller(w.Source)
	for _, p := range s.pbx {
		p.took()
	}
	s.tags++
	c := caller.ua.Invite(w.URI, w.options(fmt.Sprintf("panel%d", s.tags))...)
	o = s.await(caller, c, w)
	o.Took = map[string]int{}
	for name, p := range s.pbx {
		if n := p.took(); n > 0 {
			o.Took[name] = n
		}
	}
	if o.Status == 200 {
		c.Ack()
		if !w.Hold {
			c.Request("BYE")
			c.AwaitWithin(20*time.Second, "200 BYE") // the machine is busy with browsers
		}
	}
	return o
}

// await waits for the final answer of a request; a refusal is acknowledged.
func (s *scene) await(caller *phone, c *peer.Call, w *wish) outcome {
	o := outcome{Source: c.UA.IP()}
	over := time.After(w.patience())
	for {
		select {
		case m := <-caller.finals:
			if m.Get("Call-ID") != c.ID {
				continue
			}
			s.last, o.Status, o.Reason = m, m.Status, m.Get("Reason")
			if c.AwaitWithin(peer.Patience, m.Status) == nil {
				s.t.Errorf("the answer %d is lost", m.Status)
			}
			return o
		case <-over:
			return o
		}
	}
}

// send sends a request outside of calls.
func (s *scene) send(w *wish) outcome {
	caller := s.caller(w.Source)
	s.tags++
	return s.await(caller, caller.ua.Start(w.Method, w.URI, w.options(fmt.Sprintf("panel%d", s.tags))...), w)
}

// register registers a phone with its password, or without one where that is empty.
func (s *scene) register(w *wish) outcome {
	caller := s.caller(w.Source)
	r := caller.ua.Registers(w.User, w.Domain)
	opts := w.options("")
	r.Ask(600, opts...)
	o := s.await(caller, r.Call, w)
	if o.Status != 401 || w.Secret == "" {
		return o
	}
	r.Ask(600, append(opts, peer.Credentials{User: w.User, Password: w.Secret}.Answer(s.last))...)
	return s.await(caller, r.Call, w)
}

// ended waits for the end of so many held calls, at the caller and at the PBX, and gives what the BYEs name as their Reason.
func (s *scene) ended(w *wish) (o outcome) {
	over := time.After(w.patience())
	for _, byes := range []<-chan *peer.Message{s.caller(w.Source).byes, s.pbx[w.PBX].byes} {
		for ended := map[string]bool{}; len(ended) < w.Count; {
			select {
			case m := <-byes:
				if id := m.Get("Call-ID"); !ended[id] && m.Has("Reason") { // a party's own BYE has none
					ended[id] = true
					o.Ends = append(o.Ends, m.Get("Reason"))
				}
			case <-over:
				return o
			}
		}
	}
	return o
}
