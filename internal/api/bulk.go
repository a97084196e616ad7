package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// mostAtOnce is how many nouns one request changes.
const mostAtOnce = 1000

// mostFaults is how many faults the answer to such a request lists.
const mostFaults = 100

// bulkResult says what was done to many at once.
type bulkResult struct {
	Count int `json:"count" doc:"How many, each of them once."`
}

type bulkOutput struct{ Body bulkResult }

// bulk adds the operations that change many of a noun at once. Who gets in is not among them: that
// is done one by one.
func (r *resource[T, V, ID]) bulk(s *server, change *huma.Schema) {
	path := root + "/" + r.path
	all := strings.ReplaceAll(r.all, " ", "-")
	body := func(name string, properties map[string]*huma.Schema) *huma.RequestBody {
		most := mostAtOnce
		properties["ids"] = &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeInteger, Format: "int64"}, MinItems: new(1), MaxItems: &most}
		schema := &huma.Schema{Type: huma.TypeObject, Properties: properties, AdditionalProperties: false}
		for p := range properties {
			schema.Required = append(schema.Required, p)
		}
		slices.Sort(schema.Required)
		schema.PrecomputeMessages()
		properties["ids"].PrecomputeMessages()
		properties["ids"].Items.PrecomputeMessages()
		name = strings.ReplaceAll(title(r.one), " ", "") + name
		s.huma.OpenAPI().Components.Schemas.Map()[name] = schema
		return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/" + name}}}}
	}
	op := func(method, at, id, summary string, body *huma.RequestBody) huma.Operation {
		return huma.Operation{
			Method: method, Path: at, OperationID: id, Summary: summary, Tags: []string{r.path},
			RequestBody: body, MaxBodyBytes: bodyLimit, BodyReadTimeout: bodyTime,
		}
	}
	post(s, op(http.MethodPatch, path, "change-many-"+all, "Change many "+r.all+" in the same way, all or none",
		body("ChangeMany", map[string]*huma.Schema{"patch": change})), r.changeMany(s))
	post(s, op(http.MethodPost, path+"/delete", "delete-many-"+all, "Delete many "+r.all+", all or none",
		body("DeleteMany", map[string]*huma.Schema{})), r.deleteMany(s))
}

// changeMany merges one patch into each of many.
func (r *resource[T, V, ID]) changeMany(s *server) func(context.Context, *bodyInput) (*bulkOutput, error) {
	return func(ctx context.Context, in *bodyInput) (*bulkOutput, error) {
		body, err := parseObject(in.RawBody)
		if err != nil {
			return nil, err
		}
		patch, _ := body["patch"].(object)
		if fault := r.single(patch); fault != nil {
			return nil, s.refused(ctx, fault)
		}
		for _, key := range []string{"id", "version", "updated_at"} {
			delete(patch, key)
		}
		return r.many(ctx, s, body, func(tx *store.Tx, id ID) error {
			base, err := r.writer(tx).Get(ctx, id)
			if err != nil {
				return err
			}
			*r.noun(&base).Meta() = tenant.Stamp{}
			v, err := onto(base, r.fresh(), patch)
			if err != nil {
				return err
			}
			*r.id(&v) = id
			return r.writer(tx).Update(ctx, &v)
		})
	}
}

// single finds what is one noun's own: secrets, which no two should share.
func (r *resource[T, V, ID]) single(patch object) *tenant.Fault {
	for field := range r.writeOnly {
		under := patch
		outer, inner, nested := strings.Cut(field, ".")
		if nested {
			under, _ = patch[outer].(object)
			outer = inner
		}
		if _, there := under[outer]; there {
			return &tenant.Fault{Code: tenant.CodeConflict, Field: "patch." + field, Message: "is not set for many at once", Want: "one after the other"}
		}
	}
	return nil
}

func (r *resource[T, V, ID]) deleteMany(s *server) func(context.Context, *bodyInput) (*bulkOutput, error) {
	return func(ctx context.Context, in *bodyInput) (*bulkOutput, error) {
		body, err := parseObject(in.RawBody)
		if err != nil {
			return nil, err
		}
		return r.many(ctx, s, body, func(tx *store.Tx, id ID) error { return r.writer(tx).Delete(ctx, id) })
	}
}

// many does one thing to each in one write: all or none. What is wrong is told of each, by its id.
func (r *resource[T, V, ID]) many(ctx context.Context, s *server, body object, do func(*store.Tx, ID) error) (*bulkOutput, error) {
	ids, err := idsOf[ID](body)
	if err != nil {
		return nil, err
	}
	err = s.write(ctx, func(tx *store.Tx) error {
		var wrong []Fault
		for _, id := range ids {
			err := do(tx, id)
			faults := tenant.FaultsOf(err)
			if err != nil && faults == nil {
				return err
			}
			for _, f := range faults {
				wrong = append(wrong, Fault{Code: f.Code, Field: f.Field, Message: f.Message, Want: f.Want, Noun: f.Noun, Name: f.Name, ID: int64(id)})
			}
			if len(wrong) >= mostFaults {
				break
			}
		}
		return manyProblem(wrong)
	})
	if err != nil {
		return nil, err
	}
	return &bulkOutput{Body: bulkResult{Count: len(ids)}}, nil
}

// manyProblem is what is wrong with some of many; nil for nothing.
func manyProblem(wrong []Fault) error {
	if len(wrong) == 0 {
		return nil
	}
	status := 0
	for _, f := range wrong {
		status = weightier(status, statusOf(f.Code))
	}
	p := problem(status, firstOf(wrong[0].line()+string(nothingChanged), len(wrong)))
	p.Errors = wrong
	return p
}

// idsOf reads ids that huma has validated, each of them once.
func idsOf[ID ~int64](body object) (ids []ID, err error) {
	list, _ := body["ids"].([]any)
	for _, v := range list {
		n, _ := v.(float64)
		if n < 1 || n >= 1<<53 || n != float64(int64(n)) {
			return nil, faultsProblem(tenant.Faults{{Code: tenant.CodeInvalid, Field: "ids", Message: "holds what is no id", Want: "whole numbers from 1"}})
		}
		if !slices.Contains(ids, ID(n)) {
			ids = append(ids, ID(n))
		}
	}
	return ids, nil
}
