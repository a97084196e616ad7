package edge

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tollgate/internal/config"
)

// TestPoster: what is posted is signed, no redirect is followed, and no error shows the URL.
func TestPoster(t *testing.T) {
	followed := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		stamp, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Tollgate-Signature"), "t="), ",")
		at, bad := time.Parse("20060102", "20261122")
		switch {
		case r.URL.Path == "/elsewhere":
			followed = true
		case err != nil, bad != nil, string(body) != "[]", len(stamp) != 10, r.Header.Get("Content-Type") != "application/json":
			w.WriteHeader(http.StatusBadRequest)
		case signature("0123456789abcdef", at, body) != "t=1795305600,v1=f3feebb0d887df0cfdc682ddbafbf7b9eee2a9f80191b6e0ea3499e848149a1c":
			w.WriteHeader(http.StatusForbidden)
		default:
			http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
		}
	}))
	defer s.Close()
	to := config.Webhook{URL: s.URL + "/in", Secret: "0123456789abcdef"}
	if status, err := newPoster(to).post(t.Context(), []byte("[]")); status != 301 || err != nil || followed {
		t.Errorf("%d, %v, followed: %t", status, err, followed)
	}
	s.Close()
	to.URL = strings.Replace(to.URL, "//", "//user:hush@", 1)
	if _, err := newPoster(to).post(t.Context(), nil); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("an error says %v", err)
	}
}
