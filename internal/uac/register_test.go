package uac

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// world is a carrier that answers each REGISTER as it is told to, in virtual time.
type world struct {
	layer  *transaction.Layer
	answer func(n int, request string) (response string) // "" is silence
	asked  []time.Time                                   // when a REGISTER came that is no retransmission
	seen   map[string]bool
}

var there = netip.MustParseAddrPort("203.0.113.9:5060")

func (w *world) Send(f transport.Flow, data []byte) error {
	text := string(data)
	if w.seen[branchOf(text)] {
		return nil
	}
	w.seen[branchOf(text)] = true
	w.asked = append(w.asked, time.Now())
	if response := w.answer(len(w.asked), text); response != "" {
		w.layer.Later(func() {
			m := new(sip.Message)
			if err := m.Parse([]byte(response)); err != nil {
				panic(err)
			}
			w.layer.Receive(m, f)
		})
	}
	return nil
}

func branchOf(text string) string {
	_, after, _ := strings.Cut(text, "branch=")
	branch, _, _ := strings.Cut(after, ";")
	return branch
}

func (w *world) Find(transport.Hop, string) (transport.Flow, bool) {
	return transport.Flow{Proto: transport.UDP, Remote: there}, true
}
func (w *world) Dial(transport.Hop, string, func(transport.Flow, error)) {}
func (w *world) IsOwn(netip.AddrPort) bool                               { return false }

// nobody takes what belongs to no transaction.
type nobody struct{}

func (nobody) Request(*transaction.Shard, *sip.Message, transport.Flow) {}
func (nobody) Ack(*transaction.Shard, *sip.Message, transport.Flow)     {}
func (nobody) Cancel(*transaction.Shard, *sip.Message, transport.Flow)  {}
func (nobody) Stray(*transaction.Shard, *sip.Message, transport.Flow)   {}
func (nobody) Pong(*transaction.Shard, *sip.Message, transport.Flow)    {}

// respond answers a REGISTER.
func respond(request, status, more string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\r\n")
	for line := range strings.SplitSeq(request, "\r\n") {
		for _, name := range []string{"Via:", "From:", "To:", "Call-ID:", "CSeq:"} {
			if strings.HasPrefix(line, name) {
				b.WriteString(line + "\r\n")
			}
		}
	}
	return b.String() + more + "Content-Length: 0\r\n\r\n"
}

// registering plays a while with a switch at which we register, and gives the seconds between
// its REGISTERs.
func registering(t *testing.T, d time.Duration, answer func(n int, request string) string) (gaps []int, last State) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{answer: answer, seen: make(map[string]bool)}
		table := policy.NewTable()
		table.PutCompany(tenant.Company{ID: 1, Name: "one"})
		err := table.Put(&tenant.Account{
			Customer:  tenant.Customer{ID: 1, Company: 1, Name: "acme"},
			Switches:  []tenant.Switch{{ID: 7, Customer: 1, Name: "carrier", Direction: tenant.Ingress, Host: there.Addr().String(), Username: "u", Realm: "r", Register: true}},
			Passwords: map[tenant.SwitchID]tenant.Secret{7: "p"},
		})
		if err != nil {
			t.Fatal(err)
		}
		minter := dialog.NewMinter(1, 1, dialog.Key{K0: 3, K1: 4}, dialog.Key{ID: 1, K0: 1, K1: 2})
		w.layer = transaction.New(transaction.Config{Send: w, Core: nobody{}, ShardOf: minter.Shard})
		r := NewRegistrations(RegisterConfig{
			Router: &peer.Router{Network: w}, Table: table, Agent: NewAgent(), Minter: minter,
			Advertised: func(transport.Flow) (string, uint16) { return "192.0.2.1", 5060 }, Jitter: func() float64 { return 0 },
		}, w.layer)
		w.layer.Run()
		time.Sleep(d) // virtual: testing/synctest
		synctest.Wait()
		last = r.States()[7]
		w.layer.Close()
		for i := 1; i < len(w.asked); i++ {
			gaps = append(gaps, int(w.asked[i].Sub(w.asked[i-1]).Round(time.Second)/time.Second))
		}
	})
	return gaps, last
}

func TestRefresh(t *testing.T) {
	gaps, last := registering(t, 20*time.Minute, func(_ int, request string) string {
		return respond(request, "200 OK", "Expires: 600\r\n")
	})
	if len(gaps) != 2 || gaps[0] != 480 || gaps[1] != 480 || !last.Registered || last.Failures != 0 {
		t.Errorf("refreshed after %v: %+v", gaps, last)
	}
}

// TestBriefGrant: what is granted for a few seconds is refreshed before it ends; what is granted
// for less than can be is not asked for all the time.
func TestBriefGrant(t *testing.T) {
	for granted, want := range map[string]int{"20": 16, "1": 5} {
		gaps, last := registering(t, 30*time.Second, func(_ int, request string) string {
			return respond(request, "200 OK", "Expires: "+granted+"\r\n")
		})
		if len(gaps) == 0 || gaps[0] != want || !last.Registered {
			t.Errorf("granted %s s, refreshed after %v, want %d: %+v", granted, gaps, want, last)
		}
	}
}

// TestChangedContact: a registrar may write another address into our Contact, or another Contact
// altogether; what it grants holds. Of several that are not ours none is believed.
func TestChangedContact(t *testing.T) {
	for contacts, want := range map[string]int{
		"<%s@198.51.100.7:1024>;expires=60":                              48,
		"<sip:u@198.51.100.7:1024>;expires=60":                           48,
		"<sip:x@192.0.2.9>;expires=7, <%s@198.51.100.7:1024>;expires=60": 48,
		"<sip:x@192.0.2.9>;expires=7, <sip:y@192.0.2.9>;expires=60":      80,
	} {
		gaps, last := registering(t, 2*time.Minute, func(_ int, request string) string {
			_, after, _ := strings.Cut(request, "Contact: <")
			ours, _, _ := strings.Cut(after, "@")
			return respond(request, "200 OK", "Contact: "+strings.ReplaceAll(contacts, "%s", ours)+"\r\nExpires: 100\r\n")
		})
		if len(gaps) == 0 || gaps[0] != want || !last.Registered {
			t.Errorf("%s: refreshed after %v, want %d: %+v", contacts, gaps, want, last)
		}
	}
}

// TestBackOff: after a failure twice as long each time, up to ten minutes; a success begins anew.
func TestBackOff(t *testing.T) {
	gaps, last := registering(t, time.Hour, func(_ int, request string) string { return respond(request, "403 No", "") })
	want := []int{30, 60, 120, 240, 480, 600, 600, 600, 600}
	for i, g := range gaps {
		if i < len(want) && g != want[i] {
			t.Errorf("pauses of %v s, want %v", gaps, want)
			break
		}
	}
	if len(gaps) < 8 || last.Registered || last.LastCode != 403 {
		t.Errorf("%d pauses, %+v", len(gaps), last)
	}
	gaps, last = registering(t, 3*time.Minute, func(n int, request string) string {
		if n == 1 {
			return "" // silence
		}
		return respond(request, "200 OK", "Expires: 60\r\n")
	})
	if gaps[0] != 35 || gaps[1] != 48 || !last.Registered {
		t.Errorf("after silence: %v, %+v", gaps, last)
	}
}

// TestSilenceAfterChallenge: who asks for the password and then says nothing has not refused.
func TestSilenceAfterChallenge(t *testing.T) {
	_, last := registering(t, 20*time.Second, func(n int, request string) string {
		if strings.Contains(request, "Authorization:") {
			return ""
		}
		return respond(request, "401 Who", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n")
	})
	if last.Registered || last.LastCode != 0 || last.Failures != 1 {
		t.Errorf("%+v", last)
	}
}

// TestChangingNonceAtRegister: two answers, then a pause.
func TestChangingNonceAtRegister(t *testing.T) {
	gaps, last := registering(t, 20*time.Second, func(n int, request string) string {
		return respond(request, "401 Who", "WWW-Authenticate: Digest realm=\"r\", stale=true, nonce=\"n"+string(rune('0'+n))+"\"\r\n")
	})
	if len(gaps) != 2 || last.Registered || last.LastCode != 401 {
		t.Errorf("%v %+v", gaps, last)
	}
}
