package tenantfile

import (
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"

	"tollgate/internal/tenant"
)

// field is one key of a noun: how it is read, and how it is written. The same table serves the
// parser, the diff and the export, so that none can know a field that another does not.
type field[T any] struct {
	name string
	read func(r *reader, n ast.Node, path string, it *item[T])
	show func(v *T, n *names) any // string, int, bool, []string, pairs, []pairs; nil = left out
}

// pair is one key with its value, pairs a mapping in order.
type (
	pair struct {
		key   string
		value any
	}
	pairs []pair
)

// fields reads the keys of one mapping; path is that of the mapping within the noun, "" at its top.
func readFields[T any](r *reader, entries []entry, of, path string, fields []field[T], it *item[T]) {
	for _, e := range entries {
		i := slices.IndexFunc(fields, func(f field[T]) bool { return f.name == e.key })
		if i < 0 {
			r.unknown(e, of, keysOf(fields))
			continue
		}
		at := e.key
		if path != "" {
			at = path + "." + e.key
		}
		it.places[at] = placeOf(e.value)
		faults := r.total
		fields[i].read(r, e.value, at, it)
		if r.total > faults {
			it.bad[at] = true
		}
	}
}

func keysOf[T any](fields []field[T]) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.name
	}
	return keys
}

// showFields gives a noun as the file writes it.
func showFields[T any](fields []field[T], v *T, n *names) pairs {
	var out pairs
	for _, f := range fields {
		if f.show == nil {
			continue
		}
		if value := f.show(v, n); value != nil {
			out = append(out, pair{f.name, value})
		}
	}
	return out
}

func text[T any](name string, to func(*T) *string) field[T] {
	return field[T]{
		name: name,
		read: func(r *reader, n ast.Node, path string, it *item[T]) {
			if v, ok := r.text(n, path); ok {
				it.set = append(it.set, func(x *T) { *to(x) = v })
			}
		},
		show: func(v *T, _ *names) any { return *to(v) },
	}
}

// word is text of a type of its own, such as a role.
func word[T any, S ~string](name string, to func(*T) *S) field[T] {
	return field[T]{
		name: name,
		read: func(r *reader, n ast.Node, path string, it *item[T]) {
			if v, ok := r.text(n, path); ok {
				it.set = append(it.set, func(x *T) { *to(x) = S(v) })
			}
		},
		show: func(v *T, _ *names) any { return string(*to(v)) },
	}
}

func number[T any](name string, to func(*T) *int) field[T] {
	return field[T]{
		name: name,
		read: func(r *reader, n ast.Node, path string, it *item[T]) {
			if v, ok := r.number(n, path); ok {
				it.set = append(it.set, func(x *T) { *to(x) = v })
			}
		},
		show: func(v *T, _ *names) any { return *to(v) },
	}
}

func flag[T any](name string, to func(*T) *bool) field[T] {
	return field[T]{
		name: name,
		read: func(r *reader, n ast.Node, path string, it *item[T]) {
			if v, ok := r.flag(n, path); ok {
				it.set = append(it.set, func(x *T) { *to(x) = v })
			}
		},
		show: func(v *T, _ *names) any { return *to(v) },
	}
}

func duration[T any](name string, to func(*T) *time.Duration) field[T] {
	return field[T]{
		name: name,
		read: func(r *reader, n ast.Node, path string, it *item[T]) {
			if v, ok := r.duration(n, path); ok {
				it.set = append(it.set, func(x *T) { *to(x) = v })
			}
		},
		show: func(v *T, _ *names) any { return tenant.FormatDuration(*to(v)) },
	}
}

// texts is a list of texts; the list that the file has is the whole list.
func texts[T any](name string, to func(*T) *[]string) field[T] {
	return field[T]{
		name: name,
		read: func(r *reader, n ast.Node, path string, it *item[T]) {
			if v, ok := r.texts(n, path, it.places); ok {
				it.set = append(it.set, func(x *T) { *to(x) = slices.Clone(v) })
			}
		},
		show: func(v *T, _ *names) any { return slices.Clone(*to(v)) },
	}
}

// texts reads a list of texts and notes where each stands.
func (r *reader) texts(n ast.Node, path string, places map[string]place) ([]string, bool) {
	nodes, ok := r.sequence(n, path, "a list of texts, such as [a, b], or [] for none")
	out := make([]string, 0, len(nodes))
	for i, n := range nodes {
		at := path + "[" + strconv.Itoa(i) + "]"
		places[at] = placeOf(n)
		v, good := r.text(n, at)
		ok = ok && good
		out = append(out, v)
	}
	return out, ok
}

// group is a mapping within a noun; a key that it leaves out is unchanged.
func group[T any](name string, fields ...field[T]) field[T] {
	return field[T]{
		name: name,
		read: func(r *reader, n ast.Node, path string, it *item[T]) {
			if entries, ok := r.mapping(n, path, "a mapping such as {"+fields[0].name+": ...}"); ok {
				readFields(r, entries, path, path, fields, it)
			}
		},
		show: func(v *T, n *names) any { return showFields(fields, v, n) },
	}
}

// optional is a field that takes its profile's value where it is null; in between, none of inner's cares.
func optional[T, V any](name string, to func(*T) **V, inner func(string, func(*T) *V) field[T]) field[T] {
	f := inner(name, func(x *T) *V {
		if *to(x) == nil {
			*to(x) = new(V)
		}
		return *to(x)
	})
	return field[T]{
		name: name,
		read: func(r *reader, n ast.Node, path string, it *item[T]) {
			if _, null := n.(*ast.NullNode); null {
				it.set = append(it.set, func(x *T) { *to(x) = nil })
				return
			}
			// The value that stands is another noun's too: it must not be written through the pointer.
			it.set = append(it.set, func(x *T) {
				if was := *to(x); was != nil {
					own := *was
					*to(x) = &own
				}
			})
			f.read(r, n, path, it)
		},
		show: func(v *T, n *names) any {
			if *to(v) == nil {
				return nil
			}
			return f.show(v, n)
		},
	}
}

// optionalTexts is a list that takes its profile's value where it is null; [] overrides it.
func optionalTexts[T any](name string, to func(*T) *[]string) field[T] {
	f := texts(name, to)
	return field[T]{
		name: name,
		read: func(r *reader, n ast.Node, path string, it *item[T]) {
			if _, null := n.(*ast.NullNode); null {
				it.set = append(it.set, func(x *T) { *to(x) = nil })
				return
			}
			f.read(r, n, path, it)
		},
		show: func(v *T, n *names) any {
			if *to(v) == nil {
				return nil
			}
			return f.show(v, n)
		},
	}
}

// steps is a list of small mappings, in order; null is nil where null is allowed.
func steps[T, S any](name, example string, fields []field[S], to func(*T) *[]S, nullable bool) field[T] {
	return field[T]{
		name: name,
		read: func(r *reader, n ast.Node, path string, it *item[T]) {
			if _, null := n.(*ast.NullNode); null && nullable {
				it.set = append(it.set, func(x *T) { *to(x) = nil })
				return
			}
			nodes, ok := r.sequence(n, path, "a list of steps, or [] for none")
			if !ok {
				return
			}
			list := make([]S, 0, len(nodes))
			for i, n := range nodes {
				list = append(list, oneStep(r, n, path+"["+strconv.Itoa(i)+"]", example, fields, it.places))
			}
			it.set = append(it.set, func(x *T) { *to(x) = slices.Clone(list) })
		},
		show: func(v *T, n *names) any {
			if *to(v) == nil && nullable {
				return nil
			}
			out := make([]pairs, 0, len(*to(v)))
			for i := range *to(v) {
				out = append(out, showFields(fields, &(*to(v))[i], n))
			}
			return out
		},
	}
}

// oneStep reads one step, and gives its places to the noun that owns it.
func oneStep[S any](r *reader, n ast.Node, path, example string, fields []field[S], places map[string]place) (v S) {
	places[path] = placeOf(n)
	step := &item[S]{places: places, bad: map[string]bool{}}
	if entries, ok := r.mapping(n, path, example); ok {
		readFields(r, entries, path, path, fields, step)
	}
	step.apply(&v)
	return v
}

// rewrites is the list of a parameter rewrite.
func rewrites[T any](to func(*T) *[]tenant.Rewrite, nullable bool) field[T] {
	return steps("rewrite", "{what: destination, current: ..., new: ..., match: prefix}", []field[tenant.Rewrite]{
		text("what", func(v *tenant.Rewrite) *string { return &v.What }),
		text("current", func(v *tenant.Rewrite) *string { return &v.Current }),
		text("new", func(v *tenant.Rewrite) *string { return &v.New }),
		text("match", func(v *tenant.Rewrite) *string { return &v.Match }),
	}, to, nullable)
}

// headerEdits is the list of headers that are changed.
func headerEdits[T any](to func(*T) *[]tenant.HeaderEdit) field[T] {
	return steps("headers", "{action: add, name: X-Account, value: ...}", []field[tenant.HeaderEdit]{
		text("action", func(v *tenant.HeaderEdit) *string { return &v.Action }),
		text("name", func(v *tenant.HeaderEdit) *string { return &v.Name }),
		text("value", func(v *tenant.HeaderEdit) *string { return &v.Value }),
	}, to, false)
}

// named is a reference to another noun by its name; "" is none. Which id that is, the plan knows.
func named[T any](name string, clear func(*T), show func(*T, *names) any) field[T] {
	return field[T]{
		name: name,
		read: func(r *reader, n ast.Node, path string, it *item[T]) {
			v, ok := "", true
			if _, null := n.(*ast.NullNode); !null {
				v, ok = r.text(n, path)
			}
			if !ok {
				return
			}
			it.set = append(it.set, clear)
			it.refs[name] = reference{v, placeOf(n)}
		},
		show: show,
	}
}

// was is the name that the noun had before.
func was[T any]() field[T] {
	return field[T]{name: "was", read: func(r *reader, n ast.Node, path string, it *item[T]) {
		if v, ok := r.text(n, path); ok && v != "" {
			it.was = &reference{v, placeOf(n)}
		}
	}}
}

// password is a secret: read, never shown.
func password[T any](hashes bool) field[T] {
	return field[T]{name: "password", read: func(r *reader, n ast.Node, _ string, it *item[T]) {
		it.secret = r.password(n, hashes)
	}}
}
