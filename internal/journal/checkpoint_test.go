package journal

import (
	"errors"
	"maps"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestCrashInCheckpoint looks at each step of a checkpoint what a start would find.
func TestCrashInCheckpoint(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dir: dir, SegmentBytes: minSegment}
	want, steps := standing{}, 0
	step := func() {
		steps++
		same(t, "killed in the checkpoint", crashed(t, dir), want)
	}
	cfg.disk.remove = func(path string) error {
		step()
		defer step()
		return os.Remove(path)
	}
	j := openWith(t, cfg)
	change := func(n, size int) {
		k := key{1, number(uint64(n % 40))}
		if n%7 == 0 {
			j.Delete(k.kind, k.id)
			delete(want, k)
			return
		}
		want[k] = text(n, size)
		put(t, j, 1, uint64(n%40), want[k])
	}
	for n := range 400 {
		change(n, 1500)
	}
	if s := j.Stats(); s.Segments < 4 {
		t.Fatal("too few segments to tell anything:", s.Segments)
	}
	if !j.due() {
		t.Fatal("no checkpoint is due")
	}
	err := j.checkpoint(func() error {
		step()
		n := 1000
		for k, data := range maps.Clone(want) {
			if want[k] != data { // changed or deleted meanwhile
				continue
			}
			if err := j.Put(k.kind, k.id, []byte(data)); err != nil {
				return err
			}
			step()
			n++
			change(n, 4000)
			step()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	step()
	s := j.Stats()
	if s.Checkpoints != 1 || s.LiveBytes < 30*1500 || s.Segments > 3 || j.due() {
		t.Errorf("stats %+v", s)
	}
	if steps < 50 {
		t.Errorf("%d steps only", steps)
	}
}

// TestOutOfOrderRemoval: a disk may have removed later segments and kept earlier ones;
// what was deleted in between stays deleted.
func TestOutOfOrderRemoval(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dir: dir, SegmentBytes: minSegment}
	refuse := errors.New("not now")
	cfg.disk.remove = func(string) error { return refuse }
	j := openWith(t, cfg)
	put(t, j, 1, 1, "ended in the next segment")
	j.mu.Lock()
	err := j.rotate()
	j.stale = true
	j.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	j.Delete(1, number(1))
	if err := j.checkpoint(func() error { return j.Put(1, number(2), []byte("live")) }); err != nil {
		t.Fatal(err)
	}
	found := segmentsIn(t, dir)
	if len(found) != 3 {
		t.Fatal("segments:", len(found))
	}
	os.Remove(found[1].path)
	same(t, "the middle segment is gone", crashed(t, dir), standing{{1, number(2)}: "live"})

	// The next checkpoint takes what is left.
	j.cfg.disk.remove = os.Remove
	j.stale = true
	if err := j.checkpoint(func() error { return j.Put(1, number(2), []byte("live")) }); err != nil {
		t.Fatal(err)
	}
	if found := segmentsIn(t, dir); len(found) != 1 {
		t.Error("segments left:", len(found))
	}
}

// table is an owner: objects under a lock, each record put under it.
type table struct {
	mu      sync.Mutex
	objects standing
	j       *Journal
	fail    error
	walks   int
}

func (o *table) put(id uint64, data string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	k := key{1, number(id)}
	o.objects[k] = data
	return o.j.Put(k.kind, k.id, []byte(data))
}

func (o *table) delete(id uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.objects, key{1, number(id)})
	o.j.Delete(1, number(id))
}

func (o *table) checkpoint() error {
	o.mu.Lock()
	ids := maps.Clone(o.objects)
	o.walks++
	fail := o.fail
	o.mu.Unlock()
	if fail != nil {
		return fail
	}
	for k := range ids {
		o.mu.Lock()
		var err error
		if data, live := o.objects[k]; live {
			err = o.j.Put(k.kind, k.id, []byte(data))
		}
		o.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// TestRunKeepsItSmall: however much is put, the files hold a few times what lives.
func TestRunKeepsItSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		j := openIn(t, dir)
		o := &table{objects: standing{}, j: j}
		j.Run(o.checkpoint)
		const live = 200 * 1000
		for n := range 20_000 {
			if err := o.put(uint64(n%200), text(n, 1000)); err != nil {
				t.Fatal(err)
			}
			if n%50 == 0 {
				o.delete(uint64(n / 100))
				synctest.Wait() // a checkpoint has the time that it takes
			}
			if s := j.Stats(); s.Bytes > 5*live+4*minSegment {
				t.Fatalf("%d: %+v", n, s)
			}
		}
		synctest.Wait()
		if s := j.Stats(); s.Checkpoints < 10 || s.LiveBytes < live/2 || s.LiveBytes > 4*live {
			t.Errorf("%+v", s)
		}
		same(t, "killed", crashed(t, dir), o.objects)
	})
}

// TestFirstCheckpoint clears away what an earlier process left, and one that fails is
// tried again after a minute while the old segments stay.
func TestFirstCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		j := openIn(t, dir)
		put(t, j, 1, 1, "one")
		j.Close()

		j = openIn(t, dir)
		o := &table{objects: loaded(t, j), j: j, fail: errors.New("no")}
		j.Run(o.checkpoint)
		synctest.Wait()
		for range 1000 { // much is put meanwhile
			if err := o.put(1, text(1, 1000)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(retryCheckpoint - time.Second)
		if s := j.Stats(); o.walks != 1 || s.Checkpoints != 0 {
			t.Errorf("%d walks, %+v", o.walks, s)
		}
		if first := segmentsIn(t, dir)[0].seq; first != 1 {
			t.Errorf("the first segment is %d", first)
		}
		same(t, "killed after it failed", crashed(t, dir), o.objects)
		o.mu.Lock()
		o.fail = nil
		o.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := j.Stats(); o.walks != 2 || s.Checkpoints != 1 || s.Segments != 1 {
			t.Errorf("%d walks, %+v", o.walks, s)
		}
		same(t, "killed", crashed(t, dir), o.objects)
	})
}

// TestNewJournalNeedsNoCheckpoint: with nothing to clear away it only syncs.
func TestNewJournalNeedsNoCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openIn(t, t.TempDir())
		j.Run(func() error { t.Error("a checkpoint of nothing"); return nil })
		time.Sleep(3 * time.Second)
		put(t, j, 1, 1, "one")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		j.syncing.Lock()
		defer j.syncing.Unlock()
		if s := j.segments[0]; s.synced != s.used {
			t.Errorf("synced %d of %d", s.synced, s.used)
		}
	})
}

// small is a disk of so many segments.
type small struct {
	segments, asked int
	told            []bool
}

func (d *small) config(dir string) Config {
	cfg := Config{Dir: dir, SegmentBytes: minSegment, Full: func(full bool) { d.told = append(d.told, full) }}
	cfg.disk.reserve = func(fd int, size int64) error {
		d.asked++
		if d.segments == 0 {
			return unix.ENOSPC
		}
		d.segments--
		return reserve(fd, size)
	}
	cfg.disk.remove = func(path string) error {
		d.segments++
		return os.Remove(path)
	}
	return cfg
}

func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		d := &small{segments: 2}
		j := openWith(t, d.config(dir))
		want := standing{}
		n := 0
		for ; ; n++ {
			err := j.Put(1, number(uint64(n)), []byte(text(n, 1000)))
			if errors.Is(err, ErrFull) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			want[key{1, number(uint64(n))}] = text(n, 1000)
		}
		if n < 200 || len(d.told) != 1 || !d.told[0] {
			t.Fatalf("full after %d records, told %v", n, d.told)
		}
		same(t, "full", crashed(t, dir), want)
		for i := range 150 { // deletes have room
			j.Delete(1, number(uint64(i)))
			delete(want, key{1, number(uint64(i))})
		}
		same(t, "full, then deleted", crashed(t, dir), want)

		asked := d.asked
		for range 1000 {
			if err := j.Put(1, number(1), nil); !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
		}
		if d.asked != asked {
			t.Errorf("the disk was asked %d times at once", d.asked-asked)
		}
		time.Sleep(retryFull)
		if err := j.Put(1, number(1), nil); !errors.Is(err, ErrFull) || d.asked != asked+1 {
			t.Errorf("%v, the disk was asked %d times", err, d.asked-asked)
		}
		for i := range n { // too many for the reserve
			j.Delete(1, number(uint64(i)))
		}
		clear(want)
		if len(crashed(t, dir)) == 0 {
			t.Error("the reserve is too large to tell anything")
		}

		d.segments = 3
		j.Run(func() error { return nil })
		time.Sleep(2 * time.Second) // nobody puts
		synctest.Wait()
		if len(d.told) != 2 || d.told[1] {
			t.Errorf("told %v", d.told)
		}
		time.Sleep(retryCheckpoint)
		synctest.Wait()
		same(t, "room again: a checkpoint makes good what was forgotten", crashed(t, dir), want)
		if err := j.Put(1, number(1), nil); err != nil {
			t.Error(err)
		}
	})
}

// TestFullCheckpoint: a checkpoint that finds no room leaves all as it was.
func TestFullCheckpoint(t *testing.T) {
	dir := t.TempDir()
	d := &small{segments: 4}
	j := openWith(t, d.config(dir))
	o := &table{objects: standing{}, j: j}
	for n := range 320 {
		if err := o.put(uint64(n), text(n, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		j.stale = true
		if err := j.checkpoint(o.checkpoint); !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		same(t, "killed", crashed(t, dir), o.objects)
	}
	d.segments = 4
	j.tried = time.Time{}
	if err := j.checkpoint(o.checkpoint); err != nil {
		t.Fatal(err)
	}
	same(t, "killed", crashed(t, dir), o.objects)
	if s := j.Stats(); s.Segments > 4 {
		t.Errorf("%+v", s)
	}
}

func TestOpenOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	d := &small{}
	j := openWith(t, d.config(dir))
	if err := j.Put(1, number(1), nil); !errors.Is(err, ErrFull) || len(d.told) != 1 {
		t.Errorf("%v, told %v", err, d.told)
	}
	j.Delete(1, number(1))
	if err := j.sync(); err != nil {
		t.Error(err)
	}
	same(t, "nothing", loaded(t, j), standing{})
	if found := segmentsIn(t, dir); len(found) != 0 {
		t.Errorf("%d segments", len(found))
	}
	other := Config{Dir: t.TempDir()}
	other.disk.reserve = func(int, int64) error { return unix.EOPNOTSUPP }
	if _, err := Open(other); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Error("a file system that cannot reserve space:", err)
	}
}
