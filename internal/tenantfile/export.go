package tenantfile

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// Export writes all that a scope sees as a file, without secrets: applied to the same store it
// changes nothing, and applied later it brings back what was.
func Export(ctx context.Context, st *store.Store, scope tenant.Scope) ([]byte, error) {
	x := &exporter{ctx: ctx, st: st, scope: scope, names: newNames()}
	if err := x.load(); err != nil {
		return nil, err
	}
	x.b.WriteString("# Written by tollgate export. Passwords are not in it: they stay as they are.\n")
	if scope.IsPlatform() {
		x.list("users", x.usersOf(0), userFields(false))
	}
	if scope.Role() != tenant.RoleCustomer {
		x.companyList()
		x.profileList()
	}
	x.customerList()
	return []byte(x.b.String()), nil
}

type exporter struct {
	ctx       context.Context
	st        *store.Store
	scope     tenant.Scope
	b         strings.Builder
	names     *names
	companies []tenant.Company
	users     []tenant.User
	profiles  []tenant.SIPProfile
	accounts  []*tenant.Account
}

func (x *exporter) load() (err error) {
	if x.companies, err = x.st.Companies.All(x.ctx, x.scope, store.Query{}); err != nil {
		return err
	}
	if x.users, err = x.st.Users.All(x.ctx, x.scope, store.Query{}); err != nil {
		return err
	}
	if x.profiles, err = x.st.SIPProfiles.All(x.ctx, x.scope, store.Query{}); err != nil {
		return err
	}
	if x.accounts, err = x.st.FullAccounts(x.ctx, x.scope, nil); err != nil {
		return err
	}
	byName := func(a, b string) int { return cmp.Compare(a, b) }
	slices.SortFunc(x.companies, func(a, b tenant.Company) int { return byName(a.Name, b.Name) })
	slices.SortFunc(x.users, func(a, b tenant.User) int { return byName(a.Email, b.Email) })
	slices.SortFunc(x.accounts, func(a, b *tenant.Account) int { return byName(a.Customer.Name, b.Customer.Name) })
	for _, c := range x.companies {
		x.names.companies[c.ID] = c.Name
	}
	for _, p := range x.profiles {
		x.names.profiles[p.ID] = p.Name
	}
	for _, a := range x.accounts {
		x.names.account(a)
	}
	return nil
}

func (x *exporter) usersOf(id tenant.CompanyID) []tenant.User {
	var out []tenant.User
	for _, u := range x.users {
		if u.Company == id {
			out = append(out, u)
		}
	}
	return out
}

// list writes users, one a line.
func (x *exporter) list(key string, users []tenant.User, fields []field[tenant.User]) {
	items := []pairs{}
	for i := range users {
		items = append(items, showFields(fields, &users[i], x.names))
	}
	x.items(0, key, items)
}

func (x *exporter) companyList() {
	x.b.WriteString("\ncompanies:" + emptyList(len(x.companies)) + "\n")
	for i := range x.companies {
		c := &x.companies[i]
		users := []pairs{}
		for _, u := range x.usersOf(c.ID) {
			users = append(users, showFields(userFields(true), &u, x.names))
		}
		x.block(append(showFields(companyFields(), c, x.names), pair{"users", users}))
	}
}

func (x *exporter) profileList() {
	x.b.WriteString("\n")
	items := []pairs{}
	for i := range x.profiles {
		items = append(items, showFields(profileFields(), &x.profiles[i], x.names))
	}
	x.items(0, "sip_profiles", items)
}

func (x *exporter) customerList() {
	x.b.WriteString("\ncustomers:" + emptyList(len(x.accounts)) + "\n")
	for _, a := range x.accounts {
		out := showFields(customerFields(), &a.Customer, x.names)
		for _, s := range sections() {
			out = append(out, pair{s.key(), s.export(a, x.names)})
		}
		x.block(out)
	}
}

func emptyList(n int) string {
	if n == 0 {
		return " []"
	}
	return ""
}

// block writes one noun as an item of a top list, a key a line.
func (x *exporter) block(p pairs) {
	lead := "  - "
	for _, f := range p {
		x.b.WriteString(lead)
		lead = "    "
		if items, ok := f.value.([]pairs); ok {
			x.items(len(lead), f.key, items)
			continue
		}
		x.b.WriteString(f.key + ": " + flow(f.value) + "\n")
	}
}

// items writes a list of nouns, one a line; its key stands where the writer is.
func (x *exporter) items(indent int, key string, items []pairs) {
	x.b.WriteString(key + ":" + emptyList(len(items)) + "\n")
	for _, p := range items {
		x.b.WriteString(strings.Repeat(" ", indent) + "  - " + flow(p) + "\n")
	}
}

// flow writes a value on one line.
func flow(v any) string {
	switch v := v.(type) {
	case string:
		return plainOrQuoted(v)
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	case []string:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = plainOrQuoted(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case []pairs:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = flow(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case pairs:
		parts := make([]string, len(v))
		for i, f := range v {
			parts[i] = f.key + ": " + flow(f.value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// plainOrQuoted writes text plainly where no reader of YAML could take it for anything else.
func plainOrQuoted(v string) string {
	if isPlain(v) {
		return v
	}
	// A JSON string is a double-quoted YAML one; HTML is none of its business.
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return strconv.Quote(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func isPlain(v string) bool {
	if v == "" || len(v) > 200 {
		return false
	}
	if _, err := time.ParseDuration(v); err == nil && v[len(v)-1] > '9' {
		return true // 5s, 1h30m
	}
	if tenant.CheckCIDR(v) == nil && !strings.Contains(v, ":") {
		return true // 127.0.0.1, 192.0.2.0/24
	}
	switch strings.ToLower(v) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "generate":
		return false
	}
	first := v[0] | 0x20
	if first < 'a' || first > 'z' {
		return false
	}
	for i := range len(v) {
		b := v[i]
		letter := b|0x20 >= 'a' && b|0x20 <= 'z'
		if !letter && (b < '0' || b > '9') && !strings.ContainsRune("-_.@/+", rune(b)) && (b != ' ' || i == len(v)-1) {
			return false
		}
	}
	return true
}
