package trace_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

func TestFoundByEachKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		a := r.talk(true)
		a.from, a.to = `"Bob" <sip:+39%20040-123456;phone-context=x@acme.example>`, "<tel:+49-30-1234567>"
		r.start(a)
		r.hangUp(a)
		b := r.talk(false)
		b.callID = "b-call"
		b.from, b.to, b.uri = "sip:101@evil.example", "<sip:Alice@203.0.113.50>", "sip:Alice@203.0.113.50"
		b.source, b.cust = netip.MustParseAddrPort("[2001:db8::7]:5060"), 8
		time.Sleep(time.Second)
		middle := time.Now()
		time.Sleep(time.Second)
		r.refuse(b, policy.Refuse(policy.Blocklisted))
		for _, c := range []struct {
			name string
			q    trace.Query
			want []trace.ID
		}{
			{"all", trace.Query{}, []trace.ID{b.id, a.id}},
			{"Call-ID", trace.Query{Text: a.callID}, []trace.ID{a.id}},
			{"far Call-ID", trace.Query{Text: strings.ToUpper(a.far)}, []trace.ID{a.id}},
			{"E.164", trace.Query{Text: "+39040123456"}, []trace.ID{a.id}},
			{"as dialled abroad", trace.Query{Text: "0039 040 123456"}, []trace.ID{a.id}},
			{"as dialled at home", trace.Query{Text: "040123456"}, []trace.ID{a.id}},
			{"tel", trace.Query{Text: "030 1234567"}, []trace.ID{a.id}},
			{"another number", trace.Query{Text: "040123457"}, nil},
			{"too short to be a suffix", trace.Query{Text: "23456"}, nil},
			{"extension", trace.Query{Text: "101"}, []trace.ID{b.id}},
			{"user", trace.Query{Text: "alice"}, []trace.ID{b.id}},
			{"domain", trace.Query{Text: "evil.example"}, []trace.ID{b.id}},
			{"source", trace.Query{Text: "192.0.2.5"}, []trace.ID{a.id}},
			{"source with port", trace.Query{Text: "192.0.2.5:5071"}, []trace.ID{a.id}},
			{"another port", trace.Query{Text: "192.0.2.5:1"}, nil},
			{"target", trace.Query{Text: "10.0.0.9"}, []trace.ID{a.id}},
			{"half an address", trace.Query{Text: "203.0.113.5"}, nil},
			{"address in a URI", trace.Query{Text: "203.0.113.50"}, []trace.ID{b.id}},
			{"IPv6", trace.Query{Text: "[2001:db8::7]"}, []trace.ID{b.id}},
			{"destination", trace.Query{Text: "pbx1"}, []trace.ID{a.id}},
			{"User-Agent", trace.Query{Text: "phone/1"}, []trace.ID{b.id, a.id}},
			{"status", trace.Query{Status: 403}, []trace.ID{b.id}},
			{"final status", trace.Query{Status: 200}, []trace.ID{a.id}},
			{"reason", trace.Query{Reason: "blocklist"}, []trace.ID{b.id}},
			{"reference", trace.Query{Ref: strings.ToLower(a.id.Ref())}, []trace.ID{a.id}},
			{"no reference", trace.Query{Ref: "uuuuu"}, nil},
			{"customer", trace.Query{Customer: 8}, []trace.ID{b.id}},
			{"whose may be seen", trace.Query{Keep: func(c tenant.CustomerID) bool { return c == 7 }}, []trace.ID{a.id}},
			{"refused", trace.Query{RefusedOnly: true}, []trace.ID{b.id}},
			{"since", trace.Query{Since: middle}, []trace.ID{b.id}},
			{"until", trace.Query{Until: middle}, []trace.ID{a.id}},
			{"the first", trace.Query{Limit: 1}, []trace.ID{b.id}},
		} {
			var got []trace.ID
			for _, d := range r.find(c.q) {
				got = append(got, d.ID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: got %v, want %v", c.name, got, c.want)
			}
		}
	})
}

func TestPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(t.TempDir())
		cfg.MaxDisk = 1 << 20 // segments of 128 KiB
		r := newRig(t, cfg)
		for range 100 {
			c := r.talk(false)
			r.start(c)
			time.Sleep(time.Second)
			r.hangUp(c)
		}
		var got []trace.ID
		q := trace.Query{Limit: 7}
		for {
			list, next, err := r.r.Find(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			for i := range list {
				got = append(got, list[i].ID)
			}
			if next.IsZero() {
				break
			}
			if len(list) != 7 {
				t.Errorf("a page of %d", len(list))
			}
			q.Before = next
		}
		slices.SortFunc(got, func(a, b trace.ID) int { return strings.Compare(a.String(), b.String()) })
		if n := len(slices.Compact(got)); n != 100 || len(got) != 100 {
			t.Errorf("%d cases, %d of them different", len(got), n)
		}
	})
}

func TestBoundedOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(t.TempDir())
		cfg.MaxDisk, cfg.Keep = 1<<20, 24*time.Hour
		r := newRig(t, cfg)
		var last *talk
		for range 600 {
			last = r.talk(false)
			r.start(last)
			r.hangUp(last)
			time.Sleep(time.Second)
		}
		if n := onDisk(t, cfg.Dir); n > 1<<20 || n < 1<<19 {
			t.Errorf("%d bytes of at most %d", n, 1<<20)
		}
		if d, _ := r.get(last.id); d.Status != 200 {
			t.Errorf("the last one is %+v", d)
		}
		if n := len(r.find(trace.Query{Limit: 1000})); n > 400 || n < 100 {
			t.Errorf("%d cases are left", n)
		}
		time.Sleep(25 * time.Hour)
		if n := len(r.find(trace.Query{Limit: 1000})); n != 0 {
			t.Errorf("%d cases are left after a day", n)
		}
		time.Sleep(10 * time.Hour)
		if n := onDisk(t, cfg.Dir); n > 0 {
			t.Errorf("%d bytes are left after a day", n)
		}
	})
}

func onDisk(t *testing.T, dir string) (n int64) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		n += info.Size()
	}
	return n
}

// TestRestart is a process that ends, or is killed, and another one that goes on.
func TestRestart(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed=%t", killed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := config(t.TempDir())
				r := newRig(t, cfg)
				done, up, lost := r.talk(true), r.talk(false), r.talk(false)
				r.start(done)
				r.hangUp(done)
				r.start(up)
				r.start(lost)
				time.Sleep(3 * time.Second)
				next := config(t.TempDir())
				if killed {
					copyDir(t, cfg.Dir, next.Dir, true)
				} else {
					r.r.Close()
					copyDir(t, cfg.Dir, next.Dir, false)
				}
				next.Lives = func(id trace.ID) bool { return id == up.id }
				r2 := newRig(t, next)
				r2.n = 100
				d, m := r2.get(done.id)
				if !slices.Equal(lines(m), whole) || d.Status != 200 || d.Domain != "acme.example" {
					t.Errorf("%+v with %q", d, lines(m))
				}
				if d, m = r2.get(lost.id); len(m) != 8 || d.Ended.IsZero() {
					t.Errorf("%+v with %q", d, lines(m))
				}
				if d, m = r2.get(up.id); len(m) != 8 || !d.Ended.IsZero() {
					t.Errorf("%+v with %q", d, lines(m))
				}
				r2.hangUp(up)
				if d, m = r2.get(up.id); !slices.Equal(lines(m), whole) || d.Status != 200 || len(d.Passed) != 3 {
					t.Errorf("%+v with %q", d, lines(m))
				}
				if n := len(r2.find(trace.Query{})); n != 3 {
					t.Errorf("%d cases", n)
				}
			})
		})
	}
}

// copyDir copies files, with a torn record behind each where torn.
func copyDir(t *testing.T, from, to string, torn bool) {
	t.Helper()
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if torn {
			data = append(data, data[24:min(len(data), 90)]...)
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskFails loses traces, says so, and comes back.
func TestDiskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(filepath.Join(t.TempDir(), "traces"))
		r := newRig(t, cfg)
		if err := os.RemoveAll(cfg.Dir); err != nil {
			t.Fatal(err)
		}
		r.start(r.talk(false))
		time.Sleep(2 * time.Second)
		if s := r.r.Stats(); s.LostMessages != 8 {
			t.Errorf("stats %+v", s)
		}
		if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		c := r.talk(false)
		r.start(c)
		if _, m := r.get(c.id); len(m) != 8 {
			t.Errorf("%d messages", len(m))
		}
	})
}

func FuzzSegment(f *testing.F) {
	cfg := config(f.TempDir())
	r, err := trace.New(cfg)
	if err != nil {
		f.Fatal(err)
	}
	r.Run()
	rg := &rig{r: r}
	c := rg.talk(true)
	rg.start(c)
	rg.hangUp(c)
	r.Close()
	for _, suffix := range []string{".sip", ".cases"} {
		data, err := os.ReadFile(filepath.Join(cfg.Dir, "00000001"+suffix))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, uint32(24))
	}
	f.Fuzz(func(_ *testing.T, data []byte, at uint32) {
		trace.ReadCases(data, 1)
		trace.ReadMessage(data, at)
	})
}

// TestOlderChecksum reads what earlier versions wrote: their checksum of a message covers all of it. One that
// covers nothing is not read.
func TestOlderChecksum(t *testing.T) {
	for name, sum := range map[string]func(rec []byte) uint32{
		"older":   func(rec []byte) uint32 { return crc32.Checksum(rec[8:], crc32.MakeTable(crc32.Castagnoli)) },
		"damaged": func(rec []byte) uint32 { return binary.BigEndian.Uint32(rec[4:]) + 1 },
	} {
		synctest.Test(t, func(t *testing.T) {
			cfg := config(t.TempDir())
			r := newRig(t, cfg)
			c := r.talk(false)
			r.start(c)
			r.get(c.id) // all of it is in the files
			path := filepath.Join(cfg.Dir, "00000001.sip")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for at := 24; at < len(data); at += 8 + int(binary.BigEndian.Uint32(data[at:])) {
				rec := data[at : at+8+int(binary.BigEndian.Uint32(data[at:]))]
				binary.BigEndian.PutUint32(rec[4:], sum(rec))
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, m := r.get(c.id); len(m) != map[string]int{"older": 8, "damaged": 0}[name] {
				t.Errorf("%s: %q", name, lines(m))
			}
		})
	}
}
