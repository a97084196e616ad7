package cli

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tollgate/test/harness"
)

// key makes an API key on a running node.
func key(t *testing.T, node *harness.Node, access string) string {
	t.Helper()
	return strings.TrimSpace(node.Must(t, "api-keys", "create", "for "+access, "--access", access).Stdout)
}

// remotely runs a command through a node's API.
func remotely(t *testing.T, node *harness.Node, key string, args ...string) harness.Result {
	t.Helper()
	return node.Command(t, append(args, "--server", "http://"+node.HTTP, "--token", key)...)
}

func data(node *harness.Node) string { return filepath.Join(node.Dir, "data") }

// files lists a folder, and all below it, with modes and sizes; nothing where it is missing.
func files(t *testing.T, dir string) (list []string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && !d.IsDir() {
			list = append(list, fmt.Sprint(path, " ", info.Mode(), " ", info.Size()))
		}
		return err
	})
	return list
}

// TestBackupAndRestore: a live node's backup makes the same node elsewhere, keys and all.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	node.ApplyText(t, example(t))
	admin, reader := key(t, node, "admin"), key(t, node, "read-only")
	want := node.Must(t, "export").Stdout

	file := filepath.Join(t.TempDir(), "b.tar.gz")
	says(t, node.Must(t, "backup", file), file, "tollgate.db", "secrets.key", "every password")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	oneSentence(t, node.Command(t, "backup", file), file, "--force")
	node.Must(t, "backup", "--force", file)
	if r := remotely(t, node, admin, "backup", file+".remote"); r.Code != 0 {
		t.Errorf("%s", r)
	}
	oneSentence(t, remotely(t, node, reader, "backup", file+".reader"), "admin")
	oneSentence(t, remotely(t, node, admin, "backup", "/nowhere/b"), "/nowhere/b", "folder")
	says(t, node.Must(t, "api-keys"), "for admin")
	if list, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); err != nil || len(list) != 2 {
		t.Errorf("left behind: %v, %v", list, err)
	}

	other := harness.New(t)
	says(t, other.Must(t, "restore", file), data(other), "schema", "serve")
	other.Up(t)
	if got := other.Must(t, "export").Stdout; got != want {
		t.Errorf("the restored node exports\n%s\nwant\n%s", got, want)
	}
	if r := remotely(t, other, reader, "export"); r.Code != 0 || r.Stdout != want {
		t.Errorf("an API key made before: %s", r)
	}
	oneSentence(t, other.Command(t, "restore", file, "--force"), "running", "stop")
	other.ApplyText(t, "companies: [{name: Later}]\n")
	other.Down(t)

	before := files(t, data(other))
	oneSentence(t, other.Command(t, "restore", file), "already", "--force")
	if after := files(t, data(other)); !slices.Equal(before, after) {
		t.Errorf("a refused restore made of\n%q\n%q", before, after)
	}
	other.Must(t, "restore", "--force", file+".remote")
	if aside, err := filepath.Glob(data(other) + ".before-restore-*/tollgate.db"); err != nil || len(aside) != 1 {
		t.Errorf("aside: %v, %v", aside, err)
	}
	other.Up(t)
	if got := other.Must(t, "export").Stdout; got != want {
		t.Errorf("restored again, the node exports\n%s", got)
	}
}

// TestBackupOfStopped: the data folder is enough, and stays as it is.
func TestBackupOfStopped(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	node.ApplyText(t, example(t))
	want := node.Must(t, "export").Stdout
	node.Down(t)
	before := files(t, data(node))
	file := filepath.Join(t.TempDir(), "b.tar.gz")
	node.Must(t, "backup", file)
	if after := files(t, data(node)); !slices.Equal(before, after) {
		t.Errorf("the backup made of\n%q\n%q", before, after)
	}
	other := harness.New(t)
	oneSentence(t, other.Command(t, "backup", file+"2"), "no node", data(other))
	other.Must(t, "restore", file)
	other.Up(t)
	if got := other.Must(t, "export").Stdout; got != want {
		t.Errorf("the restored node exports\n%s\nwant\n%s", got, want)
	}
}

// TestBackupWithoutKey: where the key is the environment's, restore wants it, and the right one.
func TestBackupWithoutKey(t *testing.T) {
	t.Parallel()
	secret := func(digit string) harness.Settings {
		return harness.Settings{Env: []string{"TOLLGATE_SECRET_KEY=" + strings.Repeat(digit, 64)}}
	}
	node := harness.Start(t, secret("7"))
	node.ApplyText(t, example(t))
	file := filepath.Join(t.TempDir(), "b.tar.gz")
	says(t, node.Must(t, "backup", file), "TOLLGATE_SECRET_KEY")
	oneSentence(t, harness.New(t).Command(t, "restore", file), "TOLLGATE_SECRET_KEY")
	oneSentence(t, harness.New(t, secret("8")).Command(t, "restore", file), "not the key")
	other := harness.New(t, secret("7"))
	other.Must(t, "restore", file)
	other.Up(t)
}

// TestDamagedBackups: one sentence each, and nothing in the data folder, which is not even made.
func TestDamagedBackups(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	node.ApplyText(t, example(t))
	file := filepath.Join(t.TempDir(), "b.tar.gz")
	node.Must(t, "backup", file)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	node.Down(t)
	before := files(t, data(node))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":       {nil, "no backup"},
		"text":        {[]byte("customers: []\n"), "no backup"},
		"cut":         {good[:len(good)/2], "cut short"},
		"last byte":   {good[:len(good)-1], "cut short"},
		"flipped bit": {flipped, "damaged"},
		"more":        {append(bytes.Clone(good), "more"...), "damaged"},
	} {
		bad := filepath.Join(t.TempDir(), "bad.tar.gz")
		if err := os.WriteFile(bad, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		fresh := harness.New(t)
		oneSentence(t, fresh.Command(t, "restore", bad), "bad.tar.gz", c.want)
		if _, err := os.Stat(data(fresh)); err == nil {
			t.Errorf("%s: a data folder was made", name)
		}
		oneSentence(t, node.Command(t, "restore", "--force", bad), c.want)
		if after := files(t, data(node)); !slices.Equal(before, after) {
			t.Errorf("%s: a refused restore made of\n%q\n%q", name, before, after)
		}
	}
	oneSentence(t, node.Command(t, "restore", "--force", "/nowhere/b"), "/nowhere/b")
	node.Up(t)
}
