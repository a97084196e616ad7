package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// peer is one contender. Peers are started once, run side by side, idle but
// for the one whose turn it is, and get the same calls.
type peer struct {
	name    string
	label   string         // for people, in the table
	addr    netip.AddrPort // where callers send to
	refuses bool           // forbidden numbers end here
	start   starter        // nil: nothing between the two SIPps
	relay   starter        // as a relay of REGISTERs; nil: it has no part in that
	asks    starter        // for a password of each caller; nil: it does not
	proc    *process
}

// starter runs a peer; prefix is put before its command line (taskset).
type starter func(p *peer, prefix []string) (*process, error)

const (
	peerDirect     = "direct"
	peerFloor      = "floor"
	peerFloorNet   = "floor-net"
	peerFloorBare  = "floor-kernel"
	peerKamailio   = "kamailio"
	peerKamailioTH = "kamailio-topoh"
	peerTollgate   = "tollgate"
	peerTollgateTH = "tollgate-hidden"
)

// contenders builds all known peers, each with an address of its own.
func (b *bench) contenders() ([]*peer, error) {
	peers := []*peer{
		{name: peerDirect, label: "no peer (load tool alone)", addr: b.answer},
		{name: peerFloor, label: "floor (bare Go forwarder)", start: b.startFloor("raw"), relay: b.startFloor("raw")},
		{name: peerFloorNet, label: "floor by package net", start: b.startFloor("net"), relay: b.startFloor("net")},
		{name: peerFloorBare, label: "floor, the kernel's share alone", start: b.startFloor("kernel"), relay: b.startFloor("kernel")},
		{
			name: peerKamailio, label: "Kamailio", refuses: true, start: b.startKamailio(kamailioConfig), relay: b.startKamailio(kamailioRegisterConfig),
			asks: b.startKamailio(strings.ReplaceAll(kamailioAuthConfig, "@HA1@", kamailioUsers())),
		},
		{name: peerKamailioTH, label: "Kamailio, topoh", refuses: true, start: b.startKamailio(kamailioConfig, "-A", "TOPOH")},
		{name: peerTollgate, label: "Tollgate", refuses: true, start: b.startTollgate(false), relay: b.startTollgate(false), asks: b.startWalled(false, walls{password: true})},
		{name: peerTollgateTH, label: "Tollgate, hidden", refuses: true, start: b.startTollgate(true), relay: b.startTollgate(true), asks: b.startWalled(true, walls{password: true})},
	}
	peers = append(peers, b.stepPeers()...)
	for _, p := range peers {
		if p.start == nil {
			continue
		}
		var err error
		if p.addr, err = freeUDP("127.0.0.1"); err != nil {
			return nil, err
		}
	}
	return peers, nil
}

// launch starts a peer and waits until it listens.
func (b *bench) launch(p *peer, argv []string) (*process, error) {
	proc, err := startProcess(p.name, b.path(p.name+".log"), argv...)
	if err != nil {
		return nil, err
	}
	if err := proc.bound(p.addr); err != nil {
		proc.stop()
		return nil, err
	}
	return proc, nil
}

func (b *bench) startFloor(io string) starter {
	return func(p *peer, prefix []string) (*process, error) {
		binary := b.path("floor")
		if out, err := exec.Command("go", "build", "-o", binary, "./bench/floor").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build the floor: %w\n%s", err, out)
		}
		return b.launch(p, slices.Concat(prefix, []string{
			// Preemption signals would wake a thread that blocks unseen.
			"env", "GODEBUG=asyncpreemptoff=1", binary, "-io", io, "-listen", p.addr.String(),
			"-answer", b.answer.String(), "-probe", b.probeAnswer.String(),
		}))
	}
}

// startKamailio runs it with its fast allocator (Debian's default, -x qm, is a
// debugging one) and large receive buffers, as everybody else here has.
func (b *bench) startKamailio(config string, extra ...string) starter {
	return func(p *peer, prefix []string) (*process, error) {
		text := strings.NewReplacer("@LISTEN@", p.addr.String(), "@ANSWER@", b.answer.String(),
			"@PROBE@", b.probeAnswer.String()).Replace(config)
		file, runDir := b.path(p.name+".cfg"), b.path(p.name+".run")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("configuration of Kamailio: %w", err)
		}
		if err := os.MkdirAll(runDir, 0o700); err != nil {
			return nil, fmt.Errorf("folder of Kamailio: %w", err)
		}
		return b.launch(p, slices.Concat(prefix, []string{
			"kamailio", "-x", "fm", "-X", "fm", "-DD", "-E", "-m", "1024", "-M", "32",
			"-b", "4194304", "-Y", runDir, "-f", file,
		}, extra))
	}
}

func (b *bench) startTollgate(hidden bool) starter {
	return func(p *peer, prefix []string) (*process, error) {
		c, err := b.tollgateConfig(p, hidden)
		if err != nil {
			return nil, err
		}
		return c.start(prefix)
	}
}

func (b *bench) tollgateConfig(p *peer, hidden bool) (tollgateConfig, error) {
	dir, err := filepath.Abs(b.path(p.name))
	if err != nil {
		return tollgateConfig{}, fmt.Errorf("folder of Tollgate: %w", err)
	}
	c := tollgateConfig{
		binary: b.tollgate, dir: dir, sip: p.addr, hidden: hidden,
		answer: b.answer, probe: b.probeAnswer,
	}
	if c.http, err = freeTCP(); err != nil {
		return c, err
	}
	c.metrics, err = freeTCP()
	return c, err
}
