package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestDemo starts the demo, does what it says can be tried, sees its calls, and ends it as Ctrl-C does.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	out, stdout := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		p := &program{cli: &commands{}, stdout: stdout, stderr: &stderr, stdin: strings.NewReader(""), environ: []string{"XDG_DATA_HOME=" + dir}}
		ended <- run(p, []string{"demo", "--every", "100ms"})
		stdout.Close()
	}()
	lines := bufio.NewScanner(out)
	text := ""
	until := func(words string) {
		t.Helper()
		for lines.Scan() {
			text += lines.Text() + "\n"
			if strings.Contains(lines.Text(), words) {
				return
			}
		}
		t.Fatalf("the demo did not say %q, exit %d:\n%s%s", words, <-ended, text, stderr.String())
	}
	until("tollgate serve")
	for _, words := range []string{"sipp -sn uac 127.0.0.1", " calls", " destinations", "http://127.0.0.1:", "102        is busy"} {
		if !strings.Contains(text, words) {
			t.Errorf("%q is not said:\n%s", words, text)
		}
	}
	key := regexp.MustCompile(`tg_[0-9a-f]+`).FindString(text)
	api := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(text)
	try := func(args ...string) result {
		var out, errs bytes.Buffer
		p := &program{cli: &commands{}, stdout: &out, stderr: &errs, stdin: strings.NewReader(""), environ: []string{"XDG_DATA_HOME=" + dir}}
		return result{run(p, args), out.String(), errs.String()}
	}
	go func() { // the callers print on
		for lines.Scan() {
			continue
		}
	}()
	t.Chdir(t.TempDir())
	if r := try("probe", "sip:100@127.0.0.1", "--talk", "100ms"); r.code != done || !strings.Contains(r.stdout, "answered: 200 OK") {
		t.Errorf("%+v", r)
	}
	if r := try("probe", "sip:102@demo.example", "-o", "json"); r.code != refused || !strings.Contains(r.stdout, `"status": 486`) {
		t.Errorf("%+v", r)
	}
	if r := try("calls"); r.code != done || !strings.Contains(r.stdout, "<sip:anna@demo.example>") {
		t.Errorf("no demo call is up: %+v", r)
	}
	if r := try("destinations"); r.code != done || !strings.Contains(r.stdout, "udp 127.0.0.2:") {
		t.Errorf("%+v", r)
	}
	if r := try("calls", "--server", api, "--token", key); r.code != done {
		t.Errorf("%+v", r)
	}
	if r := try("calls", "--server", api, "--token", key+"0"); r.code != refused || !strings.Contains(r.stderr, "send an API key") {
		t.Errorf("%+v", r)
	}
	if r := try("demo"); r.code != refused || !strings.Contains(r.stderr, "another node is running") {
		t.Errorf("a second demo: %+v", r)
	}
	for range 2 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if code := <-ended; code != done {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
	if s := stderr.String(); s != "" {
		t.Errorf("on standard error: %s", s)
	}
}
