package api_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tollgate/internal/api"
	"tollgate/internal/feed"
	"tollgate/internal/tenant"
)

// TestLiveEvents: each hears of his own, of the kinds that he asked for, and numbers every second.
func TestLiveEvents(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	w.node.cases = nil
	event := func(kind string, company, customer int64) *feed.Event {
		data := `{"of":` + itoa(customer) + `,"company":` + itoa(company) + `}`
		return &feed.Event{Kind: kind, Company: tenant.CompanyID(company), Customer: tenant.CustomerID(customer), Data: []byte(data)}
	}
	w.node.events = []*feed.Event{
		event(feed.Call, 0, alfa.customer), event(feed.Call, 0, beta.customer), event(feed.Ban, 0, alfa.customer), event(feed.Ban, 0, 0),
		event(feed.Config, alfa.company, 0), event(feed.Config, beta.company, 0), event(feed.Config, 0, 0), event(feed.Destination, 0, alfa.customer),
	}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Local") != "" {
			r = r.WithContext(api.WithLocal(r.Context(), "root"))
		}
		w.handler.ServeHTTP(out, r)
	}))
	defer server.Close()
	for _, c := range []struct {
		name, key, query string
		want             []string
	}{
		{"platform", "", "", []string{"call alfa", "call beta", "ban alfa", "ban platform", "config alfa company", "config beta company", "config platform", "destination alfa"}},
		{"platform, of alfa", "", "&customer=" + itoa(alfa.customer), []string{"call alfa", "ban alfa", "destination alfa"}},
		{"company", alfa.companyKey, "", []string{"call alfa", "ban alfa", "config alfa company", "destination alfa"}},
		{"customer", alfa.key, "", []string{"call alfa", "ban alfa", "destination alfa"}},
	} {
		got := listen(t, server.URL+"/api/v1/events?kinds=call,calls,ban,config,destination"+c.query, c.key)
		for i, line := range got {
			got[i] = strings.NewReplacer(
				`{"of":`+itoa(alfa.customer)+`,"company":0}`, "alfa", `{"of":`+itoa(beta.customer)+`,"company":0}`, "beta", `{"of":0,"company":0}`, "platform",
				`{"of":0,"company":`+itoa(alfa.company)+`}`, "alfa company", `{"of":0,"company":`+itoa(beta.company)+`}`, "beta company",
			).Replace(line)
		}
		if strings.Join(got, "; ") != strings.Join(c.want, "; ") {
			t.Errorf("%s hears %q, want %q", c.name, got, c.want)
		}
	}
	if got := listen(t, server.URL+"/api/v1/events?kinds=calls,ban", alfa.key); len(got) != 1 {
		t.Errorf("of bans only: %q", got)
	}
	if r := w.as(alfa.key).do("GET", "/api/v1/events?kinds=weather", nil); r.code != 422 {
		t.Errorf("an unknown kind: %d", r.code)
	}
}

// listen gives the events that come before the first "calls", as "kind data".
func listen(t *testing.T, url, key string) (got []string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Header.Set("Authorization", "Bearer "+key); key == "" {
		r.Header.Set("Local", "yes")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines, kind := bufio.NewScanner(answer.Body), ""
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			kind = name
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if ok && kind == "calls" {
			if !strings.Contains(data, `"calls":`) || !strings.Contains(data, `"calls_per_second":`) {
				t.Errorf("numbers: %s", data)
			}
			return got
		}
		if ok {
			got = append(got, kind+" "+data)
		}
	}
	rest, _ := io.ReadAll(answer.Body)
	t.Fatalf("%s ends: %d %v %s", url, answer.StatusCode, lines.Err(), rest)
	return nil
}
