package walk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
)

// The machines: Tollgate's, and in the same network a PBX and two phones.
const (
	machineAddr = "10.0.0.4"
	pbxAddr     = "10.0.0.5"
)

func phoneAddrs() []string { return []string{"10.0.0.21", "10.0.0.22"} }

// newcomer is somebody with a clean machine, an empty folder and the README.
type newcomer struct {
	*testing.T
	machine, network harness.Netns
	dir              string
	answers          map[string][]string // to questions of init with these words, one after the other; to others: Enter
	screen           string              // what init showed
	told             told
	node             *process
	typed            []string // commands so far
}

func newNewcomer(t *testing.T, answers map[string][]string) *newcomer {
	t.Helper()
	n := &newcomer{T: t, dir: t.TempDir(), answers: answers}
	n.machine, n.network = harness.Pair(t, machineAddr, append(phoneAddrs(), pbxAddr)...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("init showed:\n%s\nthe node said:\n%s", n.screen, n.log("serve"))
		}
	})
	return n
}

// command is a program in the folder, with an environment that knows nothing but a home.
func (n *newcomer) command(words []string) *exec.Cmd {
	cmd := n.machine.Command(words[0], words[1:]...)
	cmd.Dir = n.dir
	cmd.Env = []string{"HOME=" + n.dir, "PATH=" + os.Getenv("PATH"), "TERM=xterm"}
	return cmd
}

// steps are the commands that the README may have, in the order in which it has to have them.
func steps() []string {
	return []string{"make build", "init", "doctor", "serve", "apply", "destinations", "bindings", "calls", "explain"}
}

// types does what a code block says, line by line.
func (n *newcomer) types(block []string) {
	n.Helper()
	for _, line := range block {
		words := strings.Fields(line)
		name := line
		if words[0] == "bin/tollgate" && len(words) > 1 {
			name = words[1]
		}
		n.typed = append(n.typed, name)
		switch name {
		case "make build":
			n.build()
		case "init":
			n.init(words)
		case "doctor":
			n.doctor(words)
		case "serve":
			n.serve(words)
		case "apply":
			says(n.T, n.must(words), "+", n.told.domain)
		case "destinations":
			n.destinations(words)
		case "bindings":
			says(n.T, n.must(words), "1001@"+n.told.domain, "1002@"+n.told.domain, phoneAddrs()[0], phoneAddrs()[1])
		case "calls":
			says(n.T, n.must(words), "sip:1001@"+n.told.domain, "sip:1002@"+n.told.domain, " up ")
		case "explain":
			n.explain(words)
		default:
			n.Fatalf("the README says %q, which this test does not know: teach it", line)
		}
	}
}

// build puts the program where `make build` puts it. A copy, not a link, since it says how it
// is called; and by another program: what this one forks meanwhile would hold it open for
// writing, and then it cannot be run.
func (n *newcomer) build() {
	n.Helper()
	bin := filepath.Join(n.dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		n.Fatal(err)
	}
	if out, err := exec.Command("cp", harness.Binary(n.T), filepath.Join(bin, "tollgate")).CombinedOutput(); err != nil {
		n.Fatalf("cp: %v: %s", err, out)
	}
}

// run runs a command to its end.
func (n *newcomer) run(words []string) harness.Result {
	n.Helper()
	cmd := n.command(words)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		n.Fatalf("%v: %v", words, err)
	}
	return harness.Result{Args: words[1:], Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
}

// must is run that has to exit 0.
func (n *newcomer) must(words []string) harness.Result {
	n.Helper()
	r := n.run(words)
	if r.Code != 0 {
		n.Fatalf("%s", r)
	}
	return r
}

// list is a listing command's JSON.
func (n *newcomer) list(noun string) (rows []map[string]any) {
	n.Helper()
	r := n.must([]string{"bin/tollgate", noun, "-o", "json"})
	if err := json.Unmarshal([]byte(r.Stdout), &rows); err != nil {
		n.Fatalf("%v\n%s", err, r)
	}
	return rows
}

// says fails unless a command printed all of these words.
func says(t *testing.T, r harness.Result, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(r.Stdout+r.Stderr, w) {
			t.Errorf("expected %q in\n%s", w, r)
		}
	}
}

// init answers its questions, and keeps what it says in the end.
func (n *newcomer) init(words []string) {
	n.Helper()
	left := maps.Clone(n.answers)
	screen, code := atTerminal(n.T, n.command(words), func(question string) string {
		for word, list := range left {
			if strings.Contains(question, word) && len(list) > 0 {
				left[word] = list[1:]
				return list[0]
			}
		}
		if !strings.HasSuffix(question, "]") {
			n.Errorf("init asks %q and proposes nothing, and this test knows no answer", question)
			return "none"
		}
		return ""
	})
	n.screen = screen
	if code != 0 {
		n.Fatalf("init ends with %d:\n%s", code, screen)
	}
	for word, list := range left {
		if len(list) > 0 {
			n.Errorf("init does not ask about %q, to be answered with %q:\n%s", word, list, screen)
		}
	}
	n.told = readTold(n.T, screen)
	n.next()
}

// next holds what init says to type now to the README's lines.
func (n *newcomer) next() {
	n.Helper()
	var known []string
	for _, block := range readme(n.T) {
		known = append(known, block...)
	}
	for _, block := range blocks(strings.ReplaceAll(between(n.T, n.screen, "Now:\n", "A phone"), "\n  ", "\n    ")) {
		for _, line := range block {
			if !slices.Contains(known, line) {
				n.Errorf("init says to type %q, the README has %q", line, known)
			}
		}
	}
}

// doctor must find no problem; what it warns of is told to whoever reads the test's log.
func (n *newcomer) doctor(words []string) {
	n.Helper()
	r := n.must(words)
	says(n.T, r, "0 problems")
	for line := range strings.Lines(r.Stdout) {
		if strings.HasPrefix(line, "warning") {
			n.Logf("doctor: %s", strings.TrimSpace(line))
		}
	}
}

// process is a program that runs until the test ends.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
}

// start runs a command beside the others; what it prints goes to a file with its name.
func (n *newcomer) start(words []string) *process {
	n.Helper()
	log, err := os.OpenFile(n.logFile(words[1]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.Fatal(err)
	}
	p := &process{n.command(words), make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		n.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait()
		log.Close()
	}()
	n.Cleanup(func() { p.stop(syscall.SIGTERM) })
	return p
}

// stop ends it with a signal, by force if it must be.
func (p *process) stop(how syscall.Signal) {
	_ = p.cmd.Process.Signal(how)
	select {
	case <-p.ended:
	case <-time.After(harness.Stopping):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

func (n *newcomer) logFile(command string) string { return filepath.Join(n.dir, command+".log") }

func (n *newcomer) log(command string) string {
	text, _ := os.ReadFile(n.logFile(command)) // none: it was not run
	return string(text)
}

// until waits until a process says something that it had not said when it was told before.
func (n *newcomer) until(p *process, command, before, words string) {
	n.Helper()
	harness.Eventually(n.T, harness.Ready, func() error {
		said := n.log(command)[len(before):]
		if strings.Contains(said, words) {
			return nil
		}
		select {
		case <-p.ended:
			n.Fatalf("%s ended, %v:\n%s", command, p.cmd.ProcessState, said)
		default:
		}
		return fmt.Errorf("%s has not said %q:\n%s", command, words, said)
	})
}

// serve starts the node, and waits as a person would: until it says where it listens.
func (n *newcomer) serve(words []string) {
	n.Helper()
	before := n.log("serve")
	n.node = n.start(words)
	n.until(n.node, "serve", before, "listening sip=")
	n.Cleanup(func() {
		n.node.stop(syscall.SIGTERM)
		if state := n.node.cmd.ProcessState; !state.Success() || strings.Contains(n.log("serve"), "panic:") {
			n.Errorf("the node ended with %v:\n%s", state, n.log("serve"))
		}
	})
}

// destinations says that the PBX is up; the node asks it as soon as it knows it.
func (n *newcomer) destinations(words []string) {
	n.Helper()
	harness.Eventually(n.T, harness.Ready, func() error {
		r := n.must(words)
		if rows := strings.Split(strings.TrimSpace(r.Stdout), "\n"); len(rows) != 2 || !slices.Contains(strings.Fields(rows[1]), "up") {
			return fmt.Errorf("the PBX is not up: %s", r)
		}
		return nil
	})
}

// explain is the README's line with the domain that was chosen.
func (n *newcomer) explain(words []string) {
	n.Helper()
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "pbx.example.com", n.told.domain)
	}
	says(n.T, n.must(words), "identify", "route", "goes on", "pbx")
}
