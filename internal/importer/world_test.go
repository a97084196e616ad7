package importer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tollgate/internal/importer"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
)

// world is a store with one customer, as a tenants.yaml makes it.
type world struct {
	*testing.T
	st *store.Store
	id tenant.CustomerID
}

const acme = `
companies: [{name: Verdi}]
customers:
  - {name: acme, company: Verdi, domains: [acme.example, pbx.acme.example]%s}
`

// newWorld gives acme with more keys: ", call_limit: 3".
func newWorld(t *testing.T, more string) *world {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{T: t, st: st}
	w.yaml(fmt.Sprintf(acme, more))
	c, err := st.Customers.Find(t.Context(), tenant.Platform(), store.Query{}, "acme")
	if err != nil {
		t.Fatal(err)
	}
	w.id = c.ID
	return w
}

func (w *world) yaml(text string) {
	w.Helper()
	plan, err := tenantfile.New(w.Context(), w.st, tenantfile.Parse("t.yaml", []byte(text), tenantfile.Given{}), tenantfile.Options{Principal: tenant.Local("test")})
	if err == nil {
		_, err = plan.Apply(w.Context(), w.st)
	}
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) read(preset, text string, skip bool) (*importer.Import, error) {
	return importer.New(w.Context(), w.st, importer.Source{Preset: preset, File: "f", Data: []byte(text), Customer: w.id, SkipBad: skip},
		tenantfile.Options{Principal: tenant.Local("test")})
}

// takes imports a file that must be taken whole, sees that a second time changes nothing, and gives the diff.
func (w *world) takes(preset, text string) (*importer.Import, string) {
	w.Helper()
	im, diff := w.imports(preset, text, false)
	if len(im.Skipped) > 0 {
		w.Errorf("not taken: %v", im.Skipped)
	}
	return im, diff
}

func (w *world) imports(preset, text string, skip bool) (*importer.Import, string) {
	w.Helper()
	im, err := w.read(preset, text, skip)
	if err != nil {
		w.Fatalf("%s: %v", preset, err)
	}
	diff := im.Plan.String()
	if _, err := im.Apply(w.Context(), w.st); err != nil {
		w.Fatalf("%s: %v", preset, err)
	}
	before := w.revision()
	again, err := w.read(preset, text, skip)
	if err != nil {
		w.Fatalf("%s once more: %v", preset, err)
	}
	if _, err := again.Apply(w.Context(), w.st); err != nil || again.Plan.String() != "no changes\n" || w.revision() != before {
		w.Errorf("%s once more: %v\n%s", preset, err, again.Plan)
	}
	return im, diff
}

// refuses wants a file to be refused with these lines, each the beginning of a fault or a part of it, and nothing changed.
func (w *world) refuses(preset, text string, want ...string) {
	w.Helper()
	before := w.revision()
	im, err := w.read(preset, text, false)
	if err == nil {
		w.Errorf("%s is taken:\n%s%s", preset, text, im.Plan)
		return
	}
	w.says(err, want...)
	if w.revision() != before {
		w.Error("a refused file changed something")
	}
}

func (w *world) says(err error, want ...string) {
	w.Helper()
	var faults tenantfile.Faults
	if !errors.As(err, &faults) {
		w.Errorf("refused with %v", err)
		return
	}
	if len(faults) != len(want) {
		w.Errorf("%d faults, want %d:\n%v", len(faults), len(want), faults)
		return
	}
	for i, f := range faults {
		if !strings.Contains(f.Error(), want[i]) {
			w.Errorf("got  %s\nwant %s", f, want[i])
		}
	}
}

func (w *world) revision() int64 {
	w.Helper()
	n, err := w.st.Revision(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *world) account() *tenant.Account {
	w.Helper()
	all, err := w.st.FullAccounts(w.Context(), tenant.Platform(), []tenant.CustomerID{w.id})
	if err != nil || len(all) != 1 {
		w.Fatalf("%d accounts, %v", len(all), err)
	}
	return all[0]
}

// opens says whether a SIP user's stored hashes are those of a password.
func (w *world) opens(username, password string) bool {
	w.Helper()
	hashes, err := w.st.SIPCredentials(w.Context(), w.id)
	if err != nil {
		w.Fatal(err)
	}
	return slices.ContainsFunc(w.account().SIPUsers, func(u tenant.SIPUser) bool {
		return u.Username == username && hashes[u.ID].Holds(username, password)
	})
}

func (w *world) export() string {
	w.Helper()
	text, err := tenantfile.Export(w.Context(), w.st, tenant.Platform())
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

// has wants each line in a text.
func (w *world) has(text string, lines ...string) {
	w.Helper()
	for _, l := range lines {
		if !strings.Contains(text, l) {
			w.Errorf("no %q in\n%s", l, text)
		}
	}
}
