package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"tollgate/internal/api"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
)

type applyCommand struct {
	File      string `short:"f" placeholder:"FILE" help:"The tenants.yaml; - is standard input."`
	DryRun    bool   `help:"Only print the difference."`
	Prune     bool   `help:"Also delete customers, companies and their users that the file does not name."`
	Overwrite bool   `help:"Also what was changed otherwise since the last apply."`

	ConfirmWithin string `placeholder:"TIME" help:"All of it goes back by itself after this time (1s to 24h, such as 5m), unless tollgate apply --confirm comes first."`
	Confirm       bool   `help:"Keep what was applied with --confirm-within."`
	Revert        bool   `help:"Take back what was applied with --confirm-within, now."`
}

// maxFile is larger than any tenants.yaml that a node takes.
const maxFile = 64<<20 + 1

// Run applies a file. Its secrets are resolved here: the node reads no file and no variable for a client.
func (c *applyCommand) Run(ctx context.Context, p *program) error {
	if c.Confirm || c.Revert {
		return c.decide(ctx, p)
	}
	if c.File == "" {
		return misuse("apply needs a file: -f tenants.yaml")
	}
	name, text, err := p.read(c.File, maxFile)
	if err != nil {
		return err
	}
	secrets, here := tenantfile.References(name, text, tenantfile.Local{Dir: filepath.Dir(c.File)})
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	query := url.Values{"dry_run": {fmt.Sprint(c.DryRun)}, "prune": {fmt.Sprint(c.Prune)}, "overwrite": {fmt.Sprint(c.Overwrite)}}
	if c.ConfirmWithin != "" {
		query.Set("confirm_within", c.ConfirmWithin)
	}
	result, err := apply(ctx, node, name, text, secrets, query)
	if err != nil {
		return inWordsOf(here, err)
	}
	return p.print(result, func() { p.applied(result) })
}

// inWordsOf gives the node's refusal. Of a secret that could not be resolved here the node only
// knows that it was not sent; here says why.
func inWordsOf(here, err error) error {
	var faults tenantfile.Faults
	var told *problemError
	if !errors.As(here, &faults) || !errors.As(err, &told) {
		return err
	}
	for i := range told.Errors {
		e := &told.Errors[i]
		at := slices.IndexFunc(faults, func(f *tenantfile.Fault) bool { return f.Line == e.Line && f.Column == e.Column && f.Field == e.Field })
		if at >= 0 {
			e.Message, e.Want = faults[at].Message, faults[at].Want
		}
	}
	return told
}

// apply sends a file to a node.
func apply(ctx context.Context, node *client, name string, text []byte, secrets map[string]string, query url.Values) (*api.ApplyResult, error) {
	query.Set("file", shortened(name))
	data, err := node.do(ctx, http.MethodPost, "/apply?"+query.Encode(), map[string]any{"text": string(text), "secrets": secrets})
	if err != nil {
		return nil, err
	}
	result := &api.ApplyResult{}
	return result, decode(data, result)
}

// shortened keeps the end of a path that is longer than the API takes.
func shortened(name string) string {
	const limit = 200
	if len(name) <= limit {
		return name
	}
	return strings.ToValidUTF8("..."+name[len(name)-limit:], "")
}

func (p *program) applied(r *api.ApplyResult) {
	for line := range strings.Lines(r.Diff) {
		fmt.Fprintln(p.stdout, plain(strings.TrimRight(line, "\n")))
	}
	for _, g := range r.Generated {
		owner := ""
		if g.Customer != "" {
			owner = " of " + g.Customer
		}
		fmt.Fprintf(p.stdout, "password of %s %s%s, shown this once: %s\n", g.Noun, plain(g.Name), plain(owner), g.Password)
	}
	if r.Pending != nil {
		fmt.Fprintf(p.stdout, "goes back by itself at %s; to keep it: tollgate apply --confirm\n", r.Pending.Until.Local().Format(time.DateTime))
	}
	for _, l := range r.Links {
		fmt.Fprintf(p.stdout, "%s has no password yet; this link, valid once until %s, sets one: %s\n", plain(l.Email), l.Ends.Local().Format(time.DateTime), plain(l.URL))
	}
}

// decide confirms the apply that waits, or takes it back.
func (c *applyCommand) decide(ctx context.Context, p *program) error {
	switch {
	case c.Confirm && c.Revert:
		return misuse("--confirm and --revert are one or the other")
	case c.File != "" || c.ConfirmWithin != "" || c.DryRun || c.Prune || c.Overwrite:
		return misuse("--confirm and --revert are about the apply that waits, and take no other flag of apply")
	}
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	var waits store.Pending
	if err := node.get(ctx, pendingPath, &waits); err != nil {
		return notWaiting(err)
	}
	if c.Revert {
		return p.revert(ctx, node, &waits)
	}
	path := fmt.Sprintf("%s/%d/confirm", pendingPath, waits.ID)
	if _, err := node.do(ctx, http.MethodPost, path, nil); err != nil {
		return notWaiting(err)
	}
	return p.print(waits, func() { fmt.Fprintf(p.stdout, "confirmed: what %s changed stays\n", plain(waits.File)) })
}

const pendingPath = "/apply/pending"

// notWaiting says of a 404 that nothing waits.
func notWaiting(err error) error {
	if noSuch(err) {
		return errors.New("no apply waits to be confirmed")
	}
	return err
}

// noSuch says whether the node has answered that there is no such thing.
func noSuch(err error) bool {
	var told *problemError
	return errors.As(err, &told) && told.Status == http.StatusNotFound
}

func (p *program) revert(ctx context.Context, node *client, waits *store.Pending) error {
	data, err := node.do(ctx, http.MethodPost, fmt.Sprintf("%s/%d/revert", pendingPath, waits.ID), nil)
	if err != nil {
		return notWaiting(err)
	}
	var back store.WentBack
	if err := decode(data, &back); err != nil {
		return err
	}
	return p.print(back, func() {
		fmt.Fprintf(p.stdout, "taken back: all is as it was before %s", plain(back.Pending.File))
		if len(back.Left) == 0 {
			fmt.Fprintln(p.stdout)
			return
		}
		fmt.Fprintln(p.stdout, ", but for:")
		for _, l := range back.Left {
			of := ""
			if l.Customer != "" {
				of = " of " + l.Customer
			}
			fmt.Fprintf(p.stdout, "  %s %s%s: %s\n", l.Noun, plain(l.Name), plain(of), plain(l.Why))
		}
	})
}

// read gives a file's text up to a limit in bytes, and the name that faults call it by.
func (p *program) read(file string, limit int64) (name string, text []byte, err error) {
	in, name := p.stdin, "standard input"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", nil, err
		}
		defer f.Close()
		in, name = f, file
	}
	if text, err = io.ReadAll(io.LimitReader(in, limit)); err != nil {
		return "", nil, fmt.Errorf("read %s: %w", name, err)
	}
	return name, text, nil
}

// fileFaults tells what is wrong with a tenants.yaml, one line a fault.
func (p *program) fileFaults(err error) error {
	var faults tenantfile.Faults
	if !errors.As(err, &faults) {
		return err
	}
	p.lines(faults.Error())
	return silent{}
}

type exportCommand struct{}

// Run prints the configuration.
func (exportCommand) Run(ctx context.Context, p *program) error {
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	text, err := node.do(ctx, http.MethodGet, "/export", nil)
	if err != nil {
		return err
	}
	if p.cli.Output == "json" { // which is YAML, too: apply takes it
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			return fmt.Errorf("as JSON: %w", err)
		}
		return p.print(v, nil)
	}
	_, err = p.stdout.Write(text)
	return err
}

type checkCommand struct {
	File string `short:"f" placeholder:"FILE" help:"A tenants.yaml too; - is standard input."`
}

// judged is a file that was looked at; what is wrong with it stands on standard error.
type judged struct {
	File string `json:"file"`
	Fine bool   `json:"fine"`
}

// Run judges node.yaml, and a tenants.yaml as it would be applied to a platform that is empty.
func (c *checkCommand) Run(ctx context.Context, p *program) error {
	node, err := p.node()
	for _, name := range node.Unknown {
		fmt.Fprintf(p.stderr, "%s is set, but is no setting\n", plain(name))
	}
	files := []judged{{p.configName(), p.fine(err)}}
	if c.File != "" {
		files = append(files, judged{c.File, p.fine(p.checkTenants(ctx, c.File))})
	}
	failed := false
	told := p.print(files, func() {
		for _, f := range files {
			if f.Fine {
				fmt.Fprintln(p.stdout, plain(f.File)+": fine")
			}
		}
	})
	for _, f := range files {
		failed = failed || !f.Fine
	}
	if failed {
		return errors.Join(told, silent{})
	}
	return told
}

// fine tells what is wrong, if anything is.
func (p *program) fine(err error) bool {
	if err != nil {
		p.complain(err)
	}
	return err == nil
}

// configName is the node.yaml that is read, for people.
func (p *program) configName() string {
	if p.cli.Config != "" {
		return p.cli.Config
	}
	if _, err := os.Stat("node.yaml"); err == nil {
		return "node.yaml"
	}
	return "the default configuration"
}

func (p *program) checkTenants(ctx context.Context, file string) (err error) {
	name, text, err := p.read(file, maxFile)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tollgate-check-")
	if err != nil {
		return fmt.Errorf("a folder to check in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	empty, err := store.Open(ctx, store.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, empty.Close()) }()
	parsed := tenantfile.Parse(name, text, tenantfile.Local{Dir: filepath.Dir(file)})
	_, err = tenantfile.New(ctx, empty, parsed, tenantfile.Options{Principal: tenant.Local("check")})
	return p.fileFaults(err)
}
