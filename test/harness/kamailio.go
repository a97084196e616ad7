package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// KamailioPackage is where kamailio comes from.
const KamailioPackage = "kamailio"

// Kamailio runs a Kamailio with this configuration until the test ends. It must listen
// on UDP at port, which tells when it is up.
func Kamailio(t testing.TB, config string, port int) {
	t.Helper()
	runKamailio(t, "", config, port)
}

// runKamailio is Kamailio in a network namespace.
func runKamailio(t testing.TB, ns Netns, config string, port int) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := kamailioCommand(t, ns, file, dir)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start kamailio: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
		log.Close()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(Stopping):
		}
		// It may hang as it ends, or leave children behind: its group goes, too, if there still is one.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("kamailio said:\n%s", text[max(0, len(text)-3000):])
		}
	})
	Eventually(t, Ready, func() error {
		select {
		case <-ended:
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("kamailio ended: %s", text)
		default:
		}
		if !boundFor(cmd.Process.Pid, "udp", port) {
			return fmt.Errorf("kamailio does not listen on %d yet", port)
		}
		return nil
	})
}

func kamailioCommand(t testing.TB, ns Netns, file, dir string) *exec.Cmd {
	t.Helper()
	cmd := ns.Command(Need(t, "kamailio", KamailioPackage),
		"-x", "fm", "-X", "fm", "-DD", "-E", "-m", "32", "-M", "4", "-f", file, "-w", dir, "-Y", dir)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}
