package backup_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tollgate/internal/backup"
	"tollgate/internal/journal"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// node makes a data folder with one company and one record in its journal.
func node(t *testing.T, key []byte) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Write(t.Context(), tenant.Local("test"), tenant.Platform(), func(tx *store.Tx) error {
		return tx.Companies.Create(t.Context(), &tenant.Company{Name: "Verdi"})
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(journal.Config{Dir: filepath.Join(dir, backup.JournalName)})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Put(1, journal.ID{7}, []byte("a call")), j.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// write makes a backup of a data folder.
func write(t *testing.T, s backup.Source) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := backup.Write(t.Context(), &b, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func whole(t *testing.T) []byte {
	t.Helper()
	dir := node(t, nil)
	return write(t, backup.Source{Dir: dir, Version: "v1", Journal: backup.Journal(dir)})
}

// restore puts a backup into dir.
func restore(t *testing.T, data []byte, dir string, key []byte) error {
	t.Helper()
	s, err := backup.Open(t.Context(), bytes.NewReader(data), dir, key)
	if err != nil {
		return err
	}
	return errors.Join(s.Install(dir+".aside"), s.Close())
}

// tree gives every file below dir with its mode and size.
func tree(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		size := info.Size()
		if d.IsDir() {
			size = 0
		}
		rel, _ := filepath.Rel(dir, path)
		list = append(list, fmt.Sprint(rel, " ", info.Mode(), " ", size))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func checkNode(t *testing.T, dir string, key []byte) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Companies.All(t.Context(), tenant.Platform(), store.Query{})
	if err := errors.Join(err, s.Close()); err != nil || len(list) != 1 || list[0].Name != "Verdi" {
		t.Errorf("companies %v, %v", list, err)
	}
}

func records(t *testing.T, dir string) (list []string) {
	t.Helper()
	j, err := journal.Open(journal.Config{Dir: filepath.Join(dir, backup.JournalName)})
	if err != nil {
		t.Fatal(err)
	}
	err = j.Load(func(_ journal.Kind, _ journal.ID, data []byte) error {
		list = append(list, string(data))
		return nil
	})
	if err := errors.Join(err, j.Close()); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestThereAndBack: what comes out is what went in, closed to others, and nothing else stays behind.
func TestThereAndBack(t *testing.T) {
	from := node(t, nil)
	before := tree(t, from)
	data := write(t, backup.Source{Dir: from, Version: "v1", Journal: backup.Journal(from)})
	if after := tree(t, from); !slices.Equal(before, after) {
		t.Errorf("the data folder became\n%q, was\n%q", after, before)
	}
	m, err := backup.Check(bytes.NewReader(data))
	if err != nil || m.Format != backup.Format || m.Tollgate != "v1" || m.Key != backup.KeyInFile || len(m.Parts) != 3 || m.Schema < 2 || m.Made.IsZero() {
		t.Errorf("%+v, %v", m, err)
	}
	to := t.TempDir()
	if err := restore(t, data, to, nil); err != nil {
		t.Fatal(err)
	}
	for _, line := range tree(t, to)[1:] {
		if !strings.Contains(line, " -rw------- ") && !strings.Contains(line, " drwx------ ") {
			t.Errorf("others may read %s", line)
		}
		if strings.Contains(line, "tmp") {
			t.Errorf("left behind: %s", line)
		}
	}
	if _, err := os.Stat(to + ".aside"); err == nil {
		t.Error("nothing was moved aside, and there is a folder for it")
	}
	checkNode(t, to, nil)
	if got := records(t, to); !slices.Equal(got, []string{"a call"}) {
		t.Errorf("the journal has %q", got)
	}
}

// TestJournalInUse: a node that starts while its data folder is backed up keeps its journal.
func TestJournalInUse(t *testing.T) {
	dir := node(t, nil)
	write := backup.Journal(dir)
	j, err := journal.Open(journal.Config{Dir: filepath.Join(dir, backup.JournalName)})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := write(io.Discard); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Error(err)
	}
	if backup.Journal(t.TempDir()) != nil {
		t.Error("there is no journal, and it is written")
	}
}

// TestAside: a second restore keeps all that was there, and what is not the node's stays.
func TestAside(t *testing.T) {
	data, to := whole(t), node(t, nil)
	if err := os.WriteFile(filepath.Join(to, "node.yaml"), []byte("log: {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "tollgate.db-wal"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	holds, err := backup.Holds(to)
	if want := []string{"journal", "secrets.key", "tollgate.db", "tollgate.db-wal"}; err != nil || !slices.Equal(holds, want) {
		t.Errorf("it holds %q, %v, want %q", holds, err, want)
	}
	if err := restore(t, data, to, nil); err != nil {
		t.Fatal(err)
	}
	if aside, err := backup.Holds(to + ".aside"); err != nil || !slices.Equal(aside, holds) {
		t.Errorf("aside are %q, %v", aside, err)
	}
	if _, err := os.Stat(filepath.Join(to, "node.yaml")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(to, "tollgate.db-wal")); err == nil {
		t.Error("the old database's log lies beside the new one")
	}
	checkNode(t, to, nil)
	before := tree(t, to)
	if err := restore(t, data, to, nil); err == nil { // the folder for the old files is there
		t.Error("it was restored over what is aside")
	}
	if after := tree(t, to); !slices.Equal(before, after) {
		t.Errorf("the data folder became\n%q, was\n%q", after, before)
	}
}

// TestKeyInEnvironment: the key is not in the backup, and is wanted for it.
func TestKeyInEnvironment(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	dir := node(t, key)
	data := write(t, backup.Source{Dir: dir, Version: "v1", KeyInEnvironment: true})
	m, err := backup.Check(bytes.NewReader(data))
	if err != nil || m.Key != backup.KeyInEnvironment || len(m.Parts) != 1 {
		t.Errorf("%+v, %v", m, err)
	}
	refused(t, data, nil, "set TOLLGATE_SECRET_KEY")
	refused(t, data, make([]byte, 32), "not the key")
	to := t.TempDir()
	if err := restore(t, data, to, key); err != nil {
		t.Fatal(err)
	}
	checkNode(t, to, key)
}

// refused wants a restore to fail in one sentence, and the data folder to be as it was.
func refused(t *testing.T, data, key []byte, want string) {
	t.Helper()
	to := node(t, nil)
	before := tree(t, to)
	err := restore(t, data, to, key)
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
		t.Errorf("it says %v, want %q", err, want)
	}
	if after := tree(t, to); !slices.Equal(before, after) {
		t.Errorf("the data folder became\n%q, was\n%q", after, before)
	}
}

// file is one entry of an archive.
type file struct {
	header tar.Header
	data   []byte
}

// unpacked gives the entries of a backup.
func unpacked(t *testing.T, data []byte) (files []file) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file{*h, text})
	}
}

func packed(t *testing.T, files []file) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, f := range files {
		h := f.header
		h.Size, h.Format, h.PAXRecords = int64(len(f.data)), tar.FormatUnknown, nil
		if h.Typeflag != tar.TypeReg {
			h.Size = 0
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.data[:h.Size]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// manifest changes the manifest, and the size of each part with it if it has to agree.
func manifest(change func(m *backup.Manifest)) func(*testing.T, []file) []file {
	return func(t *testing.T, files []file) []file {
		t.Helper()
		var m backup.Manifest
		if err := json.Unmarshal(files[0].data, &m); err != nil {
			t.Fatal(err)
		}
		change(&m)
		files[0].data, _ = json.Marshal(m)
		return files
	}
}

// part gives a part other contents, and tells the manifest.
func part(i int, data func([]byte) []byte) func(*testing.T, []file) []file {
	return func(t *testing.T, files []file) []file {
		t.Helper()
		files[i].data = data(files[i].data)
		return manifest(func(m *backup.Manifest) { m.Parts[i-1].Size = int64(len(files[i].data)) })(t, files)
	}
}

func header(i int, change func(h *tar.Header)) func(*testing.T, []file) []file {
	return func(_ *testing.T, files []file) []file {
		change(&files[i].header)
		return files
	}
}

// TestHostileArchives: nothing of the data folder changes, whatever the file says.
func TestHostileArchives(t *testing.T) {
	good := whole(t)
	for name, c := range map[string]struct {
		change func(*testing.T, []file) []file
		want   string
	}{
		"newer format":     {manifest(func(m *backup.Manifest) { m.Format = 2 }), "format 2"},
		"no format":        {manifest(func(m *backup.Manifest) { m.Format = 0 }), "no backup"},
		"other schema":     {manifest(func(m *backup.Manifest) { m.Schema++ }), "damaged"},
		"huge":             {manifest(func(m *backup.Manifest) { m.Parts[0].Size = 1 << 60 }), "free on the disk"},
		"huge together":    {manifest(func(m *backup.Manifest) { m.Parts[0].Size, m.Parts[2].Size = 1<<62, 1<<62 }), "free on the disk"},
		"negative":         {manifest(func(m *backup.Manifest) { m.Parts[0].Size = -1 }), "no backup"},
		"huge key":         {part(2, func(b []byte) []byte { return bytes.Repeat(b, 20) }), "no backup"},
		"no parts":         {manifest(func(m *backup.Manifest) { m.Parts = nil }), "no backup"},
		"twice":            {manifest(func(m *backup.Manifest) { m.Parts[2] = m.Parts[0] }), "no backup"},
		"upwards":          {manifest(func(m *backup.Manifest) { m.Parts[0].Name = "../x" }), "no backup"},
		"key kind":         {manifest(func(m *backup.Manifest) { m.Key = "none" }), "no backup"},
		"key elsewhere":    {manifest(func(m *backup.Manifest) { m.Key = backup.KeyInEnvironment }), "no backup"},
		"upwards in tar":   {header(1, func(h *tar.Header) { h.Name = "../../tollgate.db" }), "damaged"},
		"absolute":         {header(1, func(h *tar.Header) { h.Name = "/etc/cron.d/x" }), "damaged"},
		"link":             {header(1, func(h *tar.Header) { h.Typeflag, h.Linkname = tar.TypeSymlink, "/etc/passwd" }), "damaged"},
		"folder":           {header(1, func(h *tar.Header) { h.Typeflag = tar.TypeDir }), "damaged"},
		"manifest a link":  {header(0, func(h *tar.Header) { h.Typeflag, h.Linkname = tar.TypeSymlink, "/etc/passwd" }), "no backup"},
		"other order":      {func(_ *testing.T, f []file) []file { f[1], f[2] = f[2], f[1]; return f }, "damaged"},
		"no manifest":      {func(_ *testing.T, f []file) []file { return f[1:] }, "no backup"},
		"manifest is text": {func(_ *testing.T, f []file) []file { f[0].data = []byte("hello"); return f }, "no backup"},
		"long manifest":    {func(_ *testing.T, f []file) []file { f[0].data = bytes.Repeat([]byte(" "), 70_000); return f }, "no backup"},
		"part missing":     {func(_ *testing.T, f []file) []file { return f[:3] }, "damaged"},
		"one more":         {func(_ *testing.T, f []file) []file { return append(f, f[3]) }, "damaged"},
		"shorter part":     {func(_ *testing.T, f []file) []file { f[1].data = f[1].data[:5000]; return f }, "damaged"},
		"other key":        {part(2, func([]byte) []byte { return []byte(strings.Repeat("ab", 32)) }), "not the key"},
		"no key":           {part(2, func([]byte) []byte { return nil }), "hex digits"},
		"no database":      {part(1, func([]byte) []byte { return []byte("hello") }), "none of Tollgate's"},
		"torn database":    {part(1, func(b []byte) []byte { return b[:len(b)/2] }), "damaged"},
		"torn journal":     {part(3, func(b []byte) []byte { return b[:len(b)-9] }), "journal: the snapshot is cut off"},
		"no journal":       {part(3, func(b []byte) []byte { return []byte("hello") }), "journal: the snapshot is cut off"},
		"long journal":     {part(3, func(b []byte) []byte { return append(b, b...) }), "journal: something follows"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, packed(t, c.change(t, unpacked(t, good))), nil, c.want) })
	}
	t.Run("as it was", func(t *testing.T) {
		if err := restore(t, packed(t, unpacked(t, good)), t.TempDir(), nil); err != nil {
			t.Error(err)
		}
	})
}

// TestDamagedBytes: cut anywhere, or with any byte changed, a backup is refused and nothing is changed.
func TestDamagedBytes(t *testing.T) {
	good, to := whole(t), t.TempDir()
	try := func(name string, data []byte) {
		t.Helper()
		err := restore(t, data, to, nil)
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(to); err != nil || len(left) > 0 {
			t.Fatalf("%s: left %v, %v", name, left, err)
		}
	}
	for _, at := range []int{0, 1, 9, 10, 100, len(good) / 3, len(good) / 2, len(good) - 9, len(good) - 8, len(good) - 1} {
		try(fmt.Sprint("cut at ", at), good[:at])
		changed := bytes.Clone(good)
		changed[at] ^= 0x10
		if at > 9 { // the gzip's time and system mean nothing
			try(fmt.Sprint("changed at ", at), changed)
		}
	}
	try("more behind", append(bytes.Clone(good), 0))
	try("twice", append(bytes.Clone(good), good...))
}

// TestNoRoom: nothing is written to a client before the parts are at hand.
func TestNoRoom(t *testing.T) {
	dir := node(t, nil)
	for name, s := range map[string]backup.Source{
		"no database": {Dir: t.TempDir()},
		"no folder":   {Dir: filepath.Join(dir, "nowhere")},
		"bad journal": {Dir: dir, Journal: func(io.Writer) error { return errors.New("hm") }},
	} {
		var b bytes.Buffer
		if err := backup.Write(t.Context(), &b, s); err == nil || b.Len() > 0 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
		if left, _ := filepath.Glob(filepath.Join(s.Dir, "*tmp*")); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

// FuzzCheck: no bytes make it fail in another way than with an error.
func FuzzCheck(f *testing.F) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	text := []byte(`{"format":1,"schema":2,"key":"environment","parts":[{"name":"tollgate.db","size":3}]}`)
	for _, e := range []file{{tar.Header{Name: "manifest.json", Size: int64(len(text)), Mode: 0o600}, text}, {tar.Header{Name: "tollgate.db", Size: 3, Mode: 0o600}, []byte("abc")}} {
		if err := w.WriteHeader(&e.header); err != nil {
			f.Fatal(err)
		}
		if _, err := w.Write(e.data); err != nil {
			f.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		f.Fatal(err)
	}
	if _, err := backup.Check(bytes.NewReader(b.Bytes())); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("no backup"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = backup.Check(bytes.NewReader(data)) })
}
