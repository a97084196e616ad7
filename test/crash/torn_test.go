package crash

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tollgate/test/harness"
)

// What a segment of the journal looks like, as far as a test must know to damage it: a header,
// then records, each with its length in front and filled up to 8 bytes; a length of 0 is the end.
const (
	headerSize = 32
	frameSize  = 8
	versionAt  = 8
)

// segments are the files of a node's journal, the newest last.
func segments(t testing.TB, node *harness.Node) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(node.Dir, "data", "journal", "*.journal"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the node has no journal (%v)", err)
	}
	slices.Sort(files)
	return files
}

// newest is the newest segment, and where its last record begins and ends.
func newest(t testing.TB, node *harness.Node) (file string, from, end int) {
	t.Helper()
	files := segments(t, node)
	file = files[len(files)-1]
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	from, end = headerSize, headerSize
	for end+4 <= len(data) {
		length := int(binary.LittleEndian.Uint32(data[end:]))
		if length == 0 {
			return file, from, end
		}
		from, end = end, end+(frameSize+length+7)&^7
	}
	t.Fatalf("%s: no end at %d", file, end)
	return "", 0, 0
}

// TestTornJournal: what a dying machine leaves at the end of the journal costs what is torn and no
// more, and the log says so.
func TestTornJournal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(file *os.File, from, end int) error
		early  int // so many calls before the last one are damaged too
	}{
		"a byte of the last record": {damage: func(f *os.File, from, end int) error { return overwrite(f, (from+end)/2, "\xff\x00\xff") }},
		"cut in the last record":    {damage: func(f *os.File, from, end int) error { return f.Truncate(int64(from+end) / 2) }},
		"an impossible length":      {damage: func(f *os.File, from, _ int) error { return overwrite(f, from, "\xff\xff\xff\xff") }},
		"a length beyond the end":   {damage: func(f *os.File, _, end int) error { return overwrite(f, end, "\xff\xff\x00\x00") }},
		"garbage behind the end":    {damage: func(f *os.File, _, end int) error { return overwrite(f, end, strings.Repeat("garbage!", 20)) }},
		"many records": {early: 3, damage: func(f *os.File, from, end int) error {
			return overwrite(f, from, strings.Repeat("\xa5", end-from))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			torn(t, c.early, c.damage)
		})
	}
}

func overwrite(f *os.File, at int, bytes string) error {
	_, err := f.WriteAt([]byte(bytes), int64(at))
	return err
}

// torn has some calls up, kills the node, damages its journal from where the last of them that are
// to be hit began, and looks which calls it knows when it is back.
func torn(t *testing.T, early int, damage func(f *os.File, from, end int) error) {
	node := harness.Start(t)
	c := newTenant(t, node, "torn", "udp", true, 0)
	node.Apply(t, c.Customer)
	from := c.caller(node, "udp", "out")
	var calls []*talk
	var ends []int // of the journal after each call
	for range 10 {
		call, err := c.place(from, false)
		if err != nil {
			t.Fatal(err)
		}
		_, _, end := newest(t, node)
		calls, ends = append(calls, call), append(ends, end)
	}
	kill(t, node)
	file, begin, end := newest(t, node)
	if early > 0 {
		begin = ends[len(calls)-1-early]
	}
	damageFile(t, file, func(f *os.File) error { return damage(f, begin, end) })
	size := node.LogSize()
	node.Up(t)
	if said := node.LogSince(size, "journal segment ends early"); !strings.Contains(said, filepath.Base(file)) {
		t.Errorf("nothing is said of the damage: %s", node.LogSince(size, "journal"))
	}
	kept := len(calls) - early // the last record tells of an ACK: the call stands in the one before
	for i, call := range calls[:kept] {
		if err := call.does(side(i%2 == 0), "OPTIONS"); err != nil {
			t.Errorf("call %d of %d: %v", i+1, len(calls), err)
		}
	}
	for i, call := range calls[kept:] {
		if err := call.asks(caller, "OPTIONS").want(481); err != nil {
			t.Errorf("call %d of %d stood only in what is damaged: %v", kept+i+1, len(calls), err)
		}
	}
	if n := len(listed(t, node)); n != kept {
		t.Errorf("%d calls are listed, %d stood before the damage", n, kept)
	}
}

func damageFile(t *testing.T, file string, damage func(*os.File) error) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := damage(f); err != nil {
		t.Fatal(err)
	}
}

// TestNewerJournal: what a newer Tollgate has written is refused in one sentence, and left as it is.
func TestNewerJournal(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	c := newTenant(t, node, "newer", "udp", false, 0)
	node.Apply(t, c.Customer)
	call, err := c.place(c.caller(node, "udp", "out"), false)
	if err != nil {
		t.Fatal(err)
	}
	kill(t, node)
	file, _, _ := newest(t, node)
	damageFile(t, file, func(f *os.File) error { return overwrite(f, versionAt, "\x02") })
	before, _ := os.ReadFile(file)
	r := node.Command(t, "serve")
	var said []string
	for line := range strings.Lines(r.Stderr) {
		if !strings.HasPrefix(line, "time=") {
			said = append(said, line)
		}
	}
	if r.Code != 1 || len(said) != 1 || !strings.Contains(said[0], "newer version") || !strings.Contains(said[0], filepath.Base(file)) {
		t.Errorf("expected exit 1 and one sentence\n%s", r)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed (%v)", err)
	}
	damageFile(t, file, func(f *os.File) error { return overwrite(f, versionAt, "\x01") })
	node.Up(t)
	if err := call.does(callee, "BYE"); err != nil {
		t.Errorf("the right program has the call again: %v", err)
	}
}

// TestBoundedJournal: however much happens, the journal stays small, and knows all that stands.
func TestBoundedJournal(t *testing.T) {
	t.Parallel()
	const most = 5 * 8 << 20 // five segments
	node := harness.Start(t)
	c := newTenant(t, node, "bounded", "udp", true, 0)
	node.Apply(t, c.Customer)
	from := c.caller(node, "udp", "out"+strings.Repeat("long", 100)) // names that make records long
	calls := make([]*talk, 40)
	if err := each(len(calls), 16, func(i int) (err error) {
		calls[i], err = c.place(from, i%2 == 0)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	first, asked := segments(t, node)[0], 0
	for ; slices.Contains(segments(t, node), first); asked += 1000 {
		if asked > 200_000 {
			t.Fatalf("after %d requests the first segment is still there: %v", asked, segments(t, node))
		}
		// One after the other within a call: a request that was lost and comes late is
		// never behind a newer one of its own dialog.
		err := each(len(calls), 16, func(i int) (err error) {
			for k := 0; k < 1000/len(calls) && err == nil; k++ {
				err = calls[i].asks(side(i%2 == 0), "OPTIONS").want(200)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		bounded(t, node, most)
	}
	t.Logf("after %d requests the first segment is gone: %d are left", asked, len(segments(t, node)))
	kill(t, node)
	node.Up(t)
	bounded(t, node, most)
	if err := each(len(calls), 16, func(i int) error { return calls[i].does(side(i%2 == 0), "BYE") }); err != nil {
		t.Error(err)
	}
	noneLeft(t, node)
}

func bounded(t *testing.T, node *harness.Node, most int64) {
	t.Helper()
	var sum int64
	var list []string
	for _, file := range segments(t, node) {
		info, err := os.Stat(file)
		if err != nil {
			continue // a checkpoint has just removed it
		}
		sum += info.Size()
		list = append(list, fmt.Sprint(filepath.Base(file), " ", info.Size()))
	}
	if sum > most {
		t.Fatalf("the journal has grown to %d bytes: %v", sum, list)
	}
}
