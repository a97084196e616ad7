package policy_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tollgate/internal/policy"
)

// speakers are the packages that hold phrases, policy first.
var speakers = []string{"../policy", "../trace", "../gate", "../edge", "../api"}

// found is an importer that knows what was checked before, and of all else only that there is such a package.
type found map[string]*types.Package

func (f found) Import(path string) (*types.Package, error) {
	if f[path] == nil {
		f[path] = types.NewPackage(path, filepath.Base(path))
		f[path].MarkComplete()
	}
	return f[path], nil
}

// source is one package as it is written, with its types as far as the known packages say them.
type source struct {
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

// read parses and checks the package of a folder, without its tests, and makes it known.
func read(t *testing.T, dir string, known found) source {
	t.Helper()
	s := source{token.NewFileSet(), nil, &types.Info{
		Types: make(map[ast.Expr]types.TypeAndValue), Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object),
	}}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(names), err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(s.fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, f)
	}
	path := "tollgate/internal/" + filepath.Base(dir)
	checker := types.Config{Importer: known, Error: func(error) {}} // what the unknown packages hold is missing
	known[path], _ = checker.Check(path, s.fset, s.files, s.info)
	return s
}

// phrasesOf gives each constant of type Phrase that a package's source holds, with its place.
func phrasesOf(t *testing.T, dir string, known found) map[string]token.Position {
	t.Helper()
	s := read(t, dir, known)
	fset, info := s.fset, s.info
	all := make(map[string]token.Position)
	for e, v := range info.Types {
		named, ok := v.Type.(*types.Named)
		if !ok || named.Obj().Name() != "Phrase" || named.Obj().Pkg().Path() != "tollgate/internal/policy" || v.IsType() {
			continue
		}
		at := fset.Position(e.Pos())
		if call, made := e.(*ast.CallExpr); made && v.Value == nil && info.Types[call.Fun].IsType() {
			t.Errorf("%s: a Phrase that is made of something: %v", at, call.Fun)
		}
		if v.Value != nil && constant.StringVal(v.Value) != "" {
			all[constant.StringVal(v.Value)] = at
		}
	}
	return all
}

var verb = regexp.MustCompile(`%[.0-9]*[a-z]`)

// TestPhrasesInItalian: no text of a step lacks its Italian, which takes the same values in the same
// order, and begins and ends as the English does, since texts are put together.
func TestPhrasesInItalian(t *testing.T) {
	known, used, total := found{}, make(map[string]bool), 0
	for _, dir := range speakers {
		all := phrasesOf(t, dir, known)
		total += len(all)
		for english, at := range all {
			used[english] = true
			italian := policy.ItalianPhrases()[english]
			if italian == "" {
				t.Errorf("%s: no Italian for %q", at, english)
				continue
			}
			if !slices.Equal(verb.FindAllString(english, -1), verb.FindAllString(italian, -1)) {
				t.Errorf("%s: %q takes other values than %q", at, italian, english)
			}
			const around = " .,;:"
			if edges(english, around) != edges(italian, around) {
				t.Errorf("%s: %q does not begin and end as %q does", at, italian, english)
			}
		}
	}
	for english := range policy.ItalianPhrases() {
		if !used[english] {
			t.Errorf("nobody says %q", english)
		}
	}
	if total < 70 {
		t.Errorf("only %d phrases were found", total)
	}
}

// edges is what of some characters a text begins and ends with.
func edges(text, of string) string {
	inner := strings.Trim(text, of)
	return strings.Replace(text, inner, "|", 1)
}

// TestKeptInItalian: each reason phrase of a malformed message has its Italian.
func TestKeptInItalian(t *testing.T) {
	source, err := os.ReadFile("../../sip/validate.go")
	if err != nil {
		t.Fatal(err)
	}
	phrases := regexp.MustCompile(`"([A-Z][^"]*)"`).FindAllStringSubmatch(string(source), -1)
	for _, p := range phrases {
		if policy.Italian.Retell(p[1]) == p[1] {
			t.Errorf("no Italian for %q", p[1])
		}
	}
	if len(phrases) < 20 {
		t.Errorf("only %d phrases were found", len(phrases))
	}
}

// TestExamplesInItalian: each reason why examples make no regex has its Italian.
func TestExamplesInItalian(t *testing.T) {
	for _, err := range []error{policy.ErrNoExamples, policy.ErrSameExamples, policy.ErrFewExamples} {
		if policy.Italian.Retell(err.Error()) == err.Error() {
			t.Errorf("no Italian for %q", err)
		}
	}
}

// TestRetell: what is no text of ours stays as it is, and English is what was kept.
func TestRetell(t *testing.T) {
	for text, want := range map[string]string{
		"invite 10 of 10": "invite 10 di 10", "Bad Via": "Via non valido", "": "", "x": "x", "Invite 1 of 2": "Invite 1 of 2", "a b of c": "a b of c",
		"one 1 of 2 more": "one 1 of 2 more",
	} {
		if got := policy.Italian.Retell(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if got := policy.English.Retell(text); got != text {
			t.Errorf("%q in English: %q", text, got)
		}
	}
}
