package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
)

// The limits of a file that is sent, which JSON may make somewhat larger than itself.
const (
	fileLimit = 80 << 20
	fileTime  = 2 * time.Minute
)

// files are the operations on the whole configuration as a file.
func (s *server) files() {
	registry := s.huma.OpenAPI().Components.Schemas
	envelope := huma.SchemaFromType(registry, reflect.TypeFor[sentFile]())
	registry.Map()["SentFile"] = envelope
	post(s, huma.Operation{
		Method: http.MethodPost, Path: root + "/apply", OperationID: "apply", Tags: []string{"file"},
		Summary:      "Make the configuration as a tenants.yaml says, all or nothing",
		MaxBodyBytes: fileLimit, BodyReadTimeout: fileTime,
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/yaml": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "The file itself."}},
			"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/SentFile"}},
		}},
		SkipValidateBody: true,
	}, s.apply)
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/export", OperationID: "export", Tags: []string{"file"},
		Summary: "The configuration as a tenants.yaml, without secrets",
	}, s.export)
}

// sentFile is a file with the secrets that it leaves to the place where it is applied.
type sentFile struct {
	Text    string            `json:"text" doc:"The file itself."`
	Secrets map[string]string `json:"secrets,omitempty" writeOnly:"true" doc:"By \"env NAME\" and \"file PATH\": what {env: NAME} and {file: PATH} stand for."`
}

type applyInput struct {
	File          string `query:"file" maxLength:"255" doc:"What faults call the file; tenants.yaml where absent."`
	DryRun        bool   `query:"dry_run" doc:"Only tell what would change."`
	Prune         bool   `query:"prune" doc:"Also delete customers, companies and their users that the file does not name."`
	Overwrite     bool   `query:"overwrite" doc:"Also what was changed otherwise since the last apply."`
	ConfirmWithin string `query:"confirm_within" maxLength:"32" example:"5m" doc:"All of it goes back by itself after this time, 1s to 24h, unless it is confirmed; for the platform."`
	ContentType   string `header:"Content-Type"`
	RawBody       []byte `contentType:"application/octet-stream"`
}

// ApplyResult is what an apply did, or would do.
type ApplyResult struct {
	DryRun    bool                   `json:"dry_run"`
	Revision  int64                  `json:"revision"`
	Changes   []tenantfile.Change    `json:"changes" nullable:"false"`
	Diff      string                 `json:"diff" doc:"The changes, one a line; \"no changes\" where there are none."`
	Generated []tenantfile.Generated `json:"generated,omitempty" doc:"Passwords that were made, in this one answer."`
	NewUsers  []string               `json:"new_users,omitempty" doc:"Panel users who have no password yet."`
	Pending   *store.Pending         `json:"pending,omitempty" doc:"What has to be confirmed, and until when."`
	Links     []UserLink             `json:"links,omitempty" doc:"One-time links by which they set one, in this one answer."`
}

type applyOutput struct{ Body ApplyResult }

func (s *server) apply(ctx context.Context, in *applyInput) (*applyOutput, error) {
	text, secrets, err := in.sent()
	if err != nil {
		return nil, err
	}
	until, fault := in.confirmBy(principalOf(ctx))
	if fault != nil {
		return nil, s.refused(ctx, fault)
	}
	plan, err := tenantfile.New(ctx, s.store, tenantfile.Parse(in.name(), text, secrets), tenantfile.Options{
		Principal: principalOf(ctx), Prune: in.Prune, Overwrite: in.Overwrite, LiveCalls: s.liveCalls, Until: until,
	})
	if err != nil {
		return nil, s.refusedFile(ctx, err)
	}
	out := &applyOutput{Body: ApplyResult{DryRun: in.DryRun, Revision: plan.Revision, Changes: present(plan.Changes), Diff: plan.String()}}
	if in.DryRun {
		return out, nil
	}
	done, err := plan.Apply(ctx, s.store)
	if err != nil {
		return nil, s.refusedFile(ctx, err)
	}
	out.Body.Revision, out.Body.Generated, out.Body.NewUsers = done.Revision, done.Generated, done.NewUsers
	if !until.IsZero() {
		if out.Body.Pending, err = s.waits(ctx, done.Revision); err != nil {
			return nil, err
		}
	}
	if out.Body.Links, err = s.linksFor(ctx, done.NewUsers); err != nil {
		return nil, err
	}
	return out, s.applied(ctx, done.Revision)
}

// sent gives the file and its secrets, of either form. A file that is read here takes no secret of
// this machine: those of the client are the client's to send.
func (in *applyInput) sent() ([]byte, tenantfile.Given, error) {
	media, _, _ := strings.Cut(in.ContentType, ";")
	switch strings.TrimSpace(strings.ToLower(media)) {
	case "application/json":
		var f sentFile
		if err := json.Unmarshal(in.RawBody, &f); err != nil {
			return nil, nil, problem(http.StatusBadRequest, `the body is not {"text": the file, "secrets": {...}}`)
		}
		return []byte(f.Text), f.Secrets, nil
	case "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "application/octet-stream":
		return in.RawBody, tenantfile.Given{}, nil
	}
	return nil, nil, problem(http.StatusUnsupportedMediaType, "send the file as application/yaml, or with its secrets as application/json")
}

func (in *applyInput) name() string {
	if in.File == "" {
		return "tenants.yaml"
	}
	return oneLine(in.File)
}

// oneLine is the name of a file without control characters.
func oneLine(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, name)
}

// liveCalls counts a customer's calls, for the diff of a deletion.
func (s *server) liveCalls(id tenant.CustomerID) int {
	return len(s.node.Calls(func(c tenant.CustomerID) bool { return c == id }))
}

// refusedFile is refused for what may be wrong with a file.
func (s *server) refusedFile(ctx context.Context, err error) error {
	var faults tenantfile.Faults
	var waiting *store.PendingError
	switch {
	case errors.As(err, &faults):
		p := problem(http.StatusUnprocessableEntity, firstOf(faults[0].Error(), len(faults)))
		p.Errors = inFile(faults)
		return p
	case errors.As(err, &waiting):
		return problem(http.StatusConflict, waiting.Error())
	case errors.Is(err, tenantfile.ErrChanged):
		return problem(http.StatusConflict, tenantfile.ErrChanged.Error())
	}
	return s.refused(ctx, err)
}

// inFile gives the faults of a file, in the form of all others.
func inFile(faults tenantfile.Faults) []Fault {
	out := make([]Fault, len(faults))
	for i, f := range faults {
		out[i] = Fault{Code: f.Code, Field: f.Field, Message: f.Message, Want: f.Want, File: f.File, Line: f.Line, Column: f.Column}
	}
	return out
}

type exportOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *server) export(ctx context.Context, _ *struct{}) (*exportOutput, error) {
	text, err := tenantfile.Export(ctx, s.store, principalOf(ctx).Scope())
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &exportOutput{ContentType: "application/yaml", Body: text}, nil
}
