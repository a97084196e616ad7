package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tollgate/internal/api"
	"tollgate/internal/importer"
)

type importCommand struct {
	Preset   string `arg:"" help:"What the file is: users, switches, dids, blocklist, kamailio-subscriber, kamailio-address, kamailio-dispatcher, fusionpbx-extensions."`
	File     string `arg:"" help:"CSV or a dump; - is standard input."`
	Customer string `required:"" placeholder:"NAME" help:"Who gets it."`
	DryRun   bool   `help:"Only print the difference."`
	SkipBad  bool   `help:"Take the good lines, and list the others; else one bad line refuses the file."`
}

// Run imports a file.
func (c *importCommand) Run(ctx context.Context, p *program) error {
	if !slices.Contains(importer.Presets(), c.Preset) {
		return misuse("there is no preset " + c.Preset + "; one of " + strings.Join(importer.Presets(), ", "))
	}
	name, text, err := p.read(c.File, importer.SizeLimit+1)
	if err != nil {
		return err
	}
	switch {
	case len(text) > importer.SizeLimit:
		return fmt.Errorf("%s has more than %d bytes: split it", name, importer.SizeLimit)
	case len(text) == 0:
		return fmt.Errorf("%s: the file is empty", name)
	}
	node, err := p.client(ctx)
	if err != nil {
		return err
	}
	id, err := idOf(ctx, node, "customers", c.Customer)
	if err != nil {
		return err
	}
	query := url.Values{
		"customer": {fmt.Sprint(id)}, "file": {shortened(name)}, "dry_run": {fmt.Sprint(c.DryRun)}, "skip_bad": {fmt.Sprint(c.SkipBad)},
	}
	data, err := node.send(ctx, http.MethodPost, "/import/"+c.Preset+"?"+query.Encode(), "application/octet-stream", bytes.NewReader(text))
	if err != nil {
		return err
	}
	result := &api.ImportResult{}
	if err := decode(data, result); err != nil {
		return err
	}
	return p.print(result, func() { p.imported(result) })
}

// imported prints what changed on standard output, and what was not taken beside it.
func (p *program) imported(r *api.ImportResult) {
	p.applied(&api.ApplyResult{Diff: r.Diff, Generated: r.Generated})
	p.told("not taken: ", r.Skipped)
	p.told("note: ", r.Notes)
	if len(r.Ignored) > 0 {
		fmt.Fprintln(p.stderr, "note: columns that are not read:", plain(strings.Join(r.Ignored, ", ")))
	}
	would := ""
	if r.DryRun {
		would = "would be "
	}
	fmt.Fprintf(p.stderr, "%d lines, %d %staken\n", r.Lines, r.Taken, would)
}

func (p *program) told(lead string, faults []api.Fault) {
	for i := range faults {
		fmt.Fprintln(p.stderr, lead+plain(faultLine(&faults[i])))
	}
}
