package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"time"
)

// What floods and callers have: the nodes and both SIPps share one CPU, the source has another.
const (
	insideCPU  = 0
	sourceCPU  = 1
	banRate    = 500 // calls/s
	costTurn   = 3 * time.Second
	banKernel  = "kernel"
	banStep3   = "step 3"
	banSend    = "sent to nobody"
	banNothing = "nothing sent"
)

// banTurn is what happened while a source sent, or did not.
type banTurn struct {
	Round   int
	Node    string // whose turn: banKernel or banStep3
	Target  string // banNothing, banSend (to the sink), or the node's own name: a flood of it
	Sent    sent
	Dropped int           // that the node counts
	Machine time.Duration // of sender, node and the kernel's threads for packets
	CPU     time.Duration // of the node
	Calls   int           // placed meanwhile
	Failed  int           // that went wrong, or never came
	Void    string
}

// bansResult is what a banned source costs.
type bansResult struct {
	Why   string    // the kernel drops nothing; "" = it does
	Costs []banTurn // without calls
	Calls []banTurn // with calls
}

// measureBans floods nodes from a banned source: one whose bans drop in the kernel, and one
// that drops by itself.
func (b *bench) measureBans(r *report, stop <-chan os.Signal) (err error) {
	if runtime.NumCPU() <= sourceCPU {
		return errors.New("the source needs a CPU of its own: two at least")
	}
	scene, err := newBanScene()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scene.close()) }()
	nodes := make(map[string]*banNode)
	defer func() {
		for _, n := range nodes {
			n.proc.stop()
		}
	}()
	for i, name := range []string{banKernel, banStep3} {
		if nodes[name], err = b.banNode(scene, name, uint16(5060+i)); err != nil {
			return err
		}
	}
	r.bans = &bansResult{}
	names := []string{banKernel, banStep3}
	if k := nodes[banKernel]; k.way == "none" {
		r.bans.Why, names = k.why, names[1:]
	}
	f := banFlood{bench: b, scene: scene, nodes: nodes}
	for round := range b.rounds {
		for _, step := range f.steps(names) {
			if interrupted(stop) {
				return errInterrupted
			}
			into, t := &r.bans.Costs, step
			if t.Round = round; t.Calls > 0 {
				into = &r.bans.Calls
			}
			if err := f.turn(&t); err != nil {
				t.Void = err.Error()
			}
			*into = append(*into, t)
			fmt.Fprintln(os.Stderr, t)
		}
	}
	return nil
}

func (b *bench) banNode(scene *banScene, name string, port uint16) (*banNode, error) {
	local, err := freeUDP("127.0.0.1")
	if err != nil {
		return nil, err
	}
	c, err := b.tollgateConfig(&peer{name: "bans-" + name[:4], addr: local}, false)
	if err != nil {
		return nil, err
	}
	c.outside, c.kernel = outsideAddr(port), "auto"
	if name == banStep3 {
		c.kernel = "off"
	}
	return scene.start(c)
}

// banFlood is the scene with its nodes.
type banFlood struct {
	*bench
	scene *banScene
	nodes map[string]*banNode
}

// steps are the turns of a round: what a packet costs, then calls beside a flood.
func (f *banFlood) steps(names []string) (list []banTurn) {
	node := names[0]
	list = append(list, banTurn{Node: node, Target: banSend})
	for _, name := range names {
		list = append(list, banTurn{Node: name, Target: name})
	}
	calls := banRate * f.seconds
	list = append(list, banTurn{Node: node, Target: banNothing, Calls: calls}, banTurn{Node: node, Target: banSend, Calls: calls})
	for _, name := range names {
		list = append(list, banTurn{Node: name, Target: name, Calls: calls})
	}
	return list
}

// turn takes one.
func (f *banFlood) turn(t *banTurn) error {
	n := f.nodes[t.Node]
	limit, end := costTurn, func() error { return nil }
	if t.Calls > 0 {
		limit = time.Duration(f.seconds)*time.Second + talk
		load := load{target: n.sip, rate: banRate, calls: t.Calls, talk: talk, prefix: f.scene.prefix()}
		running, err := f.startLoad(load)
		if err != nil {
			return err
		}
		end = func() error {
			result, err := running.finish()
			t.Failed = result.Failed + max(0, load.calls-refusedOf(load.calls)-result.Answered)
			return err
		}
	}
	sendErr := f.measure(t, n, limit)
	return errors.Join(sendErr, end())
}

// measure sends for so long, and takes the difference of all that counts.
func (f *banFlood) measure(t *banTurn, n *banNode, limit time.Duration) error {
	dropped, err := n.dropped()
	if err != nil {
		return err
	}
	cpu, err := readThreadTimes(n.proc.pid())
	if err != nil {
		return err
	}
	softirq, err := softirqTimes()
	if err != nil {
		return err
	}
	if t.Sent, err = f.send(t.Target, limit); err != nil {
		return err
	}
	softirqNow, err := softirqTimes()
	if err != nil {
		return err
	}
	cpuNow, err := readThreadTimes(n.proc.pid())
	if err != nil {
		return err
	}
	if t.CPU, err = cpuNow.since(cpu); err != nil {
		return err
	}
	kernel, err := softirqNow.since(softirq)
	if err != nil {
		return err
	}
	// The sender never sleeps. While it has its CPU it also does what the kernel does for its
	// packets on the other side of the cable, whether schedstat counts that as its own or not.
	if t.Sent.Packets > 0 {
		t.Machine = t.Sent.Took - t.Sent.Waited + kernel + t.CPU
	}
	<-time.After(100 * time.Millisecond) // what still waits in a socket
	after, err := n.dropped()
	t.Dropped = after - dropped
	return err
}

func (f *banFlood) send(target string, limit time.Duration) (sent, error) {
	if target == banNothing {
		<-time.After(limit)
		return sent{Took: limit}, nil
	}
	to := netip.AddrPortFrom(netip.MustParseAddr(sceneSink), 5060)
	if n := f.nodes[target]; n != nil {
		to = n.outside
	}
	s := sender{netns: f.scene.outside, cpu: sourceCPU, to: to, limit: limit}
	return s.run()
}

// String is a turn as one line of progress.
func (t banTurn) String() string {
	return fmt.Sprintf("bans  round %d  %-8s %-14s %4d calls, %d failed  %8.0f packets/s, %d counted  in all %v  node %v  %s",
		t.Round+1, t.Node, t.Target, t.Calls, t.Failed, t.rate(), t.Dropped, t.Machine.Round(time.Millisecond), t.CPU.Round(time.Millisecond), t.Void)
}

func (t *banTurn) rate() float64 { return float64(t.Sent.Packets) / max(t.Sent.Took.Seconds(), 1e-9) }
