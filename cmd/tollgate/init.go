package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-isatty"

	"tollgate/internal/config"
	"tollgate/internal/doctor"
	"tollgate/internal/transport"
)

type initCommand struct {
	Address      string `placeholder:"ADDRESS" help:"This machine's address that phones and PBXs reach; else that of the way to the internet."`
	Advertise    string `placeholder:"HOST" help:"The public address or name that leads to it, where it is private; none: there is none."`
	Domain       string `placeholder:"NAME" help:"The SIP domain of the phones; else the public address."`
	PBX          string `name:"pbx" placeholder:"HOST[:PORT]" help:"The PBX behind."`
	PBXTransport string `name:"pbx-transport" placeholder:"PROTO" help:"How the PBX is reached: udp, tcp or tls; else udp."`
	Dir          string `placeholder:"FOLDER" help:"Where node.yaml and tenants.yaml are written; else this folder."`
	Yes          bool   `short:"y" help:"Ask nothing: what no flag says is found or refused."`
	Force        bool   `help:"Move files that are there aside."`
}

// Run asks what is needed and writes node.yaml and tenants.yaml.
func (c *initCommand) Run(ctx context.Context, p *program) (err error) {
	files, err := c.files(p)
	if err != nil {
		return err
	}
	resolver := transport.NewResolver(transport.ResolverConfig{})
	defer func() { err = errors.Join(err, resolver.Close()) }()
	machine := doctor.Machine(resolver)
	own, err := machine.Own()
	if err != nil {
		return fmt.Errorf("the addresses of this machine: %w", err)
	}
	judge, err := newJudge(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, judge.close()) }()
	talk := &interview{p: p, own: own, source: machine.Source, judge: judge}
	talk.answers.dataDir = dataDirFor(files.node)
	talk.resolve = func(host string) []netip.Addr {
		list, _ := machine.Resolve(ctx, host) // a name that is not there yet is no fault of the answer
		return list
	}
	if f, ok := p.stdin.(*os.File); ok && !c.Yes && isatty.IsTerminal(f.Fd()) {
		talk.ask = newPrompt(ctx, p.stdin, p.stderr)
	}
	if err := talk.run(ctx, c); err != nil {
		return err
	}
	if err := files.write(&talk.answers, c.Force); err != nil {
		return err
	}
	written := map[string]string{"node": files.node, "tenants": files.tenants}
	return p.print(written, func() { files.next(p.stdout, &talk.answers) })
}

// initFiles are the two files to write.
type initFiles struct{ node, tenants string }

// files says where to write; it refuses at once what would be refused at the end.
func (c *initCommand) files(p *program) (f initFiles, err error) {
	switch {
	case c.Dir != "" && p.cli.Config != "":
		return f, misuse("--dir and -c both say where to write")
	case p.cli.Server != "":
		return f, misuse("init writes files on this machine: it takes no --server")
	case p.cli.Config != "":
		f.node = p.cli.Config
	default:
		f.node = filepath.Join(c.Dir, config.FileName)
	}
	f.tenants = filepath.Join(filepath.Dir(f.node), tenantsFile)
	if !c.Force {
		for _, file := range []string{f.node, f.tenants} {
			if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
				return f, fmt.Errorf("%s is there already: --force moves it aside, --dir writes elsewhere", file)
			}
		}
	}
	return f, nil
}

// tenantsFile is how init names it, and where doctor looks for it beside node.yaml.
const tenantsFile = "tenants.yaml"

// systemData is the data folder of a node whose node.yaml is below /etc: a service may not
// write there. packaging/tollgate.service makes it.
const systemData = "/var/lib/tollgate"

func dataDirFor(node string) string {
	if abs, err := filepath.Abs(node); err == nil && strings.HasPrefix(abs, "/etc/") {
		return systemData
	}
	return "./data"
}

// write makes both files or none; neither replaces one that is there.
func (f *initFiles) write(a *answers, force bool) error {
	if err := os.MkdirAll(filepath.Dir(f.node), 0o750); err != nil {
		return err
	}
	if force {
		for _, file := range []string{f.node, f.tenants} {
			if err := moveAside(file); err != nil {
				return err
			}
		}
	}
	if err := writeNew(f.node, a.nodeYAML()); err != nil {
		return err
	}
	if err := writeNew(f.tenants, a.tenantsYAML()); err != nil {
		return errors.Join(err, os.Remove(f.node))
	}
	return nil
}

// writeNew makes a file that its owner and group may read: both may come to hold passwords.
func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	if _, err = f.WriteString(text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(name))
	}
	return nil
}

// moveAside gives a file the first name that is free: node.yaml.1, node.yaml.2, ...
func moveAside(name string) error {
	if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for i := 1; ; i++ {
		aside := fmt.Sprintf("%s.%d", name, i)
		err := os.Link(name, aside) // unlike a rename, it replaces nothing
		switch {
		case err == nil:
			return os.Remove(name)
		case !errors.Is(err, fs.ErrExist):
			return fmt.Errorf("move %s aside: %w", name, err)
		}
	}
}

// next prints what to do now, as it has to be typed.
func (f *initFiles) next(w io.Writer, a *answers) {
	program, here := typed(), ""
	if f.node != config.FileName {
		here = " -c " + plain(f.node)
	}
	say := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	say("Wrote %s and %s. Now:\n", plain(f.node), plain(f.tenants))
	say("  %s doctor%s    # what is wrong on this machine, and which ports to open", program, here)
	say("  %s serve%s     # the node; then, in another terminal:", program, here)
	say("  %s apply%s -f %s\n", program, here, plain(f.tenants))
	say("A phone (docs/phones.md):\n")
	say("  user, password   as the PBX has them")
	say("  domain           %s    # or SIP server, registrar", a.Domain)
	if host := a.told(); a.Domain != host {
		say("  outbound proxy   %s    # not needed once DNS leads %s there", hostPort(host, 5060), a.Domain)
	}
	say("  transport        UDP or TCP to port 5060, TLS to port 5061; register for 5 to 60 minutes\n")
	say("The PBX at %s (docs/pbx.md):\n", hostPort(a.PBX.Host, a.PBX.Port))
	say("  lets SIP in from %s, and challenges phones by their own passwords", a.side())
	own := ""
	if a.PBX.Transport == "udp" {
		own = fmt.Sprintf(", from its port %d", a.PBX.Port)
	}
	say("  sends its own calls there too%s", own)
	say("  keeps our Contact as it is: no NAT handling, no rewritten contacts (Asterisk: rewrite_contact=no)")
}

// typed is how this program is called from here.
func typed() string {
	self, err := os.Executable()
	if err != nil {
		return "tollgate"
	}
	if here, err := os.Getwd(); err == nil {
		if near, err := filepath.Rel(here, self); err == nil && len(near) < len(self) {
			return near
		}
	}
	return self
}
