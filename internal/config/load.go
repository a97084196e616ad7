package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// FileName is where the configuration is looked for when none is named.
const FileName = "node.yaml"

// maxFile is how large node.yaml and each file that it names may be, in bytes.
const maxFile = 1 << 20

// Default is the configuration without a file.
func Default() Node {
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	return Node{
		DataDir: "data",
		SIP: SIP{Listen: []Listener{
			{Proto: "udp", Addr: at("0.0.0.0:5060")}, {Proto: "tcp", Addr: at("0.0.0.0:5060")}, {Proto: "tls", Addr: at("0.0.0.0:5061")},
		}},
		Media:     Media{First: 20000, Last: 29999, Kernel: "auto"},
		HTTP:      HTTP{Listen: "127.0.0.1:8080", Metrics: "127.0.0.1:9090"},
		Forbidden: Forbidden{Own: true, Prefixes: linkLocal()},
		Retention: Retention{CDRs: 180 * 24 * time.Hour, Traces: 7 * 24 * time.Hour},
		Log:       Log{Level: "info", Format: "text"},
	}
}

// Load reads the file at path, and environ (os.Environ) over it. Path "" is node.yaml in the
// working folder, or no file where there is none. The error is Faults, or says that the file
// cannot be read.
func Load(path string, environ []string) (Node, error) {
	named := path != ""
	if !named {
		path = FileName
	}
	data, err := readFile(path)
	if err != nil && (named || !errors.Is(err, fs.ErrNotExist)) {
		return Node{}, err
	}
	return Read(path, data, environ)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err // names the file already
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than 1 MiB, which no configuration or certificate is", path)
	}
	return data, err
}

// Read is Load for a file that has been read: data is its text, path its name in faults and the
// place from which its relative paths lead; environ are lines NAME=value.
func Read(path string, data []byte, environ []string) (Node, error) {
	n := Default()
	r := &reader{file: path, fromFile: len(data) > 0, node: &n, settings: settings(&n)}
	n.DataDir = r.resolve(n.DataDir)
	root, fault := parse(data)
	if fault != nil {
		fault.File = path
		return Node{}, Faults{fault}
	}
	r.mapping("", root)
	r.environment(environ)
	r.judge(root)
	if len(r.faults) > 0 {
		return Node{}, r.faults
	}
	return n, nil
}

// setting is one key of node.yaml: how it is read into the node.
type setting struct {
	key  string // sip.listen
	list bool
	read func(r *reader, field string, v value)
}

// env is the environment variable that sets it instead.
func (s *setting) env() string {
	return "TOLLGATE_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// reader gathers the faults of one file and its environment.
type reader struct {
	file     string
	node     *Node
	settings []setting
	faults   Faults
	inEnv    string // the variable that is being read
	fromFile bool   // there is a file
}

func (r *reader) fault(field string, at value, message, want string) {
	f := &Fault{Field: field, Message: message, Want: want}
	if r.inEnv != "" {
		f.Env = r.inEnv
	} else {
		f.File, f.Line, f.Column = r.file, at.line, at.column
	}
	r.faults = append(r.faults, f)
}

// mapping reads the keys under prefix: "" or "sip.".
func (r *reader) mapping(prefix string, v value) {
	switch v.kind {
	case absent:
		return
	case mapping:
	default:
		r.fault(strings.TrimSuffix(prefix, "."), v, v.is()+" stands where keys are meant", r.keys(prefix))
		return
	}
	for _, p := range v.pairs {
		r.pair(prefix, p)
	}
}

func (r *reader) pair(prefix string, p pair) {
	field := prefix + p.key
	for i := range r.settings {
		if s := &r.settings[i]; s.key == field {
			if p.value.kind != absent {
				s.read(r, field, p.value)
			}
			return
		}
	}
	if slices.ContainsFunc(r.settings, func(s setting) bool { return strings.HasPrefix(s.key, field+".") }) {
		r.mapping(field+".", p.value)
		return
	}
	r.unknown(prefix, p, r.known(prefix))
}

// unknown refuses a key that is none of known.
func (r *reader) unknown(prefix string, p pair, known []string) {
	message := quote(p.key) + " is no key"
	if prefix != "" {
		message += " of " + strings.TrimSuffix(prefix, ".")
	}
	want := "one of " + strings.Join(known, ", ")
	if near := nearest(p.key, known); near != "" {
		want = "did you mean " + near + "?"
	}
	r.fault("", p.at, message, want)
}

// known gives the keys directly under prefix, in order.
func (r *reader) known(prefix string) []string {
	var keys []string
	for i := range r.settings {
		rest, ok := strings.CutPrefix(r.settings[i].key, prefix)
		key, _, _ := strings.Cut(rest, ".")
		if ok && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (r *reader) keys(prefix string) string { return "the keys " + strings.Join(r.known(prefix), ", ") }

// resolve gives the place of a path: one of the file leads from the file's folder.
func (r *reader) resolve(path string) string {
	if path == "" || r.inEnv != "" || !r.fromFile || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.file), path)
}
