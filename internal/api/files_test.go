package api_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

const tenantsFile = `companies:
  - {name: Verdi}
customers:
  - name: Giuseppe
    company: Verdi
    domains: [giuseppe.example]
    destinations:
      - {name: pbx, host: 192.0.2.5}
    sip_users:
      - {username: "1001", password: {env: PW}}
      - {username: "1002", password: generate}
`

func (w *world) sendFile(query, text string, secrets map[string]string) answer {
	w.t.Helper()
	return w.do("POST", "/api/v1/apply"+query, object{"text": text, "secrets": secrets})
}

func TestApplyAndExport(t *testing.T) {
	w := newWorld(t)
	a := w.admin()
	secrets := map[string]string{"env PW": "Correct-Horse-1"}
	dry := a.sendFile("?dry_run=true", tenantsFile, secrets)
	if dry.code != 200 || !strings.Contains(string(dry.body), "+ customer Giuseppe") || w.node.applied != 0 {
		t.Fatalf("%d %s", dry.code, dry.body)
	}
	r := a.sendFile("", tenantsFile, secrets)
	var done struct {
		Revision  int64
		Diff      string
		Changes   []object
		Generated []struct{ Name, Password string }
	}
	if err := json.Unmarshal(r.body, &done); err != nil || r.code != 200 {
		t.Fatalf("%d %s", r.code, r.body)
	}
	if done.Revision == 0 || w.node.applied != done.Revision || len(done.Changes) == 0 || len(done.Generated) != 1 || len(done.Generated[0].Password) < 12 {
		t.Errorf("%+v, applied %d", done, w.node.applied)
	}
	export := a.do("GET", "/api/v1/export", nil)
	if export.code != 200 || export.header.Get("Content-Type") != "application/yaml" || strings.Contains(string(export.body), "Correct-Horse") {
		t.Fatalf("%d %s", export.code, export.body)
	}
	again := a.request("POST", "/api/v1/apply", "application/yaml; charset=utf-8", export.body)
	if again.code != 200 || !strings.Contains(string(again.body), "no changes") {
		t.Errorf("export, then apply: %d %s\n%s", again.code, again.body, export.body)
	}
	// What the API changed since is not overwritten, unless asked.
	list := a.must("GET", "/api/v1/customers", nil)["items"].([]any)
	a.must("PATCH", "/api/v1/customers/"+itoa(id(list[0].(object))), object{"call_limit": 9})
	changed := "customers:\n  - {name: Giuseppe, call_limit: 3}\n"
	if r := a.sendFile("", changed, nil); r.code != 422 || !strings.Contains(string(r.body), "root") {
		t.Errorf("%d %s", r.code, r.body)
	}
	if r := a.sendFile("?overwrite=true", changed, nil); r.code != 200 {
		t.Errorf("%d %s", r.code, r.body)
	}
}

func TestApplyFaults(t *testing.T) {
	w := newWorld(t)
	a := w.admin()
	r := a.request("POST", "/api/v1/apply?file=my%1b.yaml", "application/yaml", []byte("customers:\n  - {name: x, company: y, call_limt: 3}\n"))
	p := r.problem(t)
	if r.code != 422 || !strings.HasPrefix(p.Detail, "my?.yaml:2:") || p.Errors[0].File != "my?.yaml" {
		t.Errorf("%d %s", r.code, r.body)
	}
	for name, send := range map[string]func() answer{
		"a secret that was not sent": func() answer { return a.sendFile("", tenantsFile, nil) },
		"no envelope":                func() answer { return a.request("POST", "/api/v1/apply", "application/json", []byte("companies: []")) },
		"a form": func() answer {
			return a.request("POST", "/api/v1/apply", "application/x-www-form-urlencoded", []byte("a=b"))
		},
	} {
		if r := send(); r.code < 400 || r.code >= 500 {
			t.Errorf("%s: %d %s", name, r.code, r.body)
		}
	}
	// A file that came from elsewhere reads nothing of this machine.
	t.Setenv("TOLLGATE_PROOF", "stolen-by-env")
	if err := os.WriteFile(t.TempDir()+"/x", []byte("stolen-by-file"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"{env: TOLLGATE_PROOF}", "{env: HOME}", "{file: /etc/hostname}"} {
		text := strings.Replace(tenantsFile, "{env: PW}", ref, 1)
		if r := a.request("POST", "/api/v1/apply", "application/yaml", []byte(text)); r.code != 422 || !strings.Contains(string(r.body), "was not sent along") {
			t.Errorf("%s: %d %s", ref, r.code, r.body)
		}
	}
	if n, _ := w.store.Revision(t.Context()); n != w.node.applied {
		t.Error("something was written")
	}
}
