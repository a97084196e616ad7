package ban_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/ban"
	"tollgate/internal/tenant"
)

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// book is a journal in memory.
type book map[ban.ID][]byte

func (b book) Put(id ban.ID, data []byte) error { b[id] = data; return nil }
func (b book) Delete(id ban.ID)                 { delete(b, id) }

func everyone(tenant.CustomerID) bool { return true }

func must(t *testing.T, b *ban.Table, w ban.Wish) ban.Ban {
	t.Helper()
	made, err := b.Add(w)
	if err != nil {
		t.Fatalf("%v: %v", w.Prefix, err)
	}
	return made
}

func TestScopes(t *testing.T) {
	b := ban.New(ban.Config{})
	must(t, b, ban.Wish{Prefix: prefix("198.51.100.7/32"), For: time.Hour})
	must(t, b, ban.Wish{Prefix: prefix("203.0.113.9/24"), Customer: 1, For: time.Hour})
	must(t, b, ban.Wish{Prefix: prefix("::ffff:192.0.2.1/128"), For: time.Hour})
	for _, c := range []struct {
		source           string
		all, first, next bool
	}{
		{"198.51.100.7", true, true, true},
		{"::ffff:198.51.100.7", true, true, true},
		{"198.51.100.8", false, false, false},
		{"203.0.113.200", false, true, false},
		{"192.0.2.1", true, true, true},
		{"2001:db8::1", false, false, false},
	} {
		a := addr(c.source)
		if got := b.Dropped(a); got != c.all {
			t.Errorf("%s: dropped for all %v", c.source, got)
		}
		if one, two := b.Refused(1, a, false), b.Refused(2, a, true); one != c.first || two != c.next {
			t.Errorf("%s: customers %v %v", c.source, one, two)
		}
	}
	if _, dropped := b.Stats(); dropped != 3+4 {
		t.Errorf("%d dropped", dropped) // what was only asked is not counted
	}
}

func TestEndsAndDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := ban.New(ban.Config{})
		b.Run()
		defer b.Close()
		bad, wide := ban.Wish{Prefix: prefix("192.0.2.1/32")}, prefix("192.0.2.0/24")
		for n, want := range []time.Duration{5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440} {
			made := must(t, b, bad)
			if got := made.Until.Sub(made.Since); got != want*time.Minute || made.Times != n+1 {
				t.Fatalf("ban %d lasts %v, times %d", n+1, got, made.Times)
			}
			time.Sleep(made.Until.Sub(made.Since) - time.Second)
			if !b.Dropped(addr("192.0.2.1")) {
				t.Fatal("over too early")
			}
			time.Sleep(2 * time.Second)
			if b.Dropped(addr("192.0.2.1")) || len(b.List(everyone)) != 0 {
				t.Fatal("not over")
			}
		}
		must(t, b, ban.Wish{Prefix: wide, For: 72 * time.Hour})
		must(t, b, bad)
		time.Sleep(24*time.Hour + time.Millisecond) // not swept yet: it must not hide the wider one
		if !b.Dropped(addr("192.0.2.1")) {
			t.Error("the wider ban is hidden")
		}
		time.Sleep(25 * time.Hour)
		if made := must(t, b, bad); made.Times != 1 {
			t.Errorf("remembered %d times after a day", made.Times)
		}
	})
}

func TestProtected(t *testing.T) {
	pbx := addr("192.0.2.10")
	b := ban.New(ban.Config{
		Never:     []netip.Prefix{prefix("10.0.0.0/8")},
		Neighbour: func(a netip.Addr, c tenant.CustomerID) bool { return a == pbx && (c == 0 || c == 1) },
	})
	b.Accept(1, []netip.Prefix{prefix("198.51.100.0/24")})
	for _, c := range []struct {
		prefix   string
		customer tenant.CustomerID
		length   time.Duration
		want     error
	}{
		{"10.1.2.3/32", 0, time.Hour, ban.ErrProtected},
		{"10.1.2.3/32", 2, 0, ban.ErrProtected},
		{"192.0.2.10/32", 1, time.Hour, ban.ErrProtected},
		{"192.0.2.10/32", 0, 0, ban.ErrProtected},
		{"198.51.100.4/32", 0, 0, ban.ErrProtected},
		{"198.51.100.4/32", 1, time.Hour, ban.ErrProtected},
		{"198.51.100.4/32", 2, time.Hour, nil},
		{"198.51.100.5/32", 0, time.Hour, nil}, // the platform's person may, for all others
		{"0.0.0.0/0", 0, time.Hour, nil},
	} {
		if _, err := b.Add(ban.Wish{Prefix: prefix(c.prefix), Customer: c.customer, For: c.length}); !errors.Is(err, c.want) {
			t.Errorf("%s of %d: %v", c.prefix, c.customer, err)
		}
	}
	if b.Dropped(addr("10.1.2.3")) || b.Refused(3, addr("10.1.2.3"), false) {
		t.Error("never_ban within a wider ban is dropped")
	}
	for _, a := range []netip.Addr{pbx, addr("198.51.100.5")} {
		if b.Dropped(a) || b.Refused(1, a, false) || !b.Refused(3, a, false) {
			t.Errorf("%v: accepted by one, banned for the others: %v %v %v", a, b.Dropped(a), b.Refused(1, a, false), b.Refused(3, a, false))
		}
	}
}

func TestAcceptLifts(t *testing.T) {
	b := ban.New(ban.Config{})
	must(t, b, ban.Wish{Prefix: prefix("192.0.2.1/32")})
	must(t, b, ban.Wish{Prefix: prefix("192.0.2.1/32"), Customer: 1})
	must(t, b, ban.Wish{Prefix: prefix("192.0.2.1/32"), Customer: 2, For: time.Hour})
	b.Accept(1, []netip.Prefix{prefix("192.0.2.1/32")})
	if list := b.List(everyone); len(list) != 1 || list[0].Customer != 2 {
		t.Errorf("%+v", list)
	}
	b.Accept(1, nil)
	if b.Dropped(addr("192.0.2.1")) || !b.Refused(2, addr("192.0.2.1"), false) {
		t.Error("a lifted ban came back, or another's went")
	}
	b.Gone(2)
	if len(b.List(everyone)) != 0 || b.Refused(2, addr("192.0.2.1"), false) {
		t.Error("the ban of a customer who is gone stands")
	}
}

func TestKeptOverARestart(t *testing.T) {
	kept := book{}
	a := ban.New(ban.Config{Journal: kept})
	must(t, a, ban.Wish{Prefix: prefix("192.0.2.1/32"), Reason: "x", Evidence: []byte("INVITE \xff\r\n")})
	gone := must(t, a, ban.Wish{Prefix: prefix("192.0.2.2/32"), For: time.Hour})
	must(t, a, ban.Wish{Prefix: prefix("2001:db8::/64"), Customer: 7, For: time.Hour})
	a.Dropped(addr("192.0.2.1"))
	if !a.Lift(gone.ID, everyone) || a.Lift(gone.ID, everyone) || a.Checkpoint() != nil || len(kept) != 2 {
		t.Fatalf("%d kept", len(kept))
	}
	b := ban.New(ban.Config{Journal: kept})
	for id, data := range kept {
		if err := b.Restore(id, data); err != nil {
			t.Fatal(err)
		}
	}
	if !b.Dropped(addr("192.0.2.1")) || b.Dropped(addr("192.0.2.2")) || !b.Refused(7, addr("2001:db8::5"), false) {
		t.Error("other bans than before")
	}
	for _, got := range b.List(everyone) {
		if got.Customer == 0 && (got.Hits != 2 || got.Times != 1 || string(got.Evidence) != "INVITE \xff\r\n" || got.Reason != "x") {
			t.Errorf("%+v", got)
		}
	}
	for _, bad := range []string{"", "\x02{}", "\x01", "\x01{}", `` + "\x01" + `{"prefix":"192.0.2.9/32"}`} {
		if b.Restore(gone.ID, []byte(bad)) == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestLookupsAllocateNothing(t *testing.T) {
	b := ban.New(ban.Config{})
	must(t, b, ban.Wish{Prefix: prefix("192.0.2.1/32"), For: time.Hour})
	must(t, b, ban.Wish{Prefix: prefix("192.0.2.9/32"), Customer: 1, For: time.Hour})
	bad, good := addr("192.0.2.1"), addr("198.51.100.1")
	if n := testing.AllocsPerRun(1000, func() { b.Dropped(bad); b.Dropped(good); b.Refused(1, good, false) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
