package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// words splits a line as a shell would, with single quotes only.
func words(line string) (list []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}

// commandLine is the parser of a command line, without a program around it.
func commandLine(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Name("tollgate"), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// TestExamples: each command has examples, which can be typed as they stand.
func TestExamples(t *testing.T) {
	for _, leaf := range commandLine(t).Model.Leaves(true) {
		name := leaf.FullPath()
		lines := strings.Split(leaf.Detail, "\n    ")
		if len(lines) < 2 {
			t.Errorf("%s --help has no example", name)
			continue
		}
		for _, line := range lines[1:] {
			list := words(line)
			ctx, err := commandLine(t).Parse(list[1:])
			if err != nil || list[0] != "tollgate" {
				t.Errorf("%s --help: %s: %v", name, line, err)
			} else if ctx.Selected().FullPath() != name {
				t.Errorf("%s --help: %s is %s", name, line, ctx.Selected().FullPath())
			}
		}
	}
}

// TestHelpCommand: help says what --help does, and without a command it lists them all.
func TestHelpCommand(t *testing.T) {
	if a, b := tollgate("", "help", "apply"), tollgate("", "apply", "--help"); a != b || a.code != done || !strings.Contains(a.stdout, "tollgate apply -f tenants.yaml --confirm-within 5m") {
		t.Errorf("%+v", a)
	}
	if r := tollgate("", "help"); r.code != done || !strings.Contains(r.stdout, "explain") {
		t.Errorf("%+v", r)
	}
	if r := tollgate("", "help", "nonsense"); r.code != usage {
		t.Errorf("%+v", r)
	}
}

// TestDocumentedCommands: what the documentation has somebody type is a command with such flags.
func TestDocumentedCommands(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal("no documentation", err)
	}
	whole := regexp.MustCompile(`(?m)^ {4}\$? ?(?:bin/)?(tollgate [^\n]*)`)
	span := regexp.MustCompile("`(?:bin/)?(tollgate [a-z][^`\n]*)`")
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range whole.FindAllStringSubmatch(string(text), -1) {
			if err := parsed(t, m[1]); err != nil {
				t.Errorf("%s: %s: %v", page, m[1], err)
			}
		}
		for _, m := range span.FindAllStringSubmatch(string(text), -1) {
			// Within a sentence a command may stand without all that it needs.
			if err := parsed(t, m[1]); err != nil && !strings.Contains(err.Error(), "missing flags") && !strings.HasPrefix(err.Error(), "expected ") {
				t.Errorf("%s: %s: %v", page, m[1], err)
			}
		}
	}
}

// parsed parses a line of the documentation: brackets stand around what may be left out.
func parsed(t *testing.T, line string) error {
	t.Helper()
	line, _, _ = strings.Cut(line, " #")
	list := words(strings.NewReplacer("[", " ", "]", " ").Replace(line))
	list = slices.DeleteFunc(list, func(w string) bool { return w == "..." })
	_, err := commandLine(t).Parse(list[1:])
	return err
}
