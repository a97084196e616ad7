package gate_test

import (
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/live"
	"tollgate/internal/live/memory"
	"tollgate/internal/tenant"
)

// leg is a dialog as one party has it, and what that party sends within it.
type leg struct {
	at                            netip.AddrPort
	target, callID, local, remote string
	routes                        []string
	contact                       string // that it names in its requests, "" for none
	cseq                          int
}

// uac is the dialog of who sent the request that a response answers.
func uac(at netip.AddrPort, response string) *leg {
	routes := elements(headers(response, "Record-Route"))
	slices.Reverse(routes)
	l := &leg{
		at: at, target: uriOf(header(response, "Contact")), callID: header(response, "Call-ID"), routes: routes,
		local: header(response, "From"), remote: header(response, "To"),
	}
	_, _ = fmt.Sscan(header(response, "CSeq"), &l.cseq)
	return l
}

// uas is the dialog of who got a request and answers it with a To-tag.
func uas(at netip.AddrPort, request, tag string) *leg {
	to := header(request, "To")
	if !strings.Contains(to, ";tag=") {
		to += ";tag=" + tag
	}
	return &leg{
		at: at, target: uriOf(header(request, "Contact")), callID: header(request, "Call-ID"),
		routes: elements(headers(request, "Record-Route")), local: to, remote: header(request, "From"),
	}
}

func elements(lines []string) (list []string) {
	for _, line := range lines {
		list = append(list, strings.Split(line, ", ")...)
	}
	return list
}

// build writes a request within the dialog; \n stands for CRLF.
func (l *leg) build(method string, cseq int, more string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(l.callID + l.local + l.remote))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%x%s%d\n", method, l.target, l.at, h.Sum32(), method, cseq)
	for _, route := range l.routes {
		b.WriteString("Route: " + route + "\n")
	}
	fmt.Fprintf(&b, "From: %s\nTo: %s\nCall-ID: %s\nCSeq: %d %s\nMax-Forwards: 70\n", l.local, l.remote, l.callID, cseq, method)
	if l.contact != "" {
		b.WriteString("Contact: <" + l.contact + ">\n")
	}
	return b.String() + more
}

// next writes the next request within the dialog; an ACK has the last one's number.
func (l *leg) next(method, more string) string {
	if method != "ACK" {
		l.cseq++
	}
	return l.build(method, l.cseq, more)
}

// says sends the next request of a leg, and takes it where it shall arrive.
func (r *rig) says(l *leg, method, more string, to netip.AddrPort) string {
	r.t.Helper()
	r.in(l.at, l.next(method, more))
	return r.want(to, method+" ")
}

// asks is says with an answer that comes back.
func (r *rig) asks(l *leg, method, more string, to netip.AddrPort, status string) (request, response string) {
	r.t.Helper()
	request = r.says(l, method, more, to)
	r.in(to, answer(request, status, ""))
	return request, r.want(l.at, "SIP/2.0 "+status[:3]+" ")
}

// ends hangs up, and checks that both hear of it.
func (r *rig) ends(l *leg, to netip.AddrPort) {
	r.t.Helper()
	r.asks(l, "BYE", "", to, "200 OK")
}

// refused sends the next request of a leg and takes its refusal.
func (r *rig) refused(l *leg, method, more, status string) {
	r.t.Helper()
	r.in(l.at, l.next(method, more))
	r.want(l.at, "SIP/2.0 "+status+" ")
}

// forgotten checks that calls and relay keep nothing, in memory or journal.
func (r *rig) forgotten() {
	r.t.Helper()
	if n, m := r.calls.Used(), r.relay.Used(); n != 0 || m != 0 {
		r.t.Fatalf("calls keep %d cells, the relay %d", n, m)
	}
	if r.calls.Live() != 0 || r.calls.Subscriptions() != 0 {
		r.t.Fatalf("%d calls, %d subscriptions are left", r.calls.Live(), r.calls.Subscriptions())
	}
	if r.book != nil && len(r.book.kept) != 0 {
		r.t.Fatalf("%d records are left in the journal", len(r.book.kept))
	}
}

// quiet checks that nothing at all is left, of however many calls.
func (r *rig) quiet() {
	r.t.Helper()
	if u := r.live.Usage(customerScope); u.Calls != 0 {
		r.t.Fatalf("leases left: %+v", u)
	}
	r.empty()
}

// hides checks that a text names nothing of the other side.
func (r *rig) hides(text string, names ...string) {
	r.t.Helper()
	for _, name := range names {
		if strings.Contains(text, name) {
			r.t.Errorf("%s shows in\n%s", name, text)
		}
	}
}

// book is a journal in memory.
type book struct {
	mu   sync.Mutex
	kept map[dialog.Stable][]byte
	log  []string // "put", "delete" and the first words of what was sent, in order
}

func (b *book) Put(id dialog.Stable, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, "put")
	b.kept[id] = slices.Clone(data)
	return nil
}

func (b *book) Delete(id dialog.Stable) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, "delete")
	delete(b.kept, id)
}

func (b *book) note(sent string) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, strings.Join(strings.Fields(sent)[:2], " "))
}

// restart gives the node that starts from what the journal has of this one, some time
// after kill -9: same keys and settings, another layer. This one is silent from then on.
func (r *rig) restart(after time.Duration, f func(n *rig)) {
	r.t.Helper()
	synctest.Wait()
	kept := maps.Clone(r.book.kept)
	r.wait(after)
	n := newRigOver(r.t, r.account.Customer.TopologyHiding, r.account.Customer.CallLimit, memory.New(), &book{kept: maps.Clone(kept)})
	defer n.live.Close()
	n.last = nil
	n.change(func(a *tenant.Account) { *a = r.account })
	for id, data := range kept {
		if err := n.calls.Restore(id, data); err != nil {
			r.t.Fatalf("restore: %v", err)
		}
	}
	n.layer.Run()
	defer n.layer.Close()
	f(n)
}

// unsendable makes sending to some addresses fail, or no longer.
func (r *rig) unsendable(is bool, to ...netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range to {
		r.refuses[a] = is
	}
}

// escaped writes a value as the header of a URI has it.
func escaped(value string) string {
	return strings.NewReplacer("@", "%40", ";", "%3B", "=", "%3D").Replace(value)
}

var customerScope = live.Scope{Kind: live.Customer, ID: 1}
