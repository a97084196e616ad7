// Command tollgate is Tollgate's command line: it runs a node, and talks to a running one through
// the control socket in its data folder or through its API.
//
// Exit status: 0 done, 1 refused, 2 usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"tollgate/internal/config"
	"tollgate/internal/edge"
)

// version is what `make build` says: -ldflags "-X main.version=v1.2.3".
var version string

func programVersion() string {
	if version != "" {
		return version
	}
	return edge.Version()
}

// The exit statuses.
const (
	done    = 0
	refused = 1
	usage   = 2
)

// commands is the command line.
type commands struct {
	Config string `short:"c" placeholder:"FILE" env:"TOLLGATE_CONFIG" help:"node.yaml of the node; without it ./node.yaml, or the defaults."`
	Output string `short:"o" enum:"text,json,yaml" default:"text" help:"How data is printed: text, json or yaml."`
	Server string `placeholder:"URL" env:"TOLLGATE_SERVER" help:"A node elsewhere, such as https://edge.example:8080."`
	Token  string `placeholder:"KEY" env:"TOLLGATE_TOKEN" help:"The API key for --server."`

	Demo         demoCommand         `cmd:"" help:"A demo customer, an answering PBX and live calls, on this machine."`
	Init         initCommand         `cmd:"" help:"Ask what is needed, and write node.yaml and tenants.yaml."`
	Doctor       doctorCommand       `cmd:"" help:"Look what is wrong with this machine, and which ports to open."`
	Serve        serveCommand        `cmd:"" help:"Run a node."`
	Check        checkCommand        `cmd:"" help:"Judge node.yaml and tenants.yaml without a node."`
	Apply        applyCommand        `cmd:"" help:"Make the configuration as a tenants.yaml says, after printing the difference."`
	Export       exportCommand       `cmd:"" help:"Print the configuration as a tenants.yaml, without secrets."`
	Import       importCommand       `cmd:"" help:"Take a CSV file, or a table of Kamailio or FusionPBX, into a customer."`
	Calls        callsCommand        `cmd:"" help:"List live calls."`
	Hangup       hangupCommand       `cmd:"" help:"End a call on both sides."`
	CDRs         cdrsCommand         `cmd:"" name:"cdrs" help:"List the records of calls that are over."`
	Bindings     bindingsCommand     `cmd:"" help:"List phones that have registered."`
	Destinations destinationsCommand `cmd:"" help:"List destinations with their state."`
	Disable      disableCommand      `cmd:"" help:"Take a destination out of use."`
	Enable       enableCommand       `cmd:"" help:"Take a destination into use again."`
	Firewall     firewallCommand     `cmd:"" help:"List firewall rules with what they have matched."`
	Blocklist    blocklistCommand    `cmd:"" help:"List block list entries with what they have matched."`
	Antifraud    antifraudCommand    `cmd:"" help:"List antifraud thresholds with what they have counted."`
	Bans         bansCommand         `cmd:"" help:"List who is banned, why, and for how much longer."`
	Ban          banCommand          `cmd:"" help:"Ban an address or a range."`
	Unban        unbanCommand        `cmd:"" help:"Lift a ban."`
	Transparent  transparentCommand  `cmd:"" help:"Switch a customer's protection off for a while, or on again."`
	Limits       limitsCommand       `cmd:"" help:"List what limits calls, and how far each limit is used."`
	Why          whyCommand          `cmd:"" help:"What did happen to a call or request, and why."`
	Decisions    decisionsCommand    `cmd:"" help:"List what was let through and refused, the latest first."`
	Strangers    strangersCommand    `cmd:"" help:"List sources whose requests nobody could be found for."`
	Trace        traceCommand        `cmd:"" help:"Print the SIP of a call as a ladder, or write it as a capture file."`
	Watch        watchCommand        `cmd:"" help:"Print decisions as they are made."`
	Explain      explainCommand      `cmd:"" help:"What would happen to a request, step by step."`
	Probe        probeCommand        `cmd:"" help:"Place a real call through the node and print its ladder."`
	Backup       backupCommand       `cmd:"" help:"Write all of a node into one file, while it runs or not."`
	Restore      restoreCommand      `cmd:"" help:"Put a backup into the data folder of a node that does not run."`
	APIKeys      keysCommand         `cmd:"" name:"api-keys" help:"List API keys, or make one."`
	Admin        adminCommand        `cmd:"" help:"What only who has this machine may do: give a user who is locked out a new password."`
	Version      versionCommand      `cmd:"" help:"Print the version."`
}

// program is what every command has.
type program struct {
	cli            *commands
	stdout, stderr io.Writer
	stdin          io.Reader
	environ        []string
}

func main() {
	os.Exit(run(&program{cli: &commands{}, stdout: os.Stdout, stderr: os.Stderr, stdin: os.Stdin, environ: os.Environ()}, os.Args[1:]))
}

// exited carries kong's wish to exit, after --help, through its parser.
type exited int

// run is the program but for the process around it; it gives the exit status.
func run(p *program, args []string) (status int) {
	defer func() {
		v := recover()
		if code, ok := v.(exited); ok {
			status = int(code)
		} else if v != nil {
			panic(v)
		}
	}()
	parser, err := kong.New(p.cli, kong.Name("tollgate"), kong.Description("A multi-tenant SIP edge."),
		kong.Writers(p.stdout, p.stderr), kong.Exit(func(code int) { panic(exited(code)) }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic(err) // a fault of the commands above
	}
	if len(args) > 0 && args[0] == "help" {
		args = append(args[1:len(args):len(args)], "--help")
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(p.stderr, "tollgate: %s; see tollgate --help\n", plain(err.Error()))
		return usage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(p); err != nil {
		return p.complain(err)
	}
	return done
}

// misuse is an error of how the command was typed.
type misuse string

func (m misuse) Error() string { return string(m) }

// silent is an error that was told already.
type silent struct{}

func (silent) Error() string { return "refused" }

// complain tells an error: one line a fault with its place, or one sentence.
func (p *program) complain(err error) int {
	var wrong misuse
	var faults config.Faults
	var told silent
	var problem *problemError
	switch {
	case errors.As(err, &told):
	case errors.As(err, &wrong):
		fmt.Fprintf(p.stderr, "tollgate: %s; see tollgate --help\n", plain(err.Error()))
		return usage
	case errors.As(err, &faults):
		p.lines(faults.Error())
	case errors.As(err, &problem) && problem.lines() != "":
		p.lines(problem.lines())
	default:
		fmt.Fprintf(p.stderr, "tollgate: %s\n", plain(err.Error()))
	}
	return refused
}

// lines prints several faults, each in its own line.
func (p *program) lines(text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintln(p.stderr, plain(line))
	}
}

// node reads the configuration of the node that the command is about.
func (p *program) node() (config.Node, error) { return config.Load(p.cli.Config, p.environ) }

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(p *program) error {
	v := programVersion()
	return p.print(map[string]string{"version": v}, func() { fmt.Fprintln(p.stdout, "tollgate", plain(v)) })
}
