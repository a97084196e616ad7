package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// TestBackup: for admins of the platform, audited before the first byte.
func TestBackup(t *testing.T) {
	w := newWorld(t)
	w.node.backup = "the archive"
	a := w.admin().do("GET", "/api/v1/backup", nil)
	if a.code != 200 || string(a.body) != "the archive" || a.header.Get("Content-Type") != "application/gzip" {
		t.Errorf("%d %v %s", a.code, a.header, a.body)
	}
	for access, want := range map[string]int{"admin": 200, "operator": 403, "read-only": 403} {
		key := w.admin().must("POST", "/api/v1/api-keys", object{"name": access, "role": "platform", "access": access})["key"].(string)
		if a := w.as(key).do("GET", "/api/v1/backup", nil); a.code != want || want != 200 && strings.Contains(string(a.body), "archive") {
			t.Errorf("%s: %d %s", access, a.code, a.body)
		}
	}
	page, err := w.store.Audit(t.Context(), tenant.Platform(), store.Query{Q: "node"})
	if err != nil || len(page.Items) != 2 || page.Items[0].Who != "key admin" || page.Items[0].Action != tenant.ActionBackup || page.Items[1].Who != "root" {
		t.Errorf("audit %+v, %v", page.Items, err)
	}
}

// TestBackupFails: before the first byte with a problem, after it with a broken connection.
func TestBackupFails(t *testing.T) {
	w := newWorld(t)
	w.node.slowness = errors.New("the disk is full")
	a := w.admin().do("GET", "/api/v1/backup", nil)
	if p := a.problem(t); a.code != 500 || !strings.Contains(p.Detail, "the disk is full") {
		t.Errorf("%d %s", a.code, a.body)
	}
	w.node.backup = "half of"
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // the value itself is what the server looks for
			t.Errorf("half a backup ends with %v", v)
		}
	}()
	w.admin().do("GET", "/api/v1/backup", nil)
}
