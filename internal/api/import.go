package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/importer"
	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
)

// imports is the operation that takes what others wrote into one customer.
func (s *server) imports() {
	post(s, huma.Operation{
		Method: http.MethodPost, Path: root + "/import/{preset}", OperationID: "import", Tags: []string{"file"},
		Summary:      "Take a CSV file or a dump of another system's table into a customer, all or nothing, or all good lines",
		Description:  "Presets: " + strings.Join(importer.Presets(), ", ") + ".",
		MaxBodyBytes: importer.SizeLimit + 1, BodyReadTimeout: fileTime,
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"text/csv":        {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "The file itself."}},
			"application/sql": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "A dump, where the preset takes one."}},
		}},
		SkipValidateBody: true,
	}, s.doImport)
}

type importInput struct {
	Preset   string `path:"preset" maxLength:"64" doc:"The form of the file."`
	Customer int64  `query:"customer" minimum:"1" required:"true" doc:"Who gets it."`
	File     string `query:"file" maxLength:"255" doc:"What faults call the file."`
	DryRun   bool   `query:"dry_run" doc:"Only tell what would change."`
	SkipBad  bool   `query:"skip_bad" doc:"Take the good lines, and list the others; else one bad line refuses the file."`
	RawBody  []byte `contentType:"application/octet-stream"`
}

// ImportResult is what an import did, or would do.
type ImportResult struct {
	DryRun    bool                   `json:"dry_run"`
	Revision  int64                  `json:"revision"`
	Lines     int                    `json:"lines" doc:"That the file has, without its header."`
	Taken     int                    `json:"taken" doc:"How many of them were taken, whether they changed anything or not."`
	Changes   []tenantfile.Change    `json:"changes" nullable:"false"`
	Diff      string                 `json:"diff" doc:"The changes, one a line; \"no changes\" where there are none."`
	Skipped   []Fault                `json:"skipped" nullable:"false" doc:"Why the other lines were not taken."`
	Notes     []Fault                `json:"notes" nullable:"false" doc:"What was left out on purpose, or taken otherwise than it stands there."`
	Ignored   []string               `json:"ignored_columns" nullable:"false" doc:"Columns that hold something and are not read."`
	Generated []tenantfile.Generated `json:"generated,omitempty" doc:"Passwords that were made, in this one answer."`
}

type importOutput struct{ Body ImportResult }

func (s *server) doImport(ctx context.Context, in *importInput) (*importOutput, error) {
	file := in.File
	if file == "" {
		file = in.Preset
	}
	im, err := importer.New(ctx, s.store, importer.Source{
		Preset: in.Preset, File: oneLine(file), Data: in.RawBody, Customer: tenant.CustomerID(in.Customer), SkipBad: in.SkipBad,
	}, tenantfile.Options{Principal: principalOf(ctx)})
	if err != nil {
		return nil, s.refusedFile(ctx, err)
	}
	var done *tenantfile.Result
	if !in.DryRun {
		if done, err = im.Apply(ctx, s.store); err != nil {
			return nil, s.refusedFile(ctx, err)
		}
	}
	out := &importOutput{Body: ImportResult{
		DryRun: in.DryRun, Revision: im.Plan.Revision, Lines: im.Lines, Taken: im.Taken,
		Changes: present(im.Plan.Changes), Diff: im.Plan.String(),
		Skipped: inFile(im.Skipped), Notes: inFile(im.Notes), Ignored: present(im.Ignored),
	}}
	if done == nil {
		return out, nil
	}
	out.Body.Revision, out.Body.Generated = done.Revision, done.Generated
	return out, s.applied(ctx, done.Revision)
}
