package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
)

// TestHarmless: neither form of data writes anything to the terminal that is not shown, and JSON
// stays the same data.
func TestHarmless(t *testing.T) {
	value := "\x1b[2J\x7f\u009b31m\u202e \u200b\U000e0041 =1+1 <b>\tè \U0001f600\r\nx"
	for _, output := range []string{"json", "yaml"} {
		var out bytes.Buffer
		p := &program{cli: &commands{Output: output}, stdout: &out}
		if err := p.print([]map[string]string{{"v": value}}, nil); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(out.String(), func(r rune) bool { return r != '\n' && r != '\t' && unsafe(r) }); i >= 0 || !utf8.Valid(out.Bytes()) {
			t.Errorf("%s: %q", output, out.String())
		}
		var back []map[string]string
		if output == "json" {
			if err := json.Unmarshal(out.Bytes(), &back); err != nil || back[0]["v"] != value {
				t.Errorf("%v: %q", err, back)
			}
			continue
		}
		want := `\u001b[2J\u007f\u009b31m\u202e \u200b\udb40\udc41 =1+1 <b>\tè ` + "\U0001f600\\r\nx"
		if err := yaml.Unmarshal(out.Bytes(), &back); err != nil || back[0]["v"] != want {
			t.Errorf("%v: %q\n%s", err, back, out.String())
		}
	}
}

// TestTabInYAML: a tab behind a colon would begin a mapping.
func TestTabInYAML(t *testing.T) {
	var out bytes.Buffer
	p := &program{cli: &commands{Output: "yaml"}, stdout: &out}
	if err := p.print(map[string]string{"v": "sip:\t=3"}, nil); err != nil {
		t.Fatal(err)
	}
	var back map[string]string
	if err := yaml.Unmarshal(out.Bytes(), &back); err != nil || back["v"] != `sip:\t=3` {
		t.Errorf("%v: %q", err, out.String())
	}
}
