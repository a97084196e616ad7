package registrar

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/internal/dialog"
	"tollgate/internal/journal"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
)

// BenchmarkBindings: among 100,000 and a million of them, phones of PBXs and phones that register
// here in equal parts, in an order that no cache knows: what each takes of the heap, how long it
// takes to come back out of the journal's records, each look-up, and a page of the list.
func BenchmarkBindings(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := newCrowd(b, n)
			for _, one := range []struct {
				name string
				run  func(*testing.B, *crowd)
			}{
				{"restore", benchmarkRestore},
				{"token", benchmarkToken},
				{"flow", benchmarkFlow},
				{"owner", benchmarkOwner},
				{"address", benchmarkAddress},
				{"user", benchmarkUser},
				{"page", benchmarkPage},
				{"search", benchmarkSearch},
			} {
				b.Run(one.name, func(b *testing.B) { one.run(b, c) })
			}
		})
	}
}

// crowdDomain is the domain of all customers of a crowd.
const crowdDomain = "customer.example.test"

// crowdCustomers is how many customers a crowd has.
const crowdCustomers = 50

// crowd is many bindings: the journal's records of them, and a registrar that has them.
type crowd struct {
	reg     *Registrar
	minter  *dialog.Minter
	ids     []dialog.Stable
	records []byte  // of all of them, each behind its length
	each    float64 // bytes of the heap
}

type anyTransport struct{}

func (anyTransport) Alive(transport.Flow) bool                     { return true }
func (anyTransport) Advertised(transport.Flow) (string, uint16)    { return "192.0.2.1", 5060 }
func (anyTransport) Send(transport.Flow, []byte) error             { return nil }
func (anyTransport) Adopt(f transport.Flow) (transport.Flow, bool) { return f, true }

func newCrowd(b *testing.B, n int) *crowd {
	c := &crowd{minter: dialog.NewMinter(1, 1, dialog.Key{K0: 3, K1: 4}, dialog.Key{ID: 1, K0: 1, K1: 2})}
	c.reg = c.node()
	expiry := time.Now().Add(time.Hour)
	var record []byte
	for i := range n {
		f, flow := member(i), memberFlow(i)
		at := c.reg.addressOf(f.appendAddress(nil))
		id := c.minter.Derive([]byte(f.instance()))
		id[0] = at.first
		record = appendRecord(record[:0], &f, &flow, expiry)
		c.ids = append(c.ids, id)
		c.records = append(binary.AppendUvarint(c.records, uint64(len(record))), record...)
	}
	before := heapInUse()
	for i, data := range c.kept() {
		if err := c.reg.Restore(c.ids[i], data); err != nil {
			b.Fatal(err)
		}
	}
	c.each = float64(heapInUse()-before) / float64(n)
	return c
}

// node is a registrar without bindings.
func (c *crowd) node() *Registrar {
	layer := transaction.New(transaction.Config{Shards: 4, ShardOf: c.minter.Shard})
	return New(Config{
		Minter: c.minter, Transport: anyTransport{},
		Customer: func(tenant.CustomerID) *policy.Customer { return nil },
	}, layer)
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// member is a phone of the crowd. Every other one registers here.
func member(i int) facts {
	user := memberUser(i)
	f := facts{
		customer: tenant.CustomerID(1 + i%crowdCustomers), dest: 1, q: 1000, key: 1, nat: true, since: 1700000000,
		texts: textsOf(&[textCount][]byte{
			textAOR:      []byte(user + "@" + crowdDomain),
			textURI:      []byte("sip:" + user + "@" + memberFlow(i).Remote.String() + ";transport=udp;line=sr5fbb"),
			textInstance: fmt.Appendf(nil, "<urn:uuid:00000000-0000-1000-8000-%012d>", i),
			textAgent:    []byte("Deskphone T46G 28.83.0.130"),
		}, nil),
	}
	if i%2 == 1 {
		f.dest, f.user, f.call, f.cseq = 0, tenant.SIPUserID(i), uint64(i)<<40, 7
	}
	return f
}

func memberUser(i int) string { return fmt.Sprint(3_000_000 + i) }

func memberFlow(i int) transport.Flow {
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], 10<<24|uint32(i/7))
	return transport.Flow{
		Proto: transport.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"),
		Remote: netip.AddrPortFrom(netip.AddrFrom4(raw), uint16(1024+i%7)),
	}
}

// processorTime begins to measure what a benchmark costs, which a busy machine disturbs less than
// the clock; the function that it returns reports it for each of n operations of a round.
func processorTime(b *testing.B, n int) func() {
	spent := func() int64 {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := spent()
	return func() { b.ReportMetric(float64(spent()-before)/float64(b.N*n), "cpu-ns/op") }
}

// scattered gives members in an order that no cache knows, many enough to be in none.
func (c *crowd) scattered() []int {
	list := make([]int, 1<<17)
	for i := range list {
		list[i] = i * 7919 % len(c.ids)
	}
	return list
}

// benchmarkRestore: out of the journal of a process that was killed.
func benchmarkRestore(b *testing.B, c *crowd) {
	cfg := journal.Config{Dir: b.TempDir()}
	c.keep(b, cfg)
	defer processorTime(b, len(c.ids))()
	for b.Loop() {
		j, err := journal.Open(cfg)
		if err != nil {
			b.Fatal(err)
		}
		r := c.node()
		err = j.Load(func(_ journal.Kind, id journal.ID, data []byte) error { return r.Restore(dialog.Stable(id), data) })
		if err != nil || r.Len() != len(c.ids) {
			b.Fatal(r.Len(), err)
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(c.each, "B/binding")
}

// keep puts all bindings into a journal, half of them twice.
func (c *crowd) keep(b *testing.B, cfg journal.Config) {
	j, err := journal.Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	for round := range 2 {
		for i, data := range c.kept() {
			if round == 1 && i%2 == 0 {
				continue
			}
			if err := j.Put(1, journal.ID(c.ids[i]), data); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
}

// kept yields the journal's records.
func (c *crowd) kept() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		rest := c.records
		for i := range c.ids {
			n, size := binary.Uvarint(rest)
			if !yield(i, rest[size:size+int(n)]) {
				return
			}
			rest = rest[size+int(n):]
		}
	}
}

func benchmarkToken(b *testing.B, c *crowd) {
	var list []dialog.Stable
	for _, i := range c.scattered() {
		list = append(list, c.ids[i])
	}
	b.ReportAllocs()
	defer processorTime(b, 1)()
	for i := 0; b.Loop(); i++ {
		if _, ok := c.reg.ByID(list[i%len(list)]); !ok {
			b.Fatal("not bound")
		}
	}
}

func benchmarkFlow(b *testing.B, c *crowd) {
	list := c.flows()
	b.ReportAllocs()
	defer processorTime(b, 1)()
	for i := 0; b.Loop(); i++ {
		if _, ok := c.reg.ByFlow(list[i%len(list)]); !ok {
			b.Fatal("not bound")
		}
	}
}

func benchmarkOwner(b *testing.B, c *crowd) {
	list := c.flows()
	b.ReportAllocs()
	defer processorTime(b, 1)()
	for i := 0; b.Loop(); i++ {
		if _, _, ok := c.reg.Owner(list[i%len(list)]); !ok {
			b.Fatal("not bound")
		}
	}
}

func (c *crowd) flows() (list []transport.Flow) {
	for _, i := range c.scattered() {
		list = append(list, memberFlow(i))
	}
	return list
}

func benchmarkAddress(b *testing.B, c *crowd) {
	type address struct {
		customer tenant.CustomerID
		user     []byte
	}
	var list []address
	for _, i := range c.scattered() {
		i -= i % 2
		list = append(list, address{member(i).customer, []byte(memberUser(i))})
	}
	room := make([]Contact, 0, 8)
	b.ReportAllocs()
	defer processorTime(b, 1)()
	for i := 0; b.Loop(); i++ {
		a := &list[i%len(list)]
		if room = c.reg.ByAOR(room[:0], a.customer, a.user, crowdDomain); len(room) != 1 {
			b.Fatal(len(room))
		}
	}
}

func benchmarkUser(b *testing.B, c *crowd) {
	list, room := c.scattered(), make([]Contact, 0, 8)
	b.ReportAllocs()
	defer processorTime(b, 1)()
	for i := 0; b.Loop(); i++ {
		at := list[i%len(list)] | 1
		if room = c.reg.ByUser(room[:0], tenant.CustomerID(1+at%crowdCustomers), tenant.SIPUserID(at)); len(room) != 1 {
			b.Fatal(len(room))
		}
	}
}

// benchmarkPage: 100 from the middle of the list on, as the API asks for them.
func benchmarkPage(b *testing.B, c *crowd) {
	middle := Place{Customer: crowdCustomers / 2, AOR: "4"}
	defer processorTime(b, 1)()
	for b.Loop() {
		if page := c.reg.List(func(tenant.CustomerID) bool { return true }, middle, 100); len(page) != 100 {
			b.Fatal(len(page))
		}
	}
}

// benchmarkSearch: a page of those that hold a text: many do, one does, none does.
func benchmarkSearch(b *testing.B, c *crowd) {
	for text, want := range map[string]int{"T46G": 100, memberUser(77_777): 1, "nobody": 0} {
		b.Run(text, func(b *testing.B) {
			defer processorTime(b, 1)()
			b.ReportAllocs()
			for b.Loop() {
				if page := c.reg.Matching(func(tenant.CustomerID) bool { return true }, text, Place{}, 100); len(page) != want {
					b.Fatal(len(page))
				}
			}
		})
	}
}
