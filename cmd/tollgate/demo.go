package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tollgate/internal/config"
	"tollgate/internal/edge"
	"tollgate/internal/store"
	"tollgate/internal/ua"
)

type demoCommand struct {
	DataDir string        `placeholder:"FOLDER" help:"Where the demo keeps its data."`
	Every   time.Duration `default:"12s" help:"How long after one demo call the next one is placed."`
	Quiet   bool          `help:"Do not print a line for each demo call."`
}

// demoFolder is the demo's own data folder, kept between runs.
func demoFolder(environ []string) string {
	value := func(name string) string {
		for _, line := range environ {
			if v, ok := strings.CutPrefix(line, name+"="); ok && filepath.IsAbs(v) {
				return v
			}
		}
		return ""
	}
	if dir := value("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "tollgate", "demo")
	}
	if home := value("HOME"); home != "" {
		return filepath.Join(home, ".local", "share", "tollgate", "demo")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("tollgate-demo-%d", os.Getuid()))
}

// demo is what runs while the demo does.
type demo struct {
	p     *program
	node  config.Node
	log   *slog.Logger
	pbx   *ua.PBX
	print sync.Mutex // guards p.stdout: each caller prints
}

// Run plays a customer with an answering PBX and callers, through real sockets on loopback.
func (c *demoCommand) Run(p *program) error {
	d := &demo{p: p}
	dir, err := c.folder(p)
	if err != nil {
		return err
	}
	if err := d.configure(dir); err != nil {
		return err
	}
	if err := edge.Vacant(&d.node); err != nil {
		return err
	}
	d.log = newLog(p.stderr, d.node.Log)
	running, stop, release := signals(d.log, true)
	defer release()
	e, err := edge.New(running, d.node, d.log)
	if err != nil {
		return err
	}
	if d.pbx, err = ua.NewPBX(ua.PBXConfig{Listen: pbxAddress(), Log: d.log}); err != nil {
		release()
		return errors.Join(fmt.Errorf("the demo's PBX: %w", err), e.Run(running, stop))
	}
	return d.run(running, stop, e, c)
}

// folder makes the data folder; where the home cannot be written it is a temporary one.
func (c *demoCommand) folder(p *program) (string, error) {
	if c.DataDir != "" {
		return c.DataDir, os.MkdirAll(c.DataDir, 0o700)
	}
	dir := demoFolder(p.environ)
	if err := os.MkdirAll(dir, 0o700); err == nil {
		return dir, nil
	}
	dir, err := os.MkdirTemp("", "tollgate-demo-")
	if err != nil {
		return "", fmt.Errorf("a folder for the demo: %w", err)
	}
	return dir, nil
}

// configure is the demo's node: loopback only, and free ports where the usual ones are taken.
func (d *demo) configure(dir string) error {
	d.node = config.Default()
	d.node.DataDir, d.node.Version = dir, programVersion()
	d.node.Log.Level = "error"
	v4, v6 := netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()
	hosts := []netip.Addr{v4}
	if tcpFree(netip.AddrPortFrom(v6, 0)) {
		hosts = append(hosts, v6)
	}
	sip, err := freePort(5060, func(port uint16) bool { return sipFree(hosts, port) })
	if err != nil {
		return err
	}
	tls, err := freePort(sip+1, func(port uint16) bool { return port != sip && sipFree(hosts, port) })
	if err != nil {
		return err
	}
	d.node.SIP.Listen = nil
	for _, h := range hosts {
		d.node.SIP.Listen = append(d.node.SIP.Listen,
			config.Listener{Proto: "udp", Addr: netip.AddrPortFrom(h, sip)},
			config.Listener{Proto: "tcp", Addr: netip.AddrPortFrom(h, sip)},
			config.Listener{Proto: "tls", Addr: netip.AddrPortFrom(h, tls)})
	}
	used := map[uint16]bool{}
	for at, usual := range map[*string]uint16{&d.node.HTTP.Listen: 8080, &d.node.HTTP.Metrics: 9090} {
		port, err := freePort(usual, func(port uint16) bool { return !used[port] && tcpFree(netip.AddrPortFrom(v4, port)) })
		if err != nil {
			return err
		}
		used[port] = true
		*at = netip.AddrPortFrom(v4, port).String()
	}
	return nil
}

// run serves, fills in the demo customer, places calls, and ends in the opposite order.
func (d *demo) run(running, stop context.Context, e *edge.Edge, c *demoCommand) error {
	ended := make(chan error, 1)
	go func() { ended <- e.Run(running, stop) }()
	pbxCtx, endPBX := context.WithCancel(context.Background())
	var pbx sync.WaitGroup
	pbx.Go(func() {
		if err := d.pbx.Run(pbxCtx); err != nil {
			d.log.Error("the demo's PBX", "error", err.Error())
		}
	})
	defer pbx.Wait()
	defer endPBX()
	key, err := d.furnish(running, ended)
	if err != nil {
		return err
	}
	password, err := d.user(running, key)
	if err != nil {
		return err
	}
	d.say(key, password)
	var callers sync.WaitGroup
	for _, caller := range d.callers(c) {
		callers.Go(func() { _ = caller.Run(running) })
	}
	err = <-ended
	callers.Wait()
	return err
}

// furnish waits for the node, makes it serve the demo customer, and gives an API key.
func (d *demo) furnish(ctx context.Context, ended chan error) (key string, err error) {
	node := local(d.node.DataDir)
	wait := time.NewTicker(20 * time.Millisecond)
	defer wait.Stop()
	for node.reach(ctx, d.node.DataDir) != nil {
		select {
		case err := <-ended:
			return "", cmp.Or(err, errors.New("the demo was stopped while it started"))
		case <-wait.C:
		}
	}
	if _, err := apply(ctx, node, "the demo", []byte(d.tenants()), nil, url.Values{"overwrite": {"true"}}); err != nil {
		return "", err
	}
	if err := d.ban(ctx, node); err != nil {
		return "", err
	}
	return d.key(ctx, node)
}

// keyFile holds the demo's API key, so that it is the same one in the next run.
const keyFile = "api-key"

func (d *demo) key(ctx context.Context, node *client) (string, error) {
	file := filepath.Join(d.node.DataDir, keyFile)
	if old, err := os.ReadFile(file); err == nil {
		c, err := remote("http://"+d.node.HTTP.Listen, strings.TrimSpace(string(old)))
		if err == nil && c.get(ctx, "/node", &struct{}{}) == nil {
			return c.token, nil
		}
	}
	var made struct{ Key string }
	data, err := node.do(ctx, "POST", "/api-keys", map[string]string{"name": "demo", "role": "platform", "access": "admin"})
	if err == nil {
		err = decode(data, &made)
	}
	if err == nil {
		err = os.WriteFile(file, []byte(made.Key+"\n"), 0o600)
	}
	return made.Key, err
}

// The demo's user of the panel, and the file that holds his password.
const (
	demoUser     = "admin@demo.example"
	passwordFile = "panel-password"
)

// user makes the demo's user of the panel, with the same password in each run.
func (d *demo) user(ctx context.Context, key string) (password string, err error) {
	node, err := remote("http://"+d.node.HTTP.Listen, key)
	if err != nil {
		return "", err
	}
	file := filepath.Join(d.node.DataDir, passwordFile)
	old, errOld := os.ReadFile(file)
	found, err := node.all(ctx, "/users", url.Values{"q": {demoUser}})
	if err != nil {
		return "", err
	}
	if errOld == nil && len(found) > 0 {
		return strings.TrimSpace(string(old)), nil
	}
	password = store.GeneratePassword()
	body := map[string]string{"email": demoUser, "name": "Demo", "role": "platform", "access": "admin", "password": password}
	method, path := "POST", "/users"
	if len(found) > 0 {
		var u struct {
			ID int64 `json:"id"`
		}
		if err := decode(found[0], &u); err != nil {
			return "", err
		}
		method, path = "PATCH", fmt.Sprintf("/users/%d", u.ID)
	}
	if _, err := node.do(ctx, method, path, body); err != nil {
		return "", err
	}
	return password, os.WriteFile(file, []byte(password+"\n"), 0o600)
}

func (d *demo) called(c *demoCommand, l *ua.Ladder, err error) {
	if c.Quiet || l.Outcome == ua.Cancelled {
		return
	}
	d.print.Lock()
	defer d.print.Unlock()
	line := fmt.Sprintf("%s  %s called %s: %s", time.Now().Format(time.TimeOnly), l.From, l.URI, l.Summary())
	if err != nil {
		line = fmt.Sprintf("%s  a call failed: %v", time.Now().Format(time.TimeOnly), err)
	}
	fmt.Fprintln(d.p.stdout, plain(line))
}

// say prints where things are and what to try.
func (d *demo) say(key, password string) {
	sip := d.node.SIP.Listen[0].Addr
	w := d.p.stdout
	fmt.Fprintf(w, "Tollgate %s: a demo on this machine only. Ctrl-C ends it.\n\n", plain(d.node.Version))
	if sip.Port() != 5060 {
		fmt.Fprintf(w, "Port 5060 is in use by another program; this demo listens on %d.\n", sip.Port())
	}
	fmt.Fprintf(w, "SIP       %s (UDP and TCP), %s (TLS)\n", sip, d.node.SIP.Listen[2].Addr)
	fmt.Fprintf(w, "PBX       %s, behind the customer \"demo\" (domains demo.example, localhost, 127.0.0.1, ::1)\n", d.pbx.Addr(ua.UDP))
	fmt.Fprintf(w, "panel     http://%s/  (log in as %s, password %s)\n", d.node.HTTP.Listen, demoUser, password)
	fmt.Fprintf(w, "API       http://%s/api/v1  (description: /api/openapi.json)\n", d.node.HTTP.Listen)
	fmt.Fprintf(w, "API key   %s\n", key)
	fmt.Fprintf(w, "metrics   http://%s/metrics\n", d.node.HTTP.Metrics)
	fmt.Fprintf(w, "data      %s\n\n", plain(d.node.DataDir))
	d.try(w, key)
	fmt.Fprintf(w, "\nYour own node is three commands away:\n\n")
	fmt.Fprintf(w, "  tollgate init      # asks for address, domain and PBX; writes node.yaml and tenants.yaml\n")
	fmt.Fprintf(w, "  tollgate doctor    # what is wrong on this machine, and which ports to open\n")
	fmt.Fprintf(w, "  tollgate serve     # runs it; the README goes on from there\n\n")
}
