package policy_test

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tollgate/internal/policy"
)

// faulty are the packages that say what is wrong with a form, those that others use first.
var faulty = []string{"../tenant", "../store", "../api"}

// faultWriter finds the texts of a package's faults: what stands in their fields, and what the
// functions that make faults are given, put together as package fmt would.
type faultWriter struct {
	source
	set map[types.Object][]ast.Expr // what a variable or the one result of a function is set to
	all map[string]token.Position
}

// faultsOf gives each format of a fault's Message and Want, with its place.
func faultsOf(t *testing.T, dir string, known found) map[string]token.Position {
	w := &faultWriter{read(t, dir, known), make(map[types.Object][]ast.Expr), make(map[string]token.Position)}
	for _, f := range w.files {
		ast.Inspect(f, w.settings)
	}
	for _, f := range w.files {
		ast.Inspect(f, w.texts)
	}
	return w.all
}

// settings notes what variables and results are set to.
func (w *faultWriter) settings(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if name, ok := left.(*ast.Ident); ok && len(n.Lhs) == len(n.Rhs) {
				w.setTo(w.info.ObjectOf(name), n.Rhs[i], n.Tok)
			}
		}
	case *ast.FuncDecl:
		if n.Body == nil {
			return false
		}
		ast.Inspect(n.Body, func(inner ast.Node) bool {
			if r, ok := inner.(*ast.ReturnStmt); ok && len(r.Results) == 1 {
				w.set[w.info.Defs[n.Name]] = append(w.set[w.info.Defs[n.Name]], r.Results[0])
			}
			return true
		})
	}
	return true
}

func (w *faultWriter) setTo(o types.Object, e ast.Expr, as token.Token) {
	if as == token.ADD_ASSIGN && len(w.set[o]) > 0 {
		e = &ast.BinaryExpr{X: w.set[o][0], Op: token.ADD, Y: e}
	}
	if o != nil {
		w.set[o] = append(w.set[o], e)
	}
}

// texts notes the texts of a literal fault, of a call that makes one, and of what is set later.
func (w *faultWriter) texts(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if !isFault(w.info.Types[n].Type) {
			return true
		}
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok && isText(kv.Key.(*ast.Ident).Name) {
				w.note(kv.Value)
			}
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if s, ok := left.(*ast.SelectorExpr); ok && len(n.Lhs) == len(n.Rhs) && isText(s.Sel.Name) && isFault(w.info.Types[s.X].Type) {
				w.note(n.Rhs[i])
			}
		}
	case *ast.CallExpr:
		if of, ok := w.info.Types[n.Fun].Type.(*types.Signature); ok {
			for i := range min(of.Params().Len(), len(n.Args)) {
				if slices.Contains([]string{"message", "what", "want", "detail"}, of.Params().At(i).Name()) && w.speaks(n, of) {
					w.note(n.Args[i])
				}
			}
		}
	}
	return true
}

// speaks says whether a call makes a fault or a problem: it is told what would be right, or is one of few.
func (w *faultWriter) speaks(n *ast.CallExpr, of *types.Signature) bool {
	for i := range of.Params().Len() {
		if of.Params().At(i).Name() == "want" {
			return true
		}
	}
	name, _ := n.Fun.(*ast.Ident)
	if index, ok := n.Fun.(*ast.IndexExpr); ok {
		name, _ = index.X.(*ast.Ident)
	}
	return name != nil && slices.Contains([]string{"problem", "later", "twice"}, name.Name)
}

func isText(field string) bool { return field == "Message" || field == "Want" || field == "Detail" }

func isFault(t types.Type) bool {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := t.(*types.Named)
	return ok && (n.Obj().Name() == "Fault" || n.Obj().Name() == "Problem")
}

// note keeps each format that an expression may have; what holds no words is passed on from elsewhere.
func (w *faultWriter) note(e ast.Expr) {
	for _, format := range w.formats(e, 0) {
		if strings.ContainsFunc(verb.ReplaceAllString(format, ""), func(r rune) bool { return r >= 'a' && r <= 'z' }) {
			w.all[format] = w.fset.Position(e.Pos())
		}
	}
}

// formats gives what an expression may be, with a verb for what only the running program knows.
func (w *faultWriter) formats(e ast.Expr, depth int) []string {
	if v := w.info.Types[e].Value; v != nil && v.Kind() == constant.String {
		return []string{constant.StringVal(v)}
	}
	switch e := e.(type) {
	case *ast.ParenExpr:
		return w.formats(e.X, depth)
	case *ast.BinaryExpr:
		var both []string
		for _, x := range w.formats(e.X, depth) {
			for _, y := range w.formats(e.Y, depth) {
				both = append(both, x+y)
			}
		}
		return both
	case *ast.Ident:
		return w.settingsOf(w.info.ObjectOf(e), depth)
	case *ast.CallExpr:
		if s, ok := e.Fun.(*ast.SelectorExpr); ok {
			if s.Sel.Name == "Sprintf" {
				return w.formats(e.Args[0], depth)
			}
			return []string{"%s"}
		}
		if name, ok := e.Fun.(*ast.Ident); ok && name.Name != "quote" {
			return w.settingsOf(w.info.ObjectOf(name), depth)
		}
	}
	return []string{"%s"}
}

func (w *faultWriter) settingsOf(o types.Object, depth int) (all []string) {
	if len(w.set[o]) == 0 || depth > 3 {
		return []string{"%s"}
	}
	for _, e := range w.set[o] {
		for _, f := range w.formats(e, depth+1) {
			if !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
	}
	return all
}

// TestFaultsInItalian: no fault of a form lacks its Italian, which takes the same values in the same order.
func TestFaultsInItalian(t *testing.T) {
	known, used := found{}, make(map[string]bool)
	for _, dir := range faulty {
		for english, at := range faultsOf(t, dir, known) {
			used[english] = true
			italian := policy.ItalianFaults()[english]
			if italian == "" {
				t.Errorf("%s: no Italian for %q", at, english)
			} else if !slices.Equal(verb.FindAllString(english, -1), verb.FindAllString(italian, -1)) {
				t.Errorf("%s: %q takes other values than %q", at, italian, english)
			}
		}
	}
	for english := range policy.ItalianFaults() {
		if !used[english] {
			t.Errorf("nobody says %q", english)
		}
	}
	if len(used) < 200 {
		t.Errorf("only %d texts of faults were found", len(used))
	}
}

// TestFault: a text is known by its format whatever the values hold, and all else stays.
func TestFault(t *testing.T) {
	for text, want := range map[string]string{
		"is missing":          "manca",
		`"a b" is not known`:  `"a b" non è tra i valori previsti`,
		`"x y" is not a host`: `"x y" non è un host`,
		"12 to 30":            "da 12 a 30",
		"1s to 5m":            "da 1s a 5m",
		"-3 is out of range":  "-3 è fuori dai limiti",
		"number >= 1":         "numero >= 1", `value to be one of "a, b"`: `uno tra "a, b"`, "array length <= 5": "lunghezza della lista <= 5",
		"something else again":                                       "something else again",
		"too many tries; try again in 30 s":                          "troppi tentativi; riprova tra 30 s",
		`the port " is not a number" is not a number of 1 to 65535`:  `la porta " is not a number" non è un numero da 1 a 65535`,
		`holds "\"", which no host name does`:                        `contiene "\"", che in un nome di host non c'è`,
		`regular expression: missing closing ] at character 3: "[a"`: `espressione regolare: manca la ] di chiusura al carattere 3: "[a"`,
		"No channel capacity available for your account.":            "No channel capacity available for your account.",
		"%s is not known":                                            "%s non è tra i valori previsti", "": "", `"`: `"`, `"x" `: `"x" `,
	} {
		if got := policy.Italian.Fault(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if got := policy.English.Fault(text); got != text {
			t.Errorf("%q in English: %q", text, got)
		}
	}
}

// FuzzFault: no text of the wire breaks it, and none that is quoted is lost.
func FuzzFault(f *testing.F) {
	f.Add("x", "is not a host")
	f.Add("% %d %", "is not known")
	f.Fuzz(func(t *testing.T, value, rest string) {
		quoted := strconv.Quote(value)
		if got := policy.Italian.Fault(quoted + " " + rest); !strings.Contains(got, quoted) {
			t.Errorf("%q %q: %q", quoted, rest, got)
		}
	})
}
