package threat

import (
	"bytes"
	"testing"
)

func FuzzParam(f *testing.F) {
	for _, s := range []string{`Digest username="u", realm="a\"b, c", stale=TRUE`, "Digest a=b,\r\n c = \"d\"", "Digest =,=", `Digest a="`, "Digest", ""} {
		f.Add([]byte(s), "realm")
	}
	f.Fuzz(func(t *testing.T, value []byte, name string) {
		found, ok := param(value, name)
		if !ok && found != nil || !bytes.Contains(value, found) {
			t.Errorf("%q %q: %q %v", value, name, found, ok)
		}
	})
}

func TestParam(t *testing.T) {
	const value = "Digest username=\"a\\\"b\", REALM=\"x, nonce=1\",\r\n\tnonce =  abc , stale=true"
	for name, want := range map[string]string{"username": `a\"b`, "realm": "x, nonce=1", "nonce": "abc", "Stale": "true", "qop": ""} {
		if got, _ := param([]byte(value), name); string(got) != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"", "ab", 2}, {"abcd", "badc", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 2}, {"a", "abcdef", 3}} {
		if got := distance(c.a, c.b); min(got, mostEdits+1) != c.want {
			t.Errorf("%s %s: %d", c.a, c.b, got)
		}
	}
}
