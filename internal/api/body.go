package api

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/tenant"
)

// object is a JSON object whose keys and types were checked against the operation's schema.
type object = map[string]any

// parseObject reads a body that huma has validated.
func parseObject(body []byte) (object, error) {
	var o object
	if err := json.Unmarshal(body, &o); err != nil || o == nil {
		return nil, problem(400, "the body is not one JSON object")
	}
	return o, nil
}

// take removes a key and gives its text; has is false where it is absent or null.
func take(o object, key string) (text string, has bool) {
	text, has = o[key].(string)
	delete(o, key)
	return text, has
}

// onto gives base changed by o, as RFC 7396 merges: an object key by key, a list as a whole, null
// back to what fresh has.
func onto[T any](base, fresh T, o object) (T, error) {
	var out T
	under, err := asObject(fresh)
	if err != nil {
		return out, err
	}
	standing, err := asObject(base)
	if err != nil {
		return out, err
	}
	text, err := json.Marshal(merge(merge(under, standing, nil), o, under))
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return out, unmarshalFault(err)
	}
	return out, nil
}

func asObject(v any) (object, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var o object
	err = json.Unmarshal(text, &o)
	return o, err
}

// merge puts change over base; fresh is what a null means, nil: null itself.
func merge(base, change, fresh object) object {
	out := maps.Clone(base)
	if out == nil {
		out = object{}
	}
	for k, v := range change {
		inner, isObject := v.(object)
		switch under, ok := out[k].(object); {
		case v == nil && fresh != nil:
			out[k] = fresh[k]
		case isObject && ok:
			below, _ := fresh[k].(object)
			out[k] = merge(under, inner, below)
		default:
			out[k] = v
		}
	}
	return out
}

// unmarshalFault says which field does not fit; of a value of a noun's own type the noun has said it.
func unmarshalFault(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return &tenant.Fault{Code: tenant.CodeInvalid, Field: wrong.Field, Message: "is not of the right kind", Want: kindWord(wrong.Type)}
	}
	if faults := tenant.FaultsOf(err); faults != nil {
		return faults
	}
	return problem(422, "the body does not fit its schema")
}

// kindWord names a type as JSON has it.
func kindWord(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a whole number in range"
}

// changeSchema describes the body that makes or changes a noun: all that is shown of it, none of it
// required, with the defaults (what is only shown is ignored, so that what was read can be sent
// back), and write-only fields such as a password.
func changeSchema(registry huma.Registry, name string, t reflect.Type, fresh object, writeOnly map[string]string) *huma.Schema {
	s := loosened(registry, huma.SchemaFromType(registry, t), fresh)
	for field, doc := range writeOnly {
		added := &huma.Schema{Type: huma.TypeString, WriteOnly: true, Description: doc}
		if strings.HasPrefix(field, "generate_") {
			added.Type = huma.TypeBoolean
		}
		parent := s
		if outer, inner, nested := strings.Cut(field, "."); nested {
			parent, field = s.Properties[outer], inner
		}
		parent.Properties[field] = added
		parent.PrecomputeMessages()
	}
	for field, p := range s.Properties {
		if _, settable := fresh[field]; !settable && !p.WriteOnly && !strings.HasSuffix(field, "_id") || slices.Contains([]string{"id", "proven", "hint"}, field) {
			p.ReadOnly, p.Default = true, nil
		}
	}
	s.PrecomputeMessages()
	registry.Map()[name] = s
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

// loosened is a schema without references and without required fields.
func loosened(registry huma.Registry, s *huma.Schema, fresh any) *huma.Schema {
	for s.Ref != "" {
		s = registry.SchemaFromRef(s.Ref)
	}
	out := *s
	out.Required = nil
	defaults, _ := fresh.(object)
	if s.Properties != nil {
		out.Properties = make(map[string]*huma.Schema, len(s.Properties))
		for k, p := range s.Properties {
			out.Properties[k] = loosened(registry, p, defaults[k])
		}
	}
	if s.Items != nil {
		out.Items = loosened(registry, s.Items, nil)
	}
	if _, isObject := fresh.(object); !isObject && fresh != nil && fresh != "" { // "" is no default that one would want to read of
		out.Default = fresh
	}
	clean := huma.Schema{
		Type: out.Type, Nullable: out.Nullable, Format: out.Format, Description: out.Description, Default: out.Default, Examples: out.Examples,
		Items: out.Items, AdditionalProperties: out.AdditionalProperties, Properties: out.Properties, Enum: out.Enum, Minimum: out.Minimum, Maximum: out.Maximum,
	}
	clean.PrecomputeMessages()
	return &clean
}
