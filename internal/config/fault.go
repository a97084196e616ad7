package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Fault is one thing that is wrong with the configuration: where, what, and what would be right.
type Fault struct {
	File         string // "" where Env is set
	Line, Column int    // from 1; 0 where the whole file is meant
	Env          string // the environment variable
	Field        string // sip.listen[0].url
	Message      string
	Want         string
}

// Error gives "file:line:col: field: what; what would be right".
func (f *Fault) Error() string {
	var b strings.Builder
	switch {
	case f.Env != "":
		b.WriteString(f.Env)
	case f.Line > 0:
		fmt.Fprintf(&b, "%s:%d:%d", f.File, f.Line, f.Column)
	default:
		b.WriteString(f.File)
	}
	if f.Field != "" && f.Env == "" {
		b.WriteString(": " + f.Field)
	}
	b.WriteString(": " + f.Message)
	if f.Want != "" {
		b.WriteString("; " + f.Want)
	}
	return b.String()
}

// Faults is all that is wrong, in order of the file.
type Faults []*Fault

// Error joins the faults, one a line.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// quote shows a value in a message: one line, no control characters, not long.
func quote(v string) string {
	if len(v) > 80 {
		v = strings.ToValidUTF8(v[:80], "") + "..."
	}
	return strconv.Quote(v)
}

// nearest gives the known word that v is most likely a misspelling of, "" if none is near.
func nearest(v string, known []string) string {
	best, at := "", 3
	for _, k := range known {
		if len(k) > 2 && strings.HasPrefix(v, k) {
			return k // warning: warn
		}
		if d := distance(v, k, at); d < at && d*2 <= len(k) {
			best, at = k, d
		}
	}
	return best
}

// distance is Levenshtein's between a and b; not exact once it is at least limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
