package tenantfile

// differences gives the fields in which two forms of a noun differ, as copies of shown.
func differences(shown Change, before, after pairs) []Change {
	old := flat(nil, "", before)
	fresh := flat(nil, "", after)
	var out []Change
	add := func(field, from, to string) {
		c := shown
		c.Field, c.Before, c.After = field, from, to
		out = append(out, c)
	}
	for _, f := range fresh {
		if was, there := lookup(old, f.key); !there {
			add(f.key, none, f.value)
		} else if was != f.value {
			add(f.key, was, f.value)
		}
	}
	for _, f := range old {
		if _, there := lookup(fresh, f.key); !there {
			add(f.key, f.value, none)
		}
	}
	return out
}

// none stands for a value that is not there: null for the file.
const none = "null"

type flatField struct{ key, value string }

// flat gives each value of a noun by its path; a list is one value.
func flat(out []flatField, prefix string, p pairs) []flatField {
	for _, f := range p {
		if inner, ok := f.value.(pairs); ok {
			out = flat(out, prefix+f.key+".", inner)
			continue
		}
		out = append(out, flatField{prefix + f.key, flow(f.value)})
	}
	return out
}

func lookup(fields []flatField, key string) (string, bool) {
	for _, f := range fields {
		if f.key == key {
			return f.value, true
		}
	}
	return "", false
}
