package policy

import (
	"strings"
	"testing"
)

// TestLanguages: each reason has its sentence in each language, and its code leads back to it.
func TestLanguages(t *testing.T) {
	seen := map[string]Reason{}
	for _, r := range Reasons() {
		text := italian[r]
		if text == "" || !strings.HasSuffix(text, ".") || text == r.Sentence() {
			t.Errorf("%s has no Italian sentence: %q", r, text)
		}
		if other, is := seen[text]; is {
			t.Errorf("%s and %s read the same", r, other)
		}
		seen[text] = r
		if back, ok := ReasonOf(r.Code()); !ok || back != r || r.In(Italian) != text || r.In(English) != r.Sentence() {
			t.Errorf("%s: %v %t", r, back, ok)
		}
	}
	if _, ok := ReasonOf("nothing"); ok || reasonCount.In(Italian) != "" {
		t.Error("there is no such reason")
	}
}
