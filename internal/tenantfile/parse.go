package tenantfile

import (
	"strconv"

	"github.com/goccy/go-yaml/ast"

	"tollgate/internal/tenant"
)

// Parse reads a file; name is what faults call it. What cannot be read of it is in File.Err, and
// is told by New together with what is wrong beside a store.
func Parse(name string, data []byte, secrets Secrets) *File {
	r := newReader(name, secrets)
	f := &File{name: name}
	if body := r.document(data); body != nil {
		r.top(body, f)
	}
	f.faults = r.faults
	return f
}

// top reads the four lists of a file.
func (r *reader) top(n ast.Node, f *File) {
	entries, ok := r.mapping(n, "", "users, companies, sip_profiles and customers, each with a list")
	if !ok {
		return
	}
	for _, e := range entries {
		switch e.key {
		case "users":
			f.users = readList(r, e.value, e.key, "a user", userFields(false))
		case "companies":
			f.companies = readList(r, e.value, e.key, "a company", companyFields())
		case "sip_profiles":
			f.profiles = readList(r, e.value, e.key, "a SIP profile", profileFields())
		case "customers":
			f.customers = readList(r, e.value, e.key, "a customer", customerFields())
		default:
			r.unknown(e, "the file", []string{"users", "companies", "sip_profiles", "customers"})
		}
	}
}

// readList reads a list of nouns; of says what one of them is.
func readList[T any](r *reader, n ast.Node, key, of string, fields []field[T]) *list[T] {
	nodes, ok := r.sequence(n, key, "a list, each item of which begins with -, or [] for none")
	if !ok {
		return nil
	}
	l := &list[T]{at: placeOf(n)}
	for i, n := range nodes {
		entries, ok := r.mapping(n, key+"["+strconv.Itoa(i)+"]", "a mapping, such as {"+fields[0].name+": ...}")
		if !ok {
			continue
		}
		it := newItem[T](placeOf(n))
		if len(entries) > 0 {
			it.at = entries[0].at
		}
		readFields(r, entries, of, "", fields, it)
		l.items = append(l.items, it)
	}
	return l
}

func newItem[T any](at place) *item[T] {
	return &item[T]{at: at, places: map[string]place{}, bad: map[string]bool{}, refs: map[string]reference{}, lists: map[string]any{}}
}

// readTexts reads a list whose items are one text each, such as domains.
func readTexts[T any](r *reader, n ast.Node, key string, to func(*T) *string) *list[T] {
	places := map[string]place{}
	values, ok := r.texts(n, key, places)
	if !ok {
		return nil
	}
	l := &list[T]{at: placeOf(n)}
	for i, v := range values {
		it := newItem[T](places[key+"["+strconv.Itoa(i)+"]"])
		it.set = append(it.set, func(x *T) { *to(x) = v })
		l.items = append(l.items, it)
	}
	return l
}

// section is one of the lists within a customer, whatever its noun.
type section interface {
	key() string
	read(r *reader, n ast.Node, it *item[tenant.Customer])
	merge(p *planner, c *customerPlan)
	export(a *tenant.Account, n *names) any
}

// sections are in the order in which they are written and applied: what is named before who names it.
func sections() []section {
	return []section{
		domainSection(), groupSection(), switchSection(), destinationSection(), routingSection(), firewallSection(),
		blocklistSection(), whitelistSection(), cliSection(), sipUserSection(), didSection(),
	}
}
