package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// resource is one noun under /api/v1: T as it is stored, V as it is shown.
type resource[T, V any, ID ~int64] struct {
	path     string // customers
	one, all string // customer, customers: for the names of operations
	reader   store.Reader[T, ID]
	writer   func(*store.Tx) store.Writer[T, ID]
	fresh    func() T
	id       func(*T) *ID
	show     func(ctx context.Context, items []T) ([]V, error)
	// writeOnly are body fields that are not the noun's own, with what they say.
	writeOnly map[string]string
	// split takes them out of a body; what it gives runs once the noun itself is stored. nil: there are none.
	split func(ctx context.Context, body object) (extra[T, V], error)
	// modes: it has a transparent mode, by which its list can be narrowed.
	modes bool
	// create makes a new one; nil: as the writer does.
	create extra[T, V]
}

// extra does what a write brings along. What it reveals is shown in this one answer and never again.
type extra[T, V any] func(ctx context.Context, tx *store.Tx, v *T) (reveal func(*V), err error)

// listInput are the parameters that every list takes.
type listInput struct {
	Customer int64  `query:"customer" minimum:"1" doc:"Only what belongs to this customer."`
	Company  int64  `query:"company" minimum:"1" doc:"Only what belongs to this company."`
	Q        string `query:"q" maxLength:"200" doc:"Only what holds this text, in any case."`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" doc:"Items on a page; 100 where absent."`
	Cursor   string `query:"cursor" maxLength:"1000" doc:"The next of the page before."`
}

// modeListInput is listInput for nouns that have a transparent mode; huma reads no embedded parameters of a
// type that is not exported.
type modeListInput struct {
	Customer    int64  `query:"customer" minimum:"1" doc:"Only what belongs to this customer."`
	Company     int64  `query:"company" minimum:"1" doc:"Only what belongs to this company."`
	Q           string `query:"q" maxLength:"200" doc:"Only what holds this text, in any case."`
	Limit       int    `query:"limit" minimum:"1" maximum:"1000" doc:"Items on a page; 100 where absent."`
	Cursor      string `query:"cursor" maxLength:"1000" doc:"The next of the page before."`
	Transparent bool   `query:"transparent" doc:"Only those whose own transparent mode is on."`
}

func (in *listInput) query() store.Query {
	return store.Query{
		Customer: tenant.CustomerID(in.Customer), Company: tenant.CompanyID(in.Company), Q: in.Q, Limit: in.Limit, Cursor: in.Cursor,
	}
}

// Page is one page of a list; Next is absent on the last.
type Page[V any] struct {
	Items []V    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Cursor of the page that follows."`
}

type pageOutput[V any] struct{ Body Page[V] }

// The limits of a body that holds one noun.
const (
	bodyLimit = 1 << 20
	bodyTime  = 30 * time.Second
)

type idInput struct {
	ID int64 `path:"id" minimum:"1"`
}

type bodyInput struct {
	RawBody []byte `contentType:"application/octet-stream"`
}

type changeInput struct {
	ID      int64  `path:"id" minimum:"1"`
	IfMatch string `header:"If-Match" doc:"The ETag that was read: refused where it was changed since."`
	RawBody []byte `contentType:"application/octet-stream"`
}

type itemOutput[V any] struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     V
}

// register adds the operations of a noun.
func register[T, V any, ID ~int64](s *server, r resource[T, V, ID]) {
	path := root + "/" + r.path
	fresh, err := asObject(r.fresh())
	if err != nil {
		panic("api: " + r.path + ": " + err.Error()) // a fault of the type
	}
	noun := strings.ReplaceAll(title(r.one), " ", "")
	schema := changeSchema(s.huma.OpenAPI().Components.Schemas, noun+"Change", reflect.TypeFor[V](), fresh, r.writeOnly)
	op := func(method, at, id, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: at, OperationID: id, Summary: summary, Tags: []string{r.path}}
	}
	withBody := func(o huma.Operation, status int) huma.Operation {
		o.DefaultStatus, o.MaxBodyBytes, o.BodyReadTimeout = status, bodyLimit, bodyTime
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
		return o
	}
	dash := func(s string) string { return strings.ReplaceAll(s, " ", "-") }
	if list := op(http.MethodGet, path, "list-"+dash(r.all), "List "+r.all); r.modes {
		huma.Register(s.huma, list, r.listModes(s))
	} else {
		huma.Register(s.huma, list, r.list(s))
	}
	post(s, withBody(op(http.MethodPost, path, "create-"+dash(r.one), "Create a "+r.one), http.StatusCreated), r.add(s))
	huma.Register(s.huma, op(http.MethodGet, path+"/{id}", "get-"+dash(r.one), "Get a "+r.one), r.get(s))
	post(s, withBody(op(http.MethodPatch, path+"/{id}", "change-"+dash(r.one), "Change a "+r.one+": what the body leaves out stays"), http.StatusOK), r.change(s, true))
	post(s, withBody(op(http.MethodPut, path+"/{id}", "replace-"+dash(r.one), "Replace a "+r.one+": what the body leaves out is the default"), http.StatusOK), r.change(s, false))
	s.undoes[r.noun(new(T)).Kind()] = r.undo
	huma.Register(s.huma, op(http.MethodDelete, path+"/{id}", "delete-"+dash(r.one), "Delete a "+r.one), r.remove(s))
	if r.path != "users" && r.path != "api-keys" && r.path != "companies" {
		r.bulk(s, schema)
	}
}

// post registers an operation with a JSON body that is read raw, and takes the raw form out of the description.
func post[I, O any](s *server, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	body := op.RequestBody
	huma.Register(s.huma, op, handler)
	delete(body.Content, "application/octet-stream")
}

func title(words string) string {
	var b strings.Builder
	for _, w := range strings.Fields(words) {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:] + " ")
	}
	return strings.TrimSpace(b.String())
}

func (r *resource[T, V, ID]) list(s *server) func(context.Context, *listInput) (*pageOutput[V], error) {
	return func(ctx context.Context, in *listInput) (*pageOutput[V], error) {
		return r.page(ctx, s, in.query())
	}
}

func (r *resource[T, V, ID]) listModes(s *server) func(context.Context, *modeListInput) (*pageOutput[V], error) {
	return func(ctx context.Context, in *modeListInput) (*pageOutput[V], error) {
		list := listInput{in.Customer, in.Company, in.Q, in.Limit, in.Cursor}
		q := list.query()
		q.Transparent = in.Transparent
		return r.page(ctx, s, q)
	}
}

func (r *resource[T, V, ID]) page(ctx context.Context, s *server, q store.Query) (*pageOutput[V], error) {
	page, err := r.reader.List(ctx, principalOf(ctx).Scope(), q)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	items, err := r.show(ctx, page.Items)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &pageOutput[V]{Body: Page[V]{Items: present(items), Next: page.Next}}, nil
}

// present is a list that JSON shows as [] where it is empty.
func present[V any](list []V) []V {
	if list == nil {
		return []V{}
	}
	return list
}

func (r *resource[T, V, ID]) get(s *server) func(context.Context, *idInput) (*itemOutput[V], error) {
	return func(ctx context.Context, in *idInput) (*itemOutput[V], error) {
		v, err := r.reader.Get(ctx, principalOf(ctx).Scope(), ID(in.ID))
		if err != nil {
			return nil, s.refused(ctx, err)
		}
		return r.output(ctx, s, &v)
	}
}

func (r *resource[T, V, ID]) output(ctx context.Context, s *server, v *T) (*itemOutput[V], error) {
	shown, err := r.show(ctx, []T{*v})
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	return &itemOutput[V]{ETag: etag(r.noun(v).Meta().Version), Body: shown[0]}, nil
}

func (r *resource[T, V, ID]) noun(v *T) tenant.Noun { return any(v).(tenant.Noun) }

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// ifMatch gives the version that an If-Match header wants, 0 for none.
func ifMatch(header string) (int64, error) {
	if header == "" || header == "*" {
		return 0, nil
	}
	v, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(header, "W/"), `"`), 10, 64)
	if err != nil || v < 1 {
		return 0, &tenant.Fault{Code: tenant.CodeInvalid, Field: "If-Match", Message: "is not one that was given", Want: "the ETag of the answer that was read"}
	}
	return v, nil
}

func (r *resource[T, V, ID]) remove(s *server) func(context.Context, *idInput) (*struct{}, error) {
	return func(ctx context.Context, in *idInput) (*struct{}, error) {
		return nil, s.write(ctx, func(tx *store.Tx) error { return r.writer(tx).Delete(ctx, ID(in.ID)) })
	}
}

func (r *resource[T, V, ID]) add(s *server) func(context.Context, *bodyInput) (*itemOutput[V], error) {
	return func(ctx context.Context, in *bodyInput) (*itemOutput[V], error) {
		return r.put(ctx, s, in.RawBody, func(tx *store.Tx, body object) (v T, reveal func(*V), err error) {
			delete(body, "version")
			if v, err = onto(r.fresh(), r.fresh(), body); err != nil {
				return v, nil, err
			}
			*r.id(&v) = 0
			if r.create != nil {
				reveal, err = r.create(ctx, tx, &v)
				return v, reveal, err
			}
			return v, nil, r.writer(tx).Create(ctx, &v)
		})
	}
}

// change is PATCH (merging) or PUT.
func (r *resource[T, V, ID]) change(s *server, merging bool) func(context.Context, *changeInput) (*itemOutput[V], error) {
	return func(ctx context.Context, in *changeInput) (*itemOutput[V], error) {
		version, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, s.refused(ctx, err)
		}
		return r.put(ctx, s, in.RawBody, func(tx *store.Tx, body object) (v T, reveal func(*V), err error) {
			base, err := r.writer(tx).Get(ctx, ID(in.ID))
			if err != nil {
				return v, nil, err
			}
			if !merging {
				base = r.fresh()
			}
			*r.noun(&base).Meta() = tenant.Stamp{} // a version comes from the request, or is not checked
			if v, err = onto(base, r.fresh(), body); err != nil {
				return v, nil, err
			}
			*r.id(&v) = ID(in.ID)
			if version != 0 {
				r.noun(&v).Meta().Version = version
			}
			return v, nil, r.writer(tx).Update(ctx, &v)
		})
	}
}

// put stores what a body says by fn, then the body's write-only fields.
func (r *resource[T, V, ID]) put(ctx context.Context, s *server, raw []byte, fn func(*store.Tx, object) (T, func(*V), error)) (*itemOutput[V], error) {
	body, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	var after extra[T, V]
	if r.split != nil {
		if after, err = r.split(ctx, body); err != nil {
			return nil, s.refused(ctx, err)
		}
	}
	var v T
	var reveals []func(*V)
	err = s.write(ctx, func(tx *store.Tx) (err error) {
		var reveal func(*V)
		if v, reveal, err = fn(tx, body); err != nil {
			return err
		}
		reveals = append(reveals, reveal)
		if after != nil {
			reveal, err = after(ctx, tx, &v)
			reveals = append(reveals, reveal)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out, err := r.output(ctx, s, &v)
	if err != nil {
		return nil, err
	}
	for _, reveal := range reveals {
		if reveal != nil {
			reveal(&out.Body)
		}
	}
	out.Location = root + "/" + r.path + "/" + strconv.FormatInt(int64(*r.id(&v)), 10)
	return out, nil
}
