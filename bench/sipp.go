package main

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	customers = 50
	sources   = 500
	// One caller in refuseEvery dials a number that may not be called.
	refuseEvery = 50
)

// callers is the file that SIPp takes one line of for each call.
func callers() string {
	var text strings.Builder
	text.WriteString("SEQUENTIAL\n")
	for i := range sources {
		number := "3401"
		if refusedCaller(i) {
			number = "1900"
		}
		fmt.Fprintf(&text, "127.0.%d.%d;%s;%s\n", 1+i/250, 1+i%250, customerDomain(i%customers), number)
	}
	return text.String()
}

func customerDomain(i int) string { return fmt.Sprintf("c%02d.test", i+1) }

func refusedCaller(line int) bool { return line%refuseEvery == refuseEvery-1 }

// refusedOf counts the calls among the first n that dial a forbidden number.
func refusedOf(n int) int {
	perCycle := 0
	rest := 0
	for i := range sources {
		if refusedCaller(i) {
			perCycle++
			if i < n%sources {
				rest++
			}
		}
	}
	return n/sources*perCycle + rest
}

// load is one run of SIPp as caller.
type load struct {
	target netip.AddrPort
	rate   int // calls/s
	calls  int
	talk   time.Duration
	caller string   // its scenario; empty: uac
	more   []string // arguments of the calling side
	cpu    string   // pin both SIPps to this CPU; empty: not
	prefix []string // of both command lines
}

// loadResult is what SIPp says of a run.
type loadResult struct {
	Calls     int     // started by the caller
	Answered  int     // that came to the answering side
	Failed    int     // on either side
	Retrans   int     // on either side
	CallsPerS float64 // while calls were started
}

// faults is nil for a run that counts: each call went as it should.
func (r loadResult) faults(l load, refuses bool) error {
	want := l.calls
	if refuses {
		want -= refusedOf(l.calls)
	}
	switch {
	case r.Failed > 0:
		return fmt.Errorf("%d failed calls", r.Failed)
	case r.Calls != l.calls:
		return fmt.Errorf("%d of %d calls were started", r.Calls, l.calls)
	case r.Answered != want:
		return fmt.Errorf("%d calls came to the answering side, not %d", r.Answered, want)
	}
	return nil
}

// runningLoad is an answering SIPp and a calling one.
type runningLoad struct {
	load
	uas, uac         *process
	uasStat, uacStat string
	started          time.Time
}

// startLoad starts both SIPps; the answering one is bound before the first call.
func (b *bench) startLoad(l load) (*runningLoad, error) {
	r := &runningLoad{load: l, uasStat: b.path("uas.csv"), uacStat: b.path("uac.csv")}
	for _, old := range []string{r.uasStat, r.uacStat} {
		if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("old statistics: %w", err)
		}
	}
	uas := append(b.sippCommand("uas", r.uasStat, l),
		"-i", b.answer.Addr().String(), "-p", strconv.Itoa(int(b.answer.Port())))
	uac := append(b.sippCommand(cmp.Or(l.caller, "uac"), r.uacStat, l), l.target.String(),
		"-t", "ui", "-inf", b.path("callers.csv"), "-max_socket", strconv.Itoa(2*sources),
		"-p", strconv.Itoa(int(b.callerPort)), "-key", "port", strconv.Itoa(int(b.callerPort)), "-l", strconv.Itoa(l.calls+1),
		"-r", strconv.Itoa(l.rate), "-m", strconv.Itoa(l.calls), "-d", strconv.FormatInt(l.talk.Milliseconds(), 10))
	uac = append(uac, l.more...)
	var err error
	if r.uas, err = startProcess("sipp (answering)", b.path("uas.log"), uas...); err != nil {
		return nil, err
	}
	if err = r.uas.bound(b.answer); err == nil {
		r.started = time.Now()
		r.uac, err = startProcess("sipp (calling)", b.path("uac.log"), uac...)
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// sippCommand is what both sides share.
func (b *bench) sippCommand(side, stat string, l load) []string {
	argv := []string{
		"sipp", "-sf", b.path(side + ".xml"), "-mi", "127.0.0.1", "-nostdin",
		"-buff_size", "4194304", "-trace_stat", "-stf", stat, "-fd", "1s",
		"-trace_err", "-error_file", b.path(side + ".errors"),
	}
	if l.cpu != "" {
		argv = append([]string{"taskset", "-c", l.cpu}, argv...)
	}
	return slices.Concat(l.prefix, argv)
}

// callTail is how long the last call may take beside its talking.
const callTail = 600 * time.Millisecond

// finish waits for the last call and reads both sides' statistics.
func (r *runningLoad) finish() (loadResult, error) {
	defer r.stop()
	sending := time.Duration(float64(r.calls) / float64(r.rate) * float64(time.Second))
	err := r.uac.wait(sending*5/4 + r.talk + 6*time.Second)
	took := max(sending, time.Since(r.started)-r.talk-callTail)
	var exit interface{ ExitCode() int }
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // 1: a call failed, the figures say so
		return loadResult{}, err
	}
	// SIGUSR1: take no new calls, end with the last one, write the figures.
	if err := r.uas.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return loadResult{}, fmt.Errorf("end the answering side: %w", err)
	}
	if err := r.uas.wait(5 * time.Second); err != nil && r.uas.running() {
		return loadResult{}, errors.New("the answering side has calls that never ended")
	}
	uac, err := readStat(r.uacStat)
	if err != nil {
		return loadResult{}, err
	}
	uas, err := readStat(r.uasStat)
	if err != nil {
		return loadResult{}, err
	}
	return loadResult{
		Calls: uac["OutgoingCall(C)"], Answered: uas["IncomingCall(C)"],
		Failed:    uac["FailedCall(C)"] + uas["FailedCall(C)"],
		Retrans:   uac["Retransmissions(C)"] + uas["Retransmissions(C)"],
		CallsPerS: float64(uac["OutgoingCall(C)"]) / took.Seconds(),
	}, nil
}

func (r *runningLoad) stop() {
	for _, p := range []*process{r.uac, r.uas} {
		if p != nil {
			p.stop()
		}
	}
}

// readStat reads the whole numbers in the last line of SIPp's statistics.
func readStat(file string) (map[string]int, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("statistics of SIPp: %w", err)
	}
	defer f.Close()
	table := csv.NewReader(f)
	table.Comma, table.FieldsPerRecord, table.LazyQuotes = ';', -1, true
	rows, err := table.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("statistics of SIPp: %w", err)
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("statistics of SIPp: %s has no line of figures", filepath.Base(file))
	}
	figures := map[string]int{}
	last := rows[len(rows)-1]
	for i, name := range rows[0] {
		if i < len(last) {
			if n, err := strconv.Atoi(last[i]); err == nil {
				figures[name] = n
			}
		}
	}
	return figures, nil
}
