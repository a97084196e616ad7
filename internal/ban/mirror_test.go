package ban_test

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/ban"
	"tollgate/internal/tenant"
)

// filter is a kernel of a test: what it drops, and how often it did.
type filter struct {
	dropped map[netip.Prefix]uint64
	most    int
}

func newFilter() *filter { return &filter{dropped: make(map[netip.Prefix]uint64), most: 100} }

func (f *filter) Block(p netip.Prefix) error {
	if len(f.dropped) >= f.most {
		return errors.New("full")
	}
	if _, known := f.dropped[p]; !known {
		f.dropped[p] = 0
	}
	return nil
}

func (f *filter) Unblock(p netip.Prefix) uint64 {
	n := f.dropped[p]
	delete(f.dropped, p)
	return n
}

func (f *filter) Hits(tell func(netip.Prefix, uint64)) {
	for p, n := range f.dropped {
		if n > 0 {
			f.dropped[p] = 0
			tell(p, n)
		}
	}
}

// blocks is what it drops, as one text.
func (f *filter) blocks() string {
	list := slices.SortedFunc(maps.Keys(f.dropped), netip.Prefix.Compare)
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.String()
	}
	return strings.Join(texts, " ")
}

func (f *filter) want(t *testing.T, when, want string) {
	t.Helper()
	if got := f.blocks(); got != want {
		t.Errorf("%s: the kernel drops %q, want %q", when, got, want)
	}
}

func TestKernelDropsWhatNobodyAccepts(t *testing.T) {
	neighbours := map[netip.Addr]bool{addr("192.0.2.10"): true}
	b := ban.New(ban.Config{
		Never:     []netip.Prefix{prefix("10.9.0.0/16")},
		Neighbour: func(a netip.Addr, _ tenant.CustomerID) bool { return neighbours[a] },
		NeighbourIn: func(p netip.Prefix) bool {
			for a := range neighbours {
				if p.Contains(a) {
					return true
				}
			}
			return false
		},
	})
	b.Accept(1, []netip.Prefix{prefix("198.51.100.0/24"), prefix("2001:db8::5/128")})
	for _, p := range []string{
		"203.0.113.7/32", "203.0.113.128/25", // these two hit nobody
		"10.0.0.0/8", "192.0.2.0/24", "192.0.2.10/32", "198.51.100.7/32", "2001:db8::/64", "0.0.0.0/0",
	} {
		must(t, b, ban.Wish{Prefix: prefix(p), For: time.Hour})
	}
	must(t, b, ban.Wish{Prefix: prefix("203.0.113.9/32"), Customer: 2, For: time.Hour})
	f := newFilter()
	b.Mirror(f)
	f.want(t, "at first", "203.0.113.7/32 203.0.113.128/25")
	b.Accept(1, []netip.Prefix{prefix("203.0.113.200/32")})
	f.want(t, "when what is accepted changed", "198.51.100.7/32 203.0.113.7/32 2001:db8::/64")
	b.Gone(1)
	f.want(t, "when the customer is gone", "198.51.100.7/32 203.0.113.7/32 203.0.113.128/25 2001:db8::/64")
	delete(neighbours, addr("192.0.2.10"))
	neighbours[addr("203.0.113.7")] = true
	b.Settle()
	f.want(t, "when a destination moved", "192.0.2.0/24 192.0.2.10/32 198.51.100.7/32 203.0.113.128/25 2001:db8::/64")
	b.Mirror(nil)
	f.want(t, "at the end", "")
}

func TestKernelHitsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, kept := newFilter(), book{}
		b := ban.New(ban.Config{Journal: kept})
		b.Run()
		defer b.Close()
		b.Mirror(f)
		p := prefix("192.0.2.1/32")
		made := must(t, b, ban.Wish{Prefix: p, For: time.Hour})
		f.dropped[p] = 7
		b.Dropped(addr("192.0.2.1"))
		if list := b.List(everyone); len(list) != 1 || list[0].Hits != 8 {
			t.Errorf("%+v", list)
		}
		f.dropped[p] = 2
		must(t, b, ban.Wish{Prefix: p, For: time.Second}) // instead of the hour
		if _, dropped := b.Stats(); dropped != 10 {
			t.Errorf("%d dropped", dropped)
		}
		f.dropped[p] = 5
		time.Sleep(time.Second)
		synctest.Wait()
		f.want(t, "when the ban is over", "")
		if _, dropped := b.Stats(); dropped != 15 {
			t.Errorf("%d dropped at the end", dropped)
		}
		made = must(t, b, ban.Wish{Prefix: p, For: time.Minute})
		if f.dropped[p] = 1; !b.Lift(made.ID, everyone) {
			t.Error("not lifted")
		}
		f.want(t, "when it was lifted", "")
		if _, dropped := b.Stats(); dropped != 16 {
			t.Errorf("%d dropped after it was lifted", dropped)
		}
		f.most = 0
		must(t, b, ban.Wish{Prefix: p, For: time.Minute})
		if !b.Dropped(addr("192.0.2.1")) {
			t.Error("what the kernel does not take is dropped by nobody")
		}
	})
}
