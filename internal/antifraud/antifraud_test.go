package antifraud_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/antifraud"
	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

var caller = netip.MustParseAddrPort("79.3.2.1:65345")

// bench is a guard with one customer, and what it was told to do.
type bench struct {
	t       testing.TB
	guard   *antifraud.Guard
	table   *policy.Table
	account tenant.Account
	trips   []*antifraud.Trip
	calls   uint32
}

// newBench makes a guard; it stands in the test's bubble, so that time is virtual.
func newBench(t testing.TB, thresholds tenant.Antifraud) *bench {
	b := &bench{t: t, table: policy.NewTable()}
	b.guard = antifraud.New(antifraud.Config{
		Tripped:   func(t *antifraud.Trip) { b.trips = append(b.trips, t) },
		Neighbour: func(a netip.Addr, _ tenant.CustomerID) bool { return a == netip.MustParseAddr("10.0.0.1") },
	})
	b.account = tenant.Account{
		Customer: tenant.Customer{
			ID: 1, Name: "GiuseppeVerdi", CountryCode: "39", InternationalPrefix: "00", Antifraud: thresholds,
			Emergency: tenant.Emergency{Numbers: []string{"112"}, Group: 1},
		},
		Domains: []tenant.Domain{{ID: 1, Customer: 1, Name: "pbx.sipflare.cloud"}},
	}
	b.change(func(*tenant.Customer) {})
	return b
}

func (b *bench) change(edit func(*tenant.Customer)) {
	b.t.Helper()
	edit(&b.account.Customer)
	account := b.account
	if err := b.table.Put(&account); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) customer() *policy.Customer { return b.table.Snapshot().Customer(1) }

// ask is a request; what it leaves out is as in the manual's example.
type ask struct {
	method, from, to, callID, headers, transport string
	source                                       netip.AddrPort
	dry, outbound, emergency, entry              bool
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (b *bench) request(a ask) *policy.Request {
	b.t.Helper()
	b.calls++
	method := or(a.method, "REGISTER")
	text := fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\nFrom: %s;tag=t\r\nTo: <sip:x@y>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n",
		method, or(a.to, "sip:3401234567@pbx.sipflare.cloud"), b.calls, or(a.from, "<sip:0409876543@pbx.sipflare.cloud>"), or(a.callID, fmt.Sprint(b.calls)), method, a.headers)
	m := new(sip.Message)
	if err := m.Parse([]byte(text)); err != nil {
		b.t.Fatal(err)
	}
	source := a.source
	if !source.IsValid() {
		source = caller
	}
	return &policy.Request{Msg: m, Source: source, Transport: or(a.transport, "udp"), Now: time.Now(), Dry: a.dry}
}

func identity(b *bench) *policy.Identity { return &policy.Identity{Customer: b.customer()} }

// check takes a request through the guard.
func (b *bench) check(a ask) (antifraud.Standing, policy.Verdict, *policy.Identity) {
	b.t.Helper()
	id := policy.Identity{Customer: b.customer(), Emergency: a.emergency}
	if a.outbound {
		id.Direction = policy.Outbound
	}
	if a.entry {
		id.Entry = new(policy.Switch)
	}
	s, v := b.guard.Check(b.request(a), &id)
	return s, v, &id
}

// hear counts a call.
func (b *bench) hear(a ask, age time.Duration) (counted uint64, refused bool) {
	b.t.Helper()
	a.method = "INVITE"
	r := b.request(a)
	direction := policy.Inbound
	if a.outbound {
		direction = policy.Outbound
	}
	return b.guard.Heard(r.Now, &antifraud.Heard{
		Call: b.place(), Customer: b.customer(), Direction: direction, Source: r.Source,
		From: r.Msg.Value(sip.HdrFrom), URI: r.Msg.RequestURI(), Age: age,
	})
}

func (b *bench) place() antifraud.Call {
	var id dialog.Stable
	binary.BigEndian.PutUint32(id[:], b.calls)
	return antifraud.Call{ID: id, Slot: b.calls}
}

// up has n calls counted.
func (b *bench) up(n int, a ask) (counted []uint64) {
	b.t.Helper()
	for range n {
		c, refused := b.hear(a, time.Second)
		if refused || c == 0 {
			b.t.Fatal("a call below the threshold is refused, or does not count")
		}
		counted = append(counted, c)
	}
	return counted
}

func virtual(t *testing.T, thresholds tenant.Antifraud, f func(*testing.T, *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newBench(t, thresholds)) })
}

// TestManual is the manual's example: ten calls with the key 1+0409876543+34012345.
func TestManual(t *testing.T) {
	virtual(t, tenant.Antifraud{Invite: 10}, func(t *testing.T, b *bench) {
		b.change(func(c *tenant.Customer) { c.CountryCode = "" })
		b.up(9, ask{})
		if rows := b.guard.Report(b.customer()); len(rows) != 1 || len(rows[0].Keys) != 1 ||
			rows[0].Keys[0] != (antifraud.Key{From: "0409876543", To: "34012345", Count: 9}) {
			t.Errorf("%+v", rows)
		}
		if c, refused := b.hear(ask{}, time.Second); !refused || c != 0 {
			t.Fatal("the tenth call is not refused")
		}
		if len(b.trips) != 1 {
			t.Fatalf("%d trips", len(b.trips))
		}
		trip := b.trips[0]
		if len(trip.Calls) != 9 || trip.Source != caller || trip.Count != 10 || trip.Customer.Settings.ID != 1 || trip.Method != sip.INVITE {
			t.Errorf("%+v", trip)
		}
		want := "INVITE sip:3401234567@pbx.sipflare.cloud SIP/2.0\r\nFrom: <sip:0409876543@pbx.sipflare.cloud>;tag=t\r\ninvite 10 of 10"
		if string(trip.Evidence) != want {
			t.Errorf("evidence %q", trip.Evidence)
		}
		if b.guard.Counted() != 0 {
			t.Errorf("%d calls still count", b.guard.Counted())
		}
	})
}

// TestKeys: which requests are alike.
func TestKeys(t *testing.T) {
	number := func(user string) ask { return ask{to: "sip:" + user + "@pbx.sipflare.cloud"} }
	from := func(uri string) ask { return ask{from: uri} }
	for _, c := range []struct {
		name string
		ask  ask
		same bool
	}{
		{"another of the hundred", number("3401234500"), true},
		{"+", number("+393401234567"), true},
		{"00", number("00393401234511"), true},
		{"separators", number("340-(123).45%2D67"), true},
		{"escapes", number("%33%34%30%31%32%33%34567"), true},
		{"a parameter", number("3401234567;x=y"), true},
		{"phone-context", number("3401234567;phone-context=+39"), true},
		{"tel", ask{to: "tel:+39-340-123-45-67"}, true},
		{"password", number("3401234567:secret"), true},
		{"another domain", ask{to: "sip:3401234567@other.example:5061;user=phone"}, true},
		{"another hundred", number("3401234667"), false},
		{"a shorter number", number("340123456"), false},
		{"a longer number", number("34012345678"), false},
		{"another country", number("+403401234567"), false},
		{"no number", number("bob"), false},
		{"caller with +", from(`"x" <sip:+390409876543@h>`), true},
		{"caller with 00", from("<sip:00390409876543@h>"), true},
		{"caller escaped, without brackets", from("sip:%30409876543@h"), true},
		{"caller by tel", from("<tel:+39-040-9876543>"), true},
		{"another caller", from("<sip:0409876544@h>"), false},
		{"no caller", from("<sip:h>"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, tenant.Antifraud{Invite: 2}, func(t *testing.T, b *bench) {
				b.up(1, ask{})
				if _, refused := b.hear(c.ask, time.Second); refused != c.same {
					t.Errorf("alike: %t, want %t; %+v", refused, c.same, b.guard.Report(b.customer()))
				}
			})
		})
	}
}

// TestShortKeys: of two characters or fewer none is cut, however they are dialled; names are
// told apart by all that they have.
func TestShortKeys(t *testing.T) {
	for _, c := range []struct {
		one, other string
		same       bool
	}{
		{"12", "13", false},
		{"12", "+3912", true},
		{"1", "1", true},
		{"123", "199", true},
		{"123", "+39177", true},
		{"bob", "bxx", true},
		{"bo", "bx", false},
		{"bob.smith", "bobsmith", false},
		{"m%C3%BCller", "m%C3%BClle%C3%9F", true}, // two characters, not two bytes
		{"%E4%B8%AD%E6%96%87%E5%AD%97", "%E4%B8%AD%E5%9B%BD%E4%BA%BA", true},
		{"%E4%B8%AD%E6%96%87%E5%AD%97", "%E5%AD%97%E6%96%87%E4%B8%AD", false},
		{"bob", "BoB", false},
		{"b%6Fb", "bob", true},
		{"", "", true},
		{strings.Repeat("a", 5000), strings.Repeat("a", 4000), true}, // nobody has so long a name
	} {
		virtual(t, tenant.Antifraud{Options: 2}, func(t *testing.T, b *bench) {
			uri := func(user string) string {
				if user == "" {
					return "sip:pbx.sipflare.cloud"
				}
				return "sip:" + user + "@pbx.sipflare.cloud"
			}
			b.check(ask{method: "OPTIONS", to: uri(c.one)})
			if _, v, _ := b.check(ask{method: "OPTIONS", to: uri(c.other)}); v.Refused() != c.same {
				t.Errorf("%.20q and %.20q: alike %t, want %t", c.one, c.other, v.Refused(), c.same)
			}
		})
	}
}

// TestCallsEnd: only calls that are there count.
func TestCallsEnd(t *testing.T) {
	virtual(t, tenant.Antifraud{Invite: 3}, func(t *testing.T, b *bench) {
		for range 100 {
			up := b.up(2, ask{})
			for _, c := range up {
				b.guard.Over(c)
				b.guard.Over(c) // twice is once
			}
			b.guard.Over(0)
			b.guard.Over(1 << 40)
		}
		if len(b.trips) != 0 || b.guard.Counted() != 0 || len(b.guard.Report(b.customer())[0].Keys) != 0 {
			t.Errorf("%d trips, %d calls left", len(b.trips), b.guard.Counted())
		}
		up := b.up(2, ask{})
		b.hear(ask{}, 0)
		for _, c := range up {
			b.guard.Over(c) // ended by the threshold: nobody else's place goes
		}
		time.Sleep(2 * time.Second)
		b.up(2, ask{})
		b.guard.Over(up[0])
		if b.guard.Counted() != 2 {
			t.Errorf("%d calls count, want 2", b.guard.Counted())
		}
	})
}

// TestLetInBefore: a call that was let in before the threshold was reached does not ring after it.
func TestLetInBefore(t *testing.T) {
	virtual(t, tenant.Antifraud{Invite: 2}, func(t *testing.T, b *bench) {
		b.up(1, ask{})
		b.hear(ask{}, 0)
		b.guard.Banned(b.trips[0])
		time.Sleep(time.Second)
		if _, refused := b.hear(ask{}, 2*time.Second); !refused || len(b.trips) != 1 {
			t.Errorf("refused %t, %d trips", refused, len(b.trips))
		}
		if c, refused := b.hear(ask{}, 500*time.Millisecond); refused || c == 0 {
			t.Error("a new call from elsewhere does not count from 1")
		}
	})
}

// TestShut: the key is shut for five minutes, for what counts and for no other.
func TestShut(t *testing.T) {
	for _, method := range []string{"INVITE", "REGISTER", "OPTIONS"} {
		t.Run(method, func(t *testing.T) {
			virtual(t, tenant.Antifraud{Invite: 2, Register: 2, Options: 2}, func(t *testing.T, b *bench) {
				one := ask{method: method}
				reach := func() {
					if method == "INVITE" {
						b.hear(one, 0)
						b.hear(one, 0)
						return
					}
					b.check(one)
					b.check(one)
				}
				reach()
				if len(b.trips) != 1 {
					t.Fatalf("%d trips", len(b.trips))
				}
				for range 3 {
					s, v, _ := b.check(one)
					if v.Status != 403 || v.Reason != policy.Antifraud || v.Detail != strings.ToLower(method)+" 2 of 2" || s.Of != 2 {
						t.Fatalf("%+v %+v", s, v)
					}
				}
				if _, v, _ := b.check(ask{method: method, from: "<sip:other@h>"}); v.Refused() {
					t.Error("another key is shut")
				}
				time.Sleep(antifraud.Block - time.Millisecond)
				if _, v, _ := b.check(one); !v.Refused() {
					t.Error("open before five minutes are over")
				}
				time.Sleep(2 * time.Millisecond)
				if _, v, _ := b.check(one); v.Refused() {
					t.Error("shut after five minutes")
				}
				reach()
				b.guard.Banned(b.trips[len(b.trips)-1])
				if _, v, _ := b.check(one); v.Refused() {
					t.Error("shut though the source is banned instead")
				}
			})
		})
	}
}

// TestOpen: a key that a person opens counts from the beginning; others stay shut.
func TestOpen(t *testing.T) {
	virtual(t, tenant.Antifraud{Register: 2}, func(t *testing.T, b *bench) {
		one, other := ask{method: "REGISTER"}, ask{method: "REGISTER", from: "<sip:other@h>"}
		for range 2 {
			b.check(one)
			b.check(other)
		}
		keys := b.guard.Report(b.customer())[0].Keys
		if len(keys) != 2 || keys[0].Left == 0 || keys[1].Left == 0 {
			t.Fatalf("%+v", keys)
		}
		mine := slices.IndexFunc(keys, func(k antifraud.Key) bool { return k.From != "other" })
		open := func(customer tenant.CustomerID, m sip.Method) int {
			return b.guard.Open(customer, m, keys[mine].From, keys[mine].To)
		}
		if open(2, sip.REGISTER) != 0 || open(1, sip.OPTIONS) != 0 || open(1, sip.REGISTER) != 1 || open(1, sip.REGISTER) != 0 {
			t.Error("opened another one, or not this one, or twice")
		}
		if _, v, _ := b.check(one); v.Refused() {
			t.Error("still shut")
		}
		if _, v, _ := b.check(other); !v.Refused() {
			t.Error("another key was opened")
		}
		if len(b.trips) != 2 {
			t.Errorf("%d trips: what was counted before counts still", len(b.trips))
		}
	})
}

// TestWindow: N within ten seconds, and not in more.
func TestWindow(t *testing.T) {
	for _, c := range []struct {
		every time.Duration
		want  bool
	}{{0, true}, {100 * time.Millisecond, true}, {2300 * time.Millisecond, true}, {2500 * time.Millisecond, false}, {time.Minute, false}} {
		virtual(t, tenant.Antifraud{Register: 5}, func(t *testing.T, b *bench) {
			refused := false
			for i := range 5 {
				if i > 0 {
					time.Sleep(c.every)
				}
				_, v, _ := b.check(ask{})
				if refused = v.Refused(); refused && i < 4 {
					t.Errorf("refused as number %d", i+1)
				}
			}
			if refused != c.want {
				t.Errorf("every %v: %t, want %t", c.every, refused, c.want)
			}
		})
	}
}

// TestRetry: a request and its retry with credentials count once, but no number of passwords.
func TestRetry(t *testing.T) {
	const credentials = "Authorization: Digest username=\"x\"\r\n"
	virtual(t, tenant.Antifraud{Register: 4}, func(t *testing.T, b *bench) {
		for i := range 3 {
			id := fmt.Sprint("round", i)
			for _, headers := range []string{"", credentials} {
				if _, v, _ := b.check(ask{callID: id, headers: headers}); v.Refused() {
					t.Fatalf("refused in round %d", i)
				}
			}
		}
		if s, v, _ := b.check(ask{}); !v.Refused() || s.Count != 4 {
			t.Errorf("the fourth: %+v %+v", s, v)
		}
	})
	virtual(t, tenant.Antifraud{Register: 4}, func(t *testing.T, b *bench) {
		for i := range 5 {
			if _, v, _ := b.check(ask{callID: "same", headers: credentials}); v.Refused() != (i >= 3) {
				t.Errorf("password %d: %+v", i+1, v)
			}
		}
	})
}

// TestOffAndSpared: what is not counted.
func TestOffAndSpared(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*bench)
		ask    ask
	}{
		{"off", func(b *bench) { b.change(func(c *tenant.Customer) { c.Antifraud = tenant.Antifraud{} }) }, ask{}},
		{"from the PBX", func(*bench) {}, ask{outbound: true}},
		{"a destination's address", func(*bench) {}, ask{source: netip.MustParseAddrPort("10.0.0.1:9999")}},
		{"whitelist", func(b *bench) { b.guard.Accept(1, []netip.Prefix{netip.MustParsePrefix("79.3.2.77/24")}, nil) }, ask{}},
		{"mapped whitelist", func(b *bench) { b.guard.Accept(1, []netip.Prefix{netip.MustParsePrefix("79.3.2.1/32")}, nil) }, ask{source: netip.MustParseAddrPort("[::ffff:79.3.2.1]:5060")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, tenant.Antifraud{Invite: 2, Register: 2, Options: 2}, func(t *testing.T, b *bench) {
				c.change(b)
				for range 5 {
					for _, method := range []string{"REGISTER", "OPTIONS", "INVITE", "MESSAGE"} {
						a := c.ask
						a.method = method
						if _, v, _ := b.check(a); v.Refused() {
							t.Fatalf("%s refused", method)
						}
					}
					if counted, refused := b.hear(c.ask, 0); refused || counted != 0 {
						t.Fatal("a call counts")
					}
				}
				if len(b.trips) != 0 {
					t.Errorf("%d trips", len(b.trips))
				}
			})
		})
	}
}

// TestEmergency calls are neither counted nor refused.
func TestEmergency(t *testing.T) {
	virtual(t, tenant.Antifraud{Invite: 1}, func(t *testing.T, b *bench) {
		for range 3 {
			if c, refused := b.hear(ask{to: "sip:1-1-2@h"}, 0); refused || c != 0 {
				t.Fatal("an emergency call counts")
			}
			if _, v, _ := b.check(ask{method: "INVITE", to: "sip:112@h", emergency: true}); v.Refused() {
				t.Fatal("an emergency call is refused")
			}
		}
	})
}

// TestOnlyCounted: with mode monitor, and while transparent, nothing happens, and it is counted
// what would have.
func TestOnlyCounted(t *testing.T) {
	for name, change := range map[string]func(*tenant.Customer){
		"monitor":     func(c *tenant.Customer) { c.Antifraud.Mode = "monitor" },
		"transparent": func(c *tenant.Customer) { c.Transparent = true },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, tenant.Antifraud{Invite: 3, Register: 3}, func(t *testing.T, b *bench) {
				b.change(change)
				spared := 0
				for range 6 {
					if _, refused := b.hear(ask{}, time.Minute); refused {
						t.Fatal("a call is refused")
					}
					_, v, id := b.check(ask{})
					if v.Refused() {
						t.Fatal("a REGISTER is refused")
					}
					for _, w := range id.Spared() {
						if w.Reason == policy.Antifraud {
							spared++
						}
					}
				}
				rows := b.guard.Report(b.customer())
				if len(rows) != 2 || len(b.trips) != 0 || spared != 2 {
					t.Fatalf("%d rows, %d trips, %d spared", len(rows), len(b.trips), spared)
				}
				for _, r := range rows {
					if r.Would != 2 || r.Triggered != 0 || !r.Monitor || r.Sample == nil || r.Sample.Source != caller.String() {
						t.Errorf("%+v", r)
					}
				}
				if b.guard.Total(sip.INVITE, false) != 2 || b.guard.Total(sip.INVITE, true) != 0 {
					t.Error("totals")
				}
			})
		})
	}
}

// TestTransparentOpens: what is shut passes while the customer is transparent, and is counted.
func TestTransparentOpens(t *testing.T) {
	virtual(t, tenant.Antifraud{Register: 1}, func(t *testing.T, b *bench) {
		b.check(ask{})
		b.change(func(c *tenant.Customer) { c.Transparent = true })
		if _, v, id := b.check(ask{}); v.Refused() || len(id.Spared()) == 0 {
			t.Errorf("%+v", v)
		}
		b.change(func(c *tenant.Customer) { c.Transparent = false })
		if _, v, _ := b.check(ask{}); !v.Refused() {
			t.Error("open again for having been transparent")
		}
	})
}

// TestGoesOn: a source that goes on for ten seconds over TCP or TLS though its key is shut.
func TestGoesOn(t *testing.T) {
	for _, c := range []struct {
		name, transport string
		every           time.Duration
		source          netip.AddrPort
		want            bool
	}{
		{"TCP", "tcp", 3 * time.Second, caller, true},
		{"TLS", "tls", time.Second, caller, true},
		{"UDP may be anybody", "udp", time.Second, caller, false},
		{"with pauses", "tcp", 11 * time.Second, caller, false},
		{"another source", "tcp", time.Second, netip.MustParseAddrPort("79.3.2.2:5060"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, tenant.Antifraud{Register: 2}, func(t *testing.T, b *bench) {
				b.check(ask{})
				b.check(ask{})
				for range 12 {
					time.Sleep(c.every)
					b.check(ask{transport: c.transport, source: c.source})
				}
				again := 0
				for _, trip := range b.trips {
					if trip.Again {
						again++
					}
				}
				if again != 1 == c.want || again > 1 {
					t.Errorf("%d times", again)
				}
			})
		})
	}
}

// TestDry: an explanation says what would be, and counts nothing.
func TestDry(t *testing.T) {
	virtual(t, tenant.Antifraud{Invite: 3, Register: 3}, func(t *testing.T, b *bench) {
		b.up(2, ask{})
		b.check(ask{})
		for range 5 {
			s, v, _ := b.check(ask{method: "INVITE", dry: true})
			if s.Count != 2 || s.Of != 3 || s.From != "+390409876543" || s.To != "+3934012345" || v.Refused() {
				t.Fatalf("%+v %+v", s, v)
			}
			if s, v, _ := b.check(ask{dry: true}); s.Count != 1 || v.Refused() {
				t.Fatalf("%+v %+v", s, v)
			}
		}
		b.check(ask{})
		if _, v, _ := b.check(ask{dry: true}); !v.Refused() || v.Detail != "register 3 of 3" || len(b.trips) != 0 {
			t.Errorf("the one that would reach it: %+v", v)
		}
		if s, v, id := b.check(ask{method: "INVITE", dry: true, entry: true}); !s.Known || v.Refused() || !s.Reached(id).Refused() {
			t.Errorf("an entry's call that would reach it: %+v %+v", s, v)
		}
		b.hear(ask{}, 0)
		if s, v, _ := b.check(ask{method: "INVITE", dry: true}); s.Left != antifraud.Block || !v.Refused() {
			t.Errorf("shut: %+v %+v", s, v)
		}
	})
}

// TestRestored calls count, whatever the threshold is now, and nothing is decided about them.
func TestRestored(t *testing.T) {
	virtual(t, tenant.Antifraud{Invite: 3}, func(t *testing.T, b *bench) {
		for range 5 {
			r := b.request(ask{method: "INVITE"})
			if c, refused := b.guard.Heard(r.Now, &antifraud.Heard{
				Call: b.place(), Customer: b.customer(), Source: caller, Age: time.Hour, Restored: true,
				From: r.Msg.Value(sip.HdrFrom), URI: r.Msg.RequestURI(),
			}); refused || c == 0 {
				t.Fatal("refused, or not counted")
			}
		}
		if _, refused := b.hear(ask{}, 0); !refused || len(b.trips) != 1 || len(b.trips[0].Calls) != 5 {
			t.Error("the next one does not end them")
		}
	})
}

// TestCustomersApart: what one's callers do is not another's.
func TestCustomersApart(t *testing.T) {
	virtual(t, tenant.Antifraud{Register: 2}, func(t *testing.T, b *bench) {
		other := b.account
		other.Customer.ID, other.Domains = 2, nil
		if err := b.table.Put(&other); err != nil {
			t.Fatal(err)
		}
		b.check(ask{})
		id := policy.Identity{Customer: b.table.Snapshot().Customer(2)}
		if _, v := b.guard.Check(b.request(ask{}), &id); v.Refused() {
			t.Error("counted together")
		}
		if rows := b.guard.Report(b.table.Snapshot().Customer(2)); len(rows) != 1 || rows[0].Customer != 2 || len(rows[0].Keys) != 1 {
			t.Errorf("%+v", rows)
		}
		b.guard.Gone(2)
	})
}
