package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"tollgate/internal/api"
	"tollgate/internal/config"
	"tollgate/internal/doctor"
	"tollgate/internal/edge"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
	"tollgate/internal/transport"
)

type doctorCommand struct {
	File string `short:"f" placeholder:"FILE" help:"The tenants.yaml whose domains and PBXs are looked at; else the running node's, or tenants.yaml beside node.yaml."`
}

// Run looks at this machine, with and without a running node.
func (c *doctorCommand) Run(ctx context.Context, p *program) (err error) {
	if p.cli.Server != "" {
		return misuse("doctor looks at the machine that it runs on: it takes no --server")
	}
	resolver := transport.NewResolver(transport.ResolverConfig{})
	defer func() { err = errors.Join(err, resolver.Close()) }()
	s := doctor.Machine(resolver)
	if err := c.config(p, s); err != nil {
		return err
	}
	if err := c.tenants(ctx, p, s); err != nil {
		return err
	}
	report := doctor.Look(ctx, s)
	if err := p.print(report, func() { p.diagnosis(s, &report) }); err != nil {
		return err
	}
	if report.Problems() > 0 {
		return silent{}
	}
	return nil
}

// config reads node.yaml; what is wrong with it is for the report.
func (c *doctorCommand) config(p *program, s *doctor.System) error {
	node, err := p.node()
	var faults config.Faults
	switch {
	case errors.As(err, &faults):
		for _, f := range faults {
			s.Faults = append(s.Faults, f.Error())
		}
	case err != nil:
		s.Faults = []string{err.Error()}
	}
	s.Config, s.File = node, p.cli.Config
	if s.File == "" {
		if _, err := os.Stat(config.FileName); err == nil {
			s.File = config.FileName
		}
	}
	return nil
}

// tenants finds out whose domains and PBXs there are: of the file that was named, else of the
// running node, else of the file beside node.yaml.
func (c *doctorCommand) tenants(ctx context.Context, p *program, s *doctor.System) error {
	if len(s.Faults) == 0 {
		s.PID, s.NodeErr = nodeProcess(ctx, s.Config.DataDir)
	}
	file := c.File
	if file == "" && s.PID != 0 {
		s.Tenants = "the running node"
		s.NodeErr = fromNode(ctx, local(s.Config.DataDir), s)
		return nil
	}
	if file == "" {
		file = filepath.Join(filepath.Dir(s.File), tenantsFile)
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	name, text, err := p.read(file, maxFile)
	if err == nil {
		err = fromFile(ctx, name, text, tenantfile.Local{Dir: filepath.Dir(file)}, s)
	}
	var faults tenantfile.Faults
	switch {
	case errors.As(err, &faults):
		for _, f := range faults {
			s.TenantFaults = append(s.TenantFaults, f.Error())
		}
	case err != nil && c.File != "":
		return err
	case err != nil:
		s.TenantFaults = []string{err.Error()}
	}
	return nil
}

// nodeProcess is the process that serves a data folder, by its control socket; 0: none does.
func nodeProcess(ctx context.Context, dir string) (pid int, err error) {
	conn, err := edge.DialControl(ctx, dir)
	if errors.Is(err, edge.ErrNoNode) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, nil
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var who *unix.Ucred
	var asked error
	if err := raw.Control(func(fd uintptr) { who, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, err
	}
	if asked != nil {
		return 0, fmt.Errorf("the control socket's owner: %w", asked)
	}
	return int(who.Pid), nil
}

// fromNode takes domains and destinations, what the node thinks of them, and where its bans drop.
func fromNode(ctx context.Context, node *client, s *doctor.System) error {
	var info api.Info
	if err := node.get(ctx, "/node", &info); err != nil {
		return err
	}
	if info.Bans.Way != "" {
		s.NodeBans = &doctor.BansIn{Way: info.Bans.Way, Why: info.Bans.Why}
	}
	var waits store.Pending
	if err := node.get(ctx, pendingPath, &waits); err == nil {
		s.Unconfirmed = waits.String() + " unless it is confirmed"
	} else if !noSuch(err) {
		return err
	}
	domains, err := node.all(ctx, "/domains", url.Values{})
	if err != nil {
		return err
	}
	for _, item := range domains {
		var d tenant.Domain
		if err := decode(item, &d); err != nil {
			return err
		}
		s.Domains = append(s.Domains, d.Name)
	}
	destinations, err := node.all(ctx, "/destinations", url.Values{})
	if err != nil {
		return err
	}
	for _, item := range destinations {
		var d struct {
			destination
			Network string `json:"network"`
		}
		if err := decode(item, &d); err != nil {
			return err
		}
		if d.Disabled || d.Switch != 0 {
			continue
		}
		s.Destinations = append(s.Destinations, doctor.Destination{
			Customer: d.Customer, Name: d.Name, Host: d.Host, Port: d.Port, Protocol: d.Protocol, Network: d.Network, Status: d.State.Status,
		})
	}
	return nil
}

// fromFile applies a file to a platform that is empty, and takes what is in it then.
func fromFile(ctx context.Context, name string, text []byte, secrets tenantfile.Secrets, s *doctor.System) (err error) {
	dir, err := os.MkdirTemp("", "tollgate-doctor-")
	if err != nil {
		return fmt.Errorf("a folder to check in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	empty, err := store.Open(ctx, store.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, empty.Close()) }()
	plan, err := tenantfile.New(ctx, empty, tenantfile.Parse(name, text, secrets), tenantfile.Options{Principal: tenant.Local("doctor")})
	if err != nil {
		return err
	}
	if _, err := plan.Apply(ctx, empty); err != nil {
		return err
	}
	s.Tenants = name
	for a, err := range empty.Accounts(ctx) {
		if err != nil {
			return err
		}
		for i := range a.Domains {
			s.Domains = append(s.Domains, a.Domains[i].Name)
		}
		for i := range a.Destinations {
			if d := &a.Destinations[i]; d.Switch == 0 && !d.Disabled {
				s.Destinations = append(s.Destinations, doctor.Destination{
					Customer: a.Customer.Name, Name: d.Name, Host: d.Host, Port: d.Port, Protocol: d.Protocol, Network: d.Network,
				})
			}
		}
	}
	return nil
}

// diagnosis prints the report for people.
func (p *program) diagnosis(s *doctor.System, r *doctor.Report) {
	w := p.stdout
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%-8s %-13s %s\n", f.Level, f.Check, plain(f.Text))
		for _, line := range f.Do {
			fmt.Fprintf(w, "%22s  %s\n", "", plain(line))
		}
	}
	p.openings(r.Open)
	host := "HOST"
	if to := s.Public(context.Background()); to != "" {
		host = to
	}
	if line := doctor.Tunnel(&s.Config, host); line != "" && len(s.Faults) == 0 {
		fmt.Fprintf(w, "\nThe API stays closed to others. From elsewhere: %s\n", plain(line))
	}
	fmt.Fprintf(w, "\n%s, %s\n", count(r.Problems(), "problem"), count(r.Warnings(), "warning"))
}

func (p *program) openings(open []doctor.Opening) {
	if len(open) == 0 {
		return
	}
	fmt.Fprintf(p.stdout, "\nPorts to open, in this machine's firewall and in your provider's:\n\n")
	rows := make([][]string, 0, len(open))
	for _, o := range open {
		rows = append(rows, []string{strings.ToUpper(o.Proto), o.Ports, o.From, o.For})
	}
	p.table([]string{"protocol", "ports", "from", "for"}, rows)
	for _, f := range doctor.Firewalls(open) {
		fmt.Fprintf(p.stdout, "\n  %s:\n", f.Name)
		for _, line := range f.Lines {
			fmt.Fprintf(p.stdout, "    %s\n", plain(line))
		}
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
