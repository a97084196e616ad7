package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// print writes a value as -o says; asText is the text form.
func (p *program) print(v any, asText func()) error {
	if p.cli.Output == "text" {
		asText()
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return p.printJSON(data)
}

// printJSON writes JSON as it is, or as YAML.
func (p *program) printJSON(data []byte) error {
	if p.cli.Output == "yaml" {
		asYAML, err := yaml.JSONToYAML([]byte(spelled(harmless(string(data)))))
		if err != nil {
			return fmt.Errorf("as YAML: %w", err)
		}
		_, err = p.stdout.Write(asYAML)
		return err
	}
	var out strings.Builder
	if err := indented(&out, data); err != nil {
		return err
	}
	_, err := io.WriteString(p.stdout, harmless(out.String()))
	return err
}

func indented(w io.Writer, data []byte) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(json.RawMessage(data))
}

// harmless is the same JSON with escapes for all that a terminal would not show but obey.
func harmless(text string) string {
	obeyed := func(r rune) bool { return r >= 0x7f && unsafe(r) } // of what is below JSON escapes all
	if strings.IndexFunc(text, obeyed) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if !obeyed(r) {
			b.WriteRune(r)
			continue
		}
		for _, half := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, half)
		}
	}
	return b.String()
}

// spelled is JSON whose strings hold such escapes as text, since YAML has none where a string
// stands without quotes. Line breaks stay what they are; a tab would end what stands there.
func spelled(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		b.WriteByte(text[i])
		if text[i] != '\\' || i+1 == len(text) {
			continue
		}
		i++
		switch c := text[i]; {
		case c == 'r', c == 'b', c == 'f', c == 't', c == 'u' && i+5 <= len(text) && unsafeHex(text[i+1:i+5]):
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func unsafeHex(digits string) bool {
	r, err := strconv.ParseUint(digits, 16, 16)
	return err != nil || unsafe(rune(r))
}

// table prints rows under a header; what came from outside is escaped.
func (p *program) table(header []string, rows [][]string) {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatUpper
	t.SetStyle(style)
	row := func(cells []string) table.Row {
		out := make(table.Row, len(cells))
		for i, c := range cells {
			out[i] = plain(c)
		}
		return out
	}
	t.AppendHeader(row(header))
	for _, r := range rows {
		t.AppendRow(row(r))
	}
	for line := range strings.Lines(t.Render()) {
		fmt.Fprintln(p.stdout, strings.TrimRight(line, " \n"))
	}
}

// plain is text that is safe on a terminal: control characters, what turns the direction of
// writing, and bytes that are no text are shown as escapes.
func plain(s string) string {
	if strings.IndexFunc(s, unsafe) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !unsafe(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

func unsafe(r rune) bool { return r == utf8.RuneError || r != ' ' && !unicode.IsPrint(r) }
