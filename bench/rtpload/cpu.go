package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// times is what has been spent so far, in ns on a CPU.
type times struct{ relay, own, kernel int64 }

func (l *load) times() (t times, err error) {
	for _, pid := range l.pids {
		n, err := tasks(pid)
		if err != nil {
			return t, err
		}
		t.relay += n
	}
	if t.own, err = tasks(os.Getpid()); err != nil {
		return t, err
	}
	t.kernel, err = softirqs()
	return t, err
}

// tasks is the time of all threads of a process, from schedstat.
func tasks(pid int) (sum int64, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("there is no process %d", pid)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a thread that has just ended
		}
		if err != nil {
			return 0, err
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		sum += n
	}
	return sum, err
}

// softirqs is the time of the kernel's threads that work off packets.
func softirqs() (sum int64, err error) {
	files, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		name, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(name), "ksoftirqd/") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return 0, err
		}
		n, err := tasks(pid)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}
