package journal

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// childDir is set for a process that is a test's victim.
const childDir = "TOLLGATE_JOURNAL_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := victim(dir, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// step is what the victim does at its nth step: known to both processes.
func step(n uint64) (id uint64, data string, deletes bool) {
	random := rand.New(rand.NewPCG(n, 1))
	return random.Uint64N(300), text(int(n), 1+random.IntN(1500)), random.IntN(4) == 0
}

// after is what stands after n steps.
func after(n uint64) standing {
	s := standing{}
	for i := uint64(1); i <= n; i++ {
		id, data, deletes := step(i)
		if s[key{1, number(id)}] = data; deletes {
			delete(s, key{1, number(id)})
		}
	}
	return s
}

// victim puts and deletes until it is killed, with checkpoints meanwhile; it writes the
// number of each step that is done.
func victim(dir string, out io.Writer) error {
	j, err := Open(Config{Dir: dir, SegmentBytes: minSegment})
	if err != nil {
		return err
	}
	o := &table{objects: standing{}, j: j}
	err = j.Load(func(kind Kind, id ID, data []byte) error {
		o.objects[key{kind, id}] = string(data)
		return nil
	})
	if err != nil {
		return err
	}
	j.Run(o.checkpoint)
	for n := uint64(1); ; n++ {
		id, data, deletes := step(n)
		if deletes {
			o.delete(id)
		} else if err := o.put(id, data); err != nil {
			return err
		}
		if _, err := out.Write(binary.LittleEndian.AppendUint64(nil, n)); err != nil {
			return err
		}
	}
}

func child(t *testing.T, dir string) (*exec.Cmd, io.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out)
}

// TestKill kills a process at random moments: each step that it told of is kept, the
// next one is done or not, and nothing is torn.
func TestKill(t *testing.T) {
	for round := range 12 {
		dir := t.TempDir()
		cmd, out := child(t, dir)
		var word [8]byte
		for range 1 + rand.IntN(6000) {
			if _, err := io.ReadFull(out, word[:]); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		done := binary.LittleEndian.Uint64(word[:])
		for { // what it told of before it died
			if _, err := io.ReadFull(out, word[:]); err != nil {
				break
			}
			done = binary.LittleEndian.Uint64(word[:])
		}
		_ = cmd.Wait() // says that it was killed

		j := openIn(t, dir)
		got := loaded(t, j)
		want := after(done)
		if next := after(done + 1); maps.Equal(got, next) { // done, and not told of
			want = next
		}
		same(t, fmt.Sprintf("round %d, killed after step %d", round, done), got, want)
	}
}

// TestTwoProcesses: the second is told, the first goes on; death gives the folder back.
func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	cmd, out := child(t, dir)
	if _, err := io.ReadFull(out, make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), dir+": in use by another process") {
		t.Error("the second process:", err)
	}
	if _, err := io.ReadFull(out, make([]byte, 80_000)); err != nil {
		t.Error("the first process:", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	_ = cmd.Wait()
	openIn(t, dir)
}
