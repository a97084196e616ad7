package harness

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Parallel is how many tests of a package run at once: they wait far more than they work.
const Parallel = 12

// Main runs a package's tests with that bound, unless -parallel says otherwise.
func Main(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", fmt.Sprint(Parallel)); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// Need finds a program; a missing one fails the test and names the Debian package to install.
func Need(t testing.TB, program, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("this test needs %s: apt-get install %s (`make test` does it)", program, debianPackage)
	}
	return path
}

// Soak tells whether the long tests run whole.
func Soak() bool { return os.Getenv("TOLLGATE_SOAK") == "1" }

// Control tells whether a Kamailio stands in for Tollgate.
func Control() bool { return os.Getenv("TOLLGATE_TEST_EDGE") == "kamailio" }

// root is the project's folder.
func root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("no caller information")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Binary is the program under test, built once however many packages ask at the same time.
func Binary(t testing.TB) string {
	t.Helper()
	if bin := os.Getenv("TOLLGATE_BIN"); bin != "" {
		return bin
	}
	return build(t, "tollgate-test") // not bin/tollgate: that one holds the panel
}

// nodeBinary is what nodes run: with the race detector where asked. Commands do without,
// since they would take seconds each.
func nodeBinary(t testing.TB) string {
	t.Helper()
	if os.Getenv("TOLLGATE_TEST_RACE") == "1" {
		return build(t, "tollgate-race", "-race")
	}
	return Binary(t)
}

func build(t testing.TB, name string, flags ...string) string {
	t.Helper()
	top := root(t)
	bin := filepath.Join(top, "bin", name)
	if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.OpenFile(filepath.Join(top, "bin", ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", bin, "./cmd/tollgate")...)
	cmd.Dir = top
	if len(flags) > 0 {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1") // the race detector needs it
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the program under test: %v\n%s", err, out)
	}
	return bin
}

// Eventually polls until cond holds; it fails the test with the last complaint at the deadline.
func Eventually(t testing.TB, patience time.Duration, cond func() error) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := cond()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %v", patience, err)
		}
	}
}
