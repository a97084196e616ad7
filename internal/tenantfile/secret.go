package tenantfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// Secrets resolves what a file leaves to the place where it is applied: {env: NAME} and {file: F}.
type Secrets interface {
	Env(name string) (string, error)
	File(path string) (string, error)
}

// Local resolves them on this machine; a relative file is looked for beside the YAML file.
type Local struct{ Dir string }

// Env gives an environment variable.
func (Local) Env(name string) (string, error) {
	v, ok := os.LookupEnv(name)
	if !ok {
		return "", fmt.Errorf("the environment variable %s is not set", name)
	}
	return v, nil
}

// File gives the content of a file, without its last line feed.
func (l Local) File(path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.Dir, path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() > 4096 {
		return "", fmt.Errorf("%s has %d bytes, too many for a password", path, info.Size())
	}
	data, err := os.ReadFile(path)
	return strings.TrimRight(string(data), "\r\n"), err
}

// Given are secrets that were resolved elsewhere, under "env NAME" and "file PATH" (see References).
type Given map[string]string

// Env gives a variable that was sent along.
func (g Given) Env(name string) (string, error) { return g.find("env " + name) }

// File gives a file that was sent along.
func (g Given) File(path string) (string, error) { return g.find("file " + path) }

func (g Given) find(name string) (string, error) {
	v, ok := g[name]
	if !ok {
		return "", fmt.Errorf("%s was not sent along", name)
	}
	return v, nil
}

// gathering notes what a file asks for.
type gathering struct {
	from  Secrets
	found Given
}

func (g *gathering) Env(name string) (string, error) { return g.take("env "+name, name, g.from.Env) }

func (g *gathering) File(path string) (string, error) { return g.take("file "+path, path, g.from.File) }

func (g *gathering) take(key, name string, get func(string) (string, error)) (string, error) {
	v, err := get(name)
	if err == nil {
		g.found[key] = v
	}
	return v, err
}

// References resolves every secret that the file leaves open, so that a client can send them with
// it. A fault of the file is the error, as Parse would give it.
func References(name string, data []byte, from Secrets) (Given, error) {
	g := &gathering{from: from, found: Given{}}
	err := Parse(name, data, g).Err()
	return g.found, err
}

// secret is what password: says.
type secret struct {
	at       place
	text     string // the password
	generate bool
	ha1      string // a hash in its place, of SIP users only
	realm    string
}

const secretWant = "text, {env: NAME}, {file: F} or generate"

// password reads a secret. No fault ever shows it.
func (r *reader) password(n ast.Node, hashes bool) *secret {
	const field = "password"
	want := secretWant
	if hashes {
		want = "text, {env: NAME}, {file: F}, {ha1: H, realm: R} or generate"
	}
	s := &secret{at: placeOf(n)}
	switch n := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		if r.openSecret(s, n, hashes, want) {
			return s
		}
		return nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		r.fault(s.at, tenant.CodeInvalid, field, "is a number or a yes in YAML where text is meant", "quote it")
		return nil
	case *ast.NullNode:
		r.fault(s.at, tenant.CodeInvalid, field, "is empty", want+"; or leave the key out, and the password stays")
		return nil
	case *ast.StringNode:
		s.text = n.Value
		if s.generate = s.text == "generate"; s.generate {
			s.text = ""
		}
		return s
	}
	r.fault(s.at, tenant.CodeInvalid, field, "is not a password", want)
	return nil
}

// openSecret reads the mapping forms of a secret.
func (r *reader) openSecret(s *secret, n ast.Node, hashes bool, want string) bool {
	const field = "password"
	entries, ok := r.mapping(n, field, want)
	if !ok {
		return false
	}
	got := map[string]string{}
	known := []string{"env", "file"}
	if hashes {
		known = append(known, "ha1", "realm")
	}
	for _, e := range entries {
		if !slices.Contains(known, e.key) {
			r.unknown(e, field, known)
			return false
		}
		v, ok := r.text(e.value, field+"."+e.key)
		if !ok {
			return false
		}
		got[e.key] = v
	}
	return r.chosen(s, got, want)
}

// chosen takes the one form that the mapping has.
func (r *reader) chosen(s *secret, got map[string]string, want string) (ok bool) {
	_, env := got["env"]
	_, file := got["file"]
	ha1, hash := got["ha1"]
	realm, inRealm := got["realm"]
	var err error
	switch {
	case env && len(got) == 1:
		s.text, err = r.secrets.Env(got["env"])
	case file && len(got) == 1:
		s.text, err = r.secrets.File(got["file"])
	case hash && inRealm && len(got) == 2:
		s.ha1, s.realm = ha1, realm
		if _, f := store.ParseHA1(realm, ha1); f != nil {
			r.fault(s.at, f.Code, f.Field, f.Message, f.Want)
			return false
		}
		return true
	default:
		r.fault(s.at, tenant.CodeInvalid, "password", "is none of the forms of a secret", want)
		return false
	}
	if err != nil {
		r.fault(s.at, tenant.CodeUnknown, "password", err.Error(), "set it where the file is applied")
		return false
	}
	if s.text == "" {
		r.fault(s.at, tenant.CodeRequired, "password", "the variable or file is empty", "a password in it")
		return false
	}
	return true
}
