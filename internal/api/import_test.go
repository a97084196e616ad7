package api_test

import (
	"strings"
	"testing"
)

// TestImport: who may write SIP users imports them into his own customer; nobody else changes anything.
func TestImport(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	const file = "username,password\n501,Correct-Horse-1\n502,generate\n"
	path := "/api/v1/import/users?customer=" + itoa(alfa.customer)
	for name, c := range map[string]struct {
		key, path, body string
		code            int
		says            string
	}{
		"read-only":         {alfa.reader, path, file, 403, "read-only"},
		"read-only, dry":    {alfa.reader, path + "&dry_run=true", file, 403, "read-only"},
		"customer, dry":     {alfa.key, path + "&dry_run=true", file, 200, `"lines":2,"taken":2`},
		"bad line":          {alfa.key, path, file + "503,short\n", 422, `"file":"users","line":4,"column":5`},
		"skip":              {alfa.key, path + "&skip_bad=true&dry_run=true", file + "503,short\n", 200, `"lines":3,"taken":2`},
		"no such preset":    {alfa.key, strings.Replace(path, "users", "nothing", 1), file, 422, "there is no such preset"},
		"no customer":       {alfa.key, "/api/v1/import/users", file, 422, "customer"},
		"nothing":           {alfa.key, path, "", 400, "required"},
		"control character": {alfa.key, path + "&file=a%0Ab", file + "503,short\n", 422, `"file":"a?b"`},
	} {
		before, _ := w.store.Revision(t.Context())
		a := w.as(c.key).request("POST", c.path, "text/csv", []byte(c.body))
		if a.code != c.code || !strings.Contains(string(a.body), c.says) || strings.Contains(string(a.body), "Correct-Horse") {
			t.Errorf("%s: %d %s", name, a.code, a.body)
		}
		if after, _ := w.store.Revision(t.Context()); after != before {
			t.Errorf("%s: something was written", name)
		}
	}
	a := w.as(alfa.key).request("POST", path, "text/csv", []byte(file))
	if a.code != 200 || !strings.Contains(string(a.body), `"generated":[{"noun":"sip-user","name":"502","customer":"alfa","password":"`) {
		t.Errorf("%d %s", a.code, a.body)
	}
}
