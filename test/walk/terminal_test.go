package walk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a person waits for the next question or the prompt.
const patience = 20 * time.Second

// atTerminal runs a program on a pseudo-terminal, and types an answer whenever it waits
// behind a question. It gives all that stood on the screen, and the exit status.
func atTerminal(t *testing.T, cmd *exec.Cmd, answer func(question string) string) (screen string, code int) {
	t.Helper()
	keyboard, tty := openTerminal(t)
	defer keyboard.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err := cmd.Start()
	tty.Close()
	if err != nil {
		t.Fatalf("start %v: %v", cmd.Args, err)
	}
	screen, err = talk(keyboard, answer)
	if err != nil {
		_ = cmd.Process.Kill()
	}
	var exit *exec.ExitError
	if ended := cmd.Wait(); ended != nil && !errors.As(ended, &exit) {
		t.Fatalf("%v: %v", cmd.Args, ended)
	}
	if err != nil {
		t.Fatalf("%v: %v; on the screen:\n%s", cmd.Args, err, screen)
	}
	return screen, cmd.ProcessState.ExitCode()
}

// talk answers until the program has gone.
func talk(keyboard *os.File, answer func(string) string) (screen string, err error) {
	var text strings.Builder
	for buffer := make([]byte, 4096); ; {
		if err := keyboard.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return text.String(), err
		}
		n, err := keyboard.Read(buffer)
		text.WriteString(strings.ReplaceAll(string(buffer[:n]), "\r", ""))
		switch {
		case errors.Is(err, syscall.EIO), errors.Is(err, io.EOF): // nobody has the terminal open any more
			return text.String(), nil
		case err != nil:
			return text.String(), err
		}
		last := text.String()[strings.LastIndexByte(text.String(), '\n')+1:]
		if question, ok := strings.CutSuffix(last, ": "); ok {
			if _, err := fmt.Fprintln(keyboard, answer(question)); err != nil {
				return text.String(), err
			}
		}
	}
}

// openTerminal gives both ends of a new pseudo-terminal (pts(4)).
func openTerminal(t *testing.T) (keyboard, tty *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := keyboard.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	var asked error
	err = raw.Control(func(fd uintptr) {
		if asked = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); asked == nil {
			number, asked = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err = errors.Join(err, asked); err != nil {
		t.Fatalf("a pseudo-terminal: %v", err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return keyboard, tty
}
