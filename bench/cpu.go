package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// threadTimes is the time on a CPU of each thread, by thread id.
type threadTimes map[int]time.Duration

// readThreadTimes reads /proc/PID/task/*/schedstat of a process and all its
// descendants. The kernel keeps these in nanoseconds; the ticks of
// /proc/PID/stat are 10 ms, far too coarse here.
func readThreadTimes(pid int) (threadTimes, error) {
	times := threadTimes{}
	pids, err := processTree(pid)
	if err != nil {
		return nil, err
	}
	for _, p := range pids {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p))
		if err != nil {
			return nil, fmt.Errorf("threads of process %d: %w", p, err)
		}
		for _, file := range files {
			tid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				return nil, fmt.Errorf("thread id in %s: %w", file, err)
			}
			text, err := os.ReadFile(file)
			if errors.Is(err, fs.ErrNotExist) {
				continue // ended meanwhile; since() reports it
			}
			if err != nil {
				return nil, fmt.Errorf("time of a thread: %w", err)
			}
			if times[tid], err = parseSchedstat(text); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return times, nil
}

// parseSchedstat reads the first of the three fields: nanoseconds on a CPU.
func parseSchedstat(text []byte) (time.Duration, error) {
	first, _, _ := bytes.Cut(text, []byte(" "))
	ns, err := strconv.ParseInt(string(first), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("not a schedstat line: %w", err)
	}
	return time.Duration(ns), nil
}

// since is the time spent from earlier to t. A thread that ended between the
// two took its account with it, so the sum would be too small: an error.
func (t threadTimes) since(earlier threadTimes) (time.Duration, error) {
	for tid := range earlier {
		if _, ok := t[tid]; !ok {
			return 0, fmt.Errorf("thread %d ended while it was measured", tid)
		}
	}
	var sum time.Duration
	for tid, spent := range t {
		sum += spent - earlier[tid]
	}
	return sum, nil
}

// processTree lists pid and its descendants.
func processTree(pid int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	children := map[int][]int{}
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile
		}
		child, parent, ok := parseStat(string(text))
		if ok {
			children[parent] = append(children[parent], child)
		}
	}
	tree := []int{pid}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i]]...)
	}
	return tree, nil
}

// parseStat reads the process id and its parent's from a line of
// /proc/PID/stat, whose second field may hold blanks and parentheses.
func parseStat(line string) (pid, parent int, ok bool) {
	open, shut := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 1 || shut < open {
		return 0, 0, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line[:open]))
	if err != nil {
		return 0, 0, false
	}
	rest := strings.Fields(line[shut+1:])
	if len(rest) < 2 {
		return 0, 0, false
	}
	parent, err = strconv.Atoi(rest[1])
	return pid, parent, err == nil
}
