package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// banScene is two network namespaces with a cable between them: nodes and callers in one, a
// banned source in the other. What the source sends to the sink dies in its own namespace, at
// the device: that is the price of sending alone.
//
//	inside: nodes, SIPps, 198.18.0.1 ---- 198.18.0.2 outside: sender; 198.18.1.1 is the sink
type banScene struct {
	inside, outside string
}

const (
	sceneNode   = "198.18.0.1"
	sceneSource = "198.18.0.2"
	sceneSink   = "198.18.1.1"
)

// newBanScene makes the namespaces; close deletes them.
func newBanScene() (*banScene, error) {
	id := strconv.Itoa(os.Getpid())
	s := &banScene{inside: "tg-bench-in-" + id, outside: "tg-bench-out-" + id}
	for _, line := range []string{
		"netns add " + s.inside,
		"netns add " + s.outside,
		"-n " + s.inside + " link set lo up",
		"link add eth0 netns " + s.inside + " type veth peer name eth0 netns " + s.outside,
		"-n " + s.inside + " address add " + sceneNode + "/24 dev eth0",
		"-n " + s.inside + " link set eth0 up",
		"-n " + s.outside + " address add " + sceneSource + "/24 dev eth0",
		"-n " + s.outside + " link set eth0 up",
	} {
		if err := ipCommand(line); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	// Either of the two throws away what is sent to it; kernels have one or the other.
	err := ipCommand("-n " + s.outside + " link add sink type dummy")
	if err != nil {
		err = ipCommand("-n " + s.outside + " link add sink type ifb")
	}
	for _, line := range []string{
		"link set sink up", "address add 198.18.1.2/24 dev sink",
		"neighbour add " + sceneSink + " lladdr 02:00:00:00:00:01 dev sink nud permanent",
	} {
		if err == nil {
			err = ipCommand("-n " + s.outside + " " + line)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func ipCommand(line string) error {
	if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", line, err, out)
	}
	return nil
}

func (s *banScene) close() error {
	var errs []error
	for _, ns := range []string{s.inside, s.outside} {
		if _, err := os.Stat("/run/netns/" + ns); err == nil {
			errs = append(errs, ipCommand("netns delete "+ns))
		}
	}
	return errors.Join(errs...)
}

// prefix is put before the command line of what runs inside, beside the callers on the first CPU.
func (s *banScene) prefix() []string {
	return []string{"ip", "netns", "exec", s.inside, "taskset", "-c", strconv.Itoa(insideCPU)}
}

// banNode is a node inside with the source banned.
type banNode struct {
	tollgateConfig
	proc *process
	way  string // tcx or none: where its bans drop
	why  string // not tcx
}

// start runs the node, and bans the source.
func (s *banScene) start(c tollgateConfig) (*banNode, error) {
	n := &banNode{tollgateConfig: c}
	var err error
	if n.proc, err = c.start(s.prefix()); err != nil {
		return nil, err
	}
	var said struct {
		Bans struct{ Way, Why string }
	}
	if err := n.ask("/node", &said); err != nil {
		n.proc.stop()
		return nil, err
	}
	n.way, n.why = said.Bans.Way, said.Bans.Why
	out, err := exec.Command(c.binary, "ban", sceneSource, "--for", "24h", "-c", c.nodeFile()).CombinedOutput()
	if err != nil {
		n.proc.stop()
		return nil, fmt.Errorf("tollgate ban: %w\n%s", err, out)
	}
	return n, nil
}

// dropped is how many packets the node has counted for its ban, wherever they died.
func (n *banNode) dropped() (int, error) {
	var page struct {
		Items []struct{ Hits int }
	}
	if err := n.ask("/bans", &page); err != nil {
		return 0, err
	}
	if len(page.Items) != 1 {
		return 0, fmt.Errorf("%d bans stand, not one", len(page.Items))
	}
	return page.Items[0].Hits, nil
}

// ask asks the API through the control socket, which is reached from any namespace.
func (n *banNode) ask(path string, into any) error {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", filepath.Join(n.dir, "data", "tollgate.sock"))
		},
	}}
	resp, err := client.Get("http://node/api/v1" + path)
	if err != nil {
		return fmt.Errorf("ask the node: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("%s of the node: %w", path, err)
	}
	return nil
}

// softirqTimes is what the kernel's own threads for packets have worked, on all CPUs.
func softirqTimes() (threadTimes, error) {
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return nil, fmt.Errorf("list threads of the kernel: %w", err)
	}
	all := threadTimes{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(text), "ksoftirqd/") {
			continue // another program, or one that has ended meanwhile
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			return nil, fmt.Errorf("thread of the kernel: %w", err)
		}
		times, err := readThreadTimes(pid)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, times)
	}
	return all, nil
}

// outsideAddr is where the source reaches a node.
func outsideAddr(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(sceneNode), port)
}
