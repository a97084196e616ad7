package transaction_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

var (
	here  = netip.MustParseAddrPort("192.0.2.1:5060")
	near  = transport.Flow{Proto: transport.UDP, Local: here, Remote: netip.MustParseAddrPort("198.51.100.7:5062")}
	far   = transport.Flow{Proto: transport.UDP, Local: here, Remote: netip.MustParseAddrPort("203.0.113.10:5060")}
	other = transport.Flow{Proto: transport.UDP, Local: here, Remote: netip.MustParseAddrPort("203.0.113.99:5060")}
)

// over gives a flow another protocol.
func over(f transport.Flow, p transport.Proto) transport.Flow {
	f.Proto = p
	return f
}

// sent is a message that left, and when.
type sent struct {
	at   time.Duration
	to   netip.AddrPort
	text string
}

// rig is a layer in virtual time whose user and core write down what they are told.
type rig struct {
	t      *testing.T
	layer  *transaction.Layer
	user   uint8
	start  time.Time
	mu     sync.Mutex // guards out and events
	out    []sent
	events []string
	broken bool           // sending fails
	server transaction.ID // of the last new request
	accept bool           // core takes requests
}

// run gives f a layer with one shard.
func run(t *testing.T, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, start: time.Now(), accept: true}
		r.layer = transaction.New(transaction.Config{Shards: 1, Send: r, Core: r, MaxCells: 8})
		r.user = r.layer.Register(r)
		r.layer.Run()
		defer r.layer.Close()
		f(r)
	})
}

func (r *rig) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf(format, args...))
}

func (r *rig) Send(f transport.Flow, data []byte) error {
	if r.broken {
		return errors.New("broken")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out = append(r.out, sent{time.Since(r.start), f.Remote, string(data)})
	return nil
}

func (r *rig) Request(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	r.note("request %s", m.Method())
	if r.accept {
		r.server = sh.NewServer(m, f, r.user, 42)
	}
}

func (r *rig) Ack(*transaction.Shard, *sip.Message, transport.Flow) { r.note("ack") }

func (r *rig) Cancel(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	sh.Reply(m, f, &sip.Response{Status: 481})
}

func (r *rig) Pong(*transaction.Shard, *sip.Message, transport.Flow) {}

func (r *rig) Stray(_ *transaction.Shard, m *sip.Message, _ transport.Flow) {
	r.note("stray %d", m.StatusCode())
}

func (r *rig) Response(_ *transaction.Shard, _ transaction.ID, ref uint64, m *sip.Message, _ transport.Flow) {
	r.note("%d to %d", m.StatusCode(), ref)
}

func (r *rig) Failed(_ *transaction.Shard, _ transaction.ID, ref uint64, _ transaction.Failure) {
	r.note("failed %d", ref)
}

func (r *rig) Unreachable(_ *transaction.Shard, _ transaction.ID, ref uint64) {
	r.note("unreachable %d", ref)
}

func (r *rig) Ended(_ *transaction.Shard, _ transaction.ID, ref uint64) { r.note("ended %d", ref) }

func (r *rig) Canceled(_ *transaction.Shard, _ transaction.ID, ref uint64) {
	r.note("canceled %d", ref)
}

func (r *rig) Timer(_ *transaction.Shard, code uint8, ref uint64) { r.note("timer %d %d", code, ref) }

// wait lets virtual time pass.
func (r *rig) wait(d time.Duration) {
	time.Sleep(d) // virtual: testing/synctest
	synctest.Wait()
}

// in hands the layer a message.
func (r *rig) in(f transport.Flow, text string) {
	r.t.Helper()
	var m sip.Message
	if err := m.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		r.t.Fatal(err)
	}
	r.layer.Receive(&m, f)
	synctest.Wait()
}

// do runs f with the shard locked.
func (r *rig) do(f func(sh *transaction.Shard)) {
	r.layer.Do(0, f)
	synctest.Wait()
}

// want checks what was told since the last look.
func (r *rig) want(events ...string) {
	r.t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.events, events) {
		r.t.Fatalf("told %q, want %q", r.events, events)
	}
	r.events = nil
}

// take gives what left since the last look.
func (r *rig) take() []sent {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.out
	r.out = nil
	return list
}

// sends checks the start of each message that left since the last look.
func (r *rig) sends(prefixes ...string) []sent {
	r.t.Helper()
	list := r.take()
	ok := len(list) == len(prefixes)
	for i := range list {
		ok = ok && strings.HasPrefix(list[i].text, prefixes[i])
	}
	if !ok {
		var got []string
		for _, s := range list {
			line, _, _ := strings.Cut(s.text, "\r\n")
			got = append(got, line)
		}
		r.t.Fatalf("sent %q, want %q", got, prefixes)
	}
	return list
}

// times checks when the messages left that left since the last look: each as much
// as slack after the time wanted, never before.
func (r *rig) times(prefix string, slack time.Duration, want ...time.Duration) {
	r.t.Helper()
	list := r.take()
	if len(list) != len(want) {
		r.t.Fatalf("%d messages, want %d", len(list), len(want))
	}
	for i, s := range list {
		if !strings.HasPrefix(s.text, prefix) || s.at < want[i] || s.at > want[i]+slack {
			r.t.Errorf("message %d left at %v, want %v: %.40q", i, s.at, want[i], s.text)
		}
	}
}

// empty checks that no cell is left.
func (r *rig) empty() {
	r.t.Helper()
	if s := r.layer.Stats(0); s.Clients != 0 || s.Servers != 0 {
		r.t.Fatalf("%d client and %d server cells are left", s.Clients, s.Servers)
	}
}

// send starts a client transaction and gives its request.
func (r *rig) send(method sip.Method, f transport.Flow, ref uint64) (id transaction.ID, request string) {
	r.t.Helper()
	r.do(func(sh *transaction.Shard) {
		id = sh.NewClient(r.user, ref)
		branch := string(sh.AppendBranch(nil, id, 0))
		request = fmt.Sprintf("%s sip:bob@b.test SIP/2.0\nVia: SIP/2.0/%s 192.0.2.1:5060;branch=%s;rport\nRoute: <sip:p.test;lr>\n"+
			"From: <sip:a@a.test>;tag=a\nTo: <sip:bob@b.test>\nCall-ID: c1\nCSeq: 7 %[1]s\nContent-Length: 0\n\n", method, f.Proto.Via(), branch)
		if err := sh.SendRequest(id, method, f, []byte(strings.ReplaceAll(request, "\n", "\r\n"))); err != nil {
			r.note("not sent: %v", err)
		}
	})
	return id, request
}

// answer builds a response to a request as a UAS does.
func answer(request, status string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\n")
	for _, line := range strings.Split(strings.ReplaceAll(request, "\r", ""), "\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "To":
			if !strings.HasPrefix(status, "100") && !strings.Contains(value, ";tag=") {
				line += ";tag=b"
			}
			fallthrough
		case "Via", "From", "Call-ID", "CSeq":
			b.WriteString(line + "\n")
		}
	}
	return b.String() + "Content-Length: 0\n\n"
}

// respond answers the last new request.
func (r *rig) respond(status int, phrase string) {
	r.t.Helper()
	r.do(func(sh *transaction.Shard) {
		if status == 100 || status >= 300 {
			sh.RespondStatus(r.server, &sip.Response{Status: status})
			return
		}
		var m sip.Message
		if !sh.Request(r.server, &m) && !sh.Head(r.server, &m) {
			r.t.Fatal("no request is kept")
		}
		data := strings.ReplaceAll(answer(string(m.Bytes()), phrase), "\n", "\r\n")
		sh.Respond(r.server, status, []byte(data))
	})
}

const (
	inviteText = "INVITE sip:bob@b.test SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKa\nFrom: <sip:a@a.test>;tag=a\nTo: <sip:bob@b.test>\nCall-ID: c1\nCSeq: 7 INVITE\nContent-Length: 0\n\n"
	tagged     = "To: <sip:bob@b.test>;tag=b"
)

// asMethod makes another request of the INVITE's transaction.
func asMethod(method string) string {
	return strings.NewReplacer("INVITE sip", method+" sip", "7 INVITE", "7 "+method).Replace(inviteText)
}
