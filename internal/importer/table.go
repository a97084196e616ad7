package importer

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
)

// table is a file as it was read: lines of named columns.
type table struct {
	columns []value
	records []record
	index   map[string]int
}

// record is one line of a table.
type record struct {
	at     place
	values []value
}

// value is one cell.
type value struct {
	text string
	null bool
	at   place
}

// reading gathers what is wrong with one file.
type reading struct {
	file    string
	into    target
	faults  tenantfile.Faults
	notes   tenantfile.Faults
	lines   int // that were seen, whatever they are
	toldMD5 bool
	broken  bool // nothing of the file can be taken
}

func (r *reading) fault(at place, code tenant.Code, field, message, want string) {
	r.faults = append(r.faults, &tenantfile.Fault{File: r.file, Line: at.line, Column: at.column, Code: code, Field: field, Message: message, Want: want})
}

func (r *reading) note(at place, field, message, want string) {
	r.notes = append(r.notes, &tenantfile.Fault{File: r.file, Line: at.line, Column: at.column, Code: tenant.CodeUnsupported, Field: field, Message: message, Want: want})
}

// refuse is a fault after which nothing of the file is taken, whatever the source allows.
func (r *reading) refuse(at place, code tenant.Code, field, message, want string) {
	r.fault(at, code, field, message, want)
	r.broken = true
}

// table reads CSV or an SQL dump; nil after a fault that leaves nothing to read.
func (r *reading) table(p *preset, data []byte) *table {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	first := place{1, 1}
	switch {
	case len(data) > SizeLimit:
		r.refuse(first, tenant.CodeOutOfRange, "", fmt.Sprintf("the file has %d bytes", len(data)), fmt.Sprintf("at most %d; split it", SizeLimit))
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		r.refuse(first, tenant.CodeInvalid, "", "is UTF-16", "the same file saved as UTF-8")
	case bytes.IndexByte(data, 0) >= 0:
		at := bytes.IndexByte(data, 0)
		r.refuse(placeIn(data, at), tenant.CodeInvalid, "", "holds a NUL byte, so it is no text", "plain text, saved as UTF-8")
	case len(bytes.TrimSpace(data)) == 0:
		r.refuse(first, tenant.CodeRequired, "", "the file is empty", p.wants())
	}
	if r.broken {
		return nil
	}
	t := &table{}
	if p.sql != "" && isSQL(data) {
		r.readSQL(t, p, string(data))
	} else {
		r.readCSV(t, data, p.foreign())
	}
	if r.broken || !r.header(t, p) {
		return nil
	}
	t.records = slices.DeleteFunc(t.records, func(rec record) bool { return !r.sound(t, &rec) })
	return t
}

// placeIn gives the place of a byte.
func placeIn(data []byte, at int) place {
	before := data[:at]
	return place{bytes.Count(before, []byte("\n")) + 1, at - bytes.LastIndexByte(before, '\n')}
}

// header judges the names of the columns, and finds them by name from then on.
func (r *reading) header(t *table, p *preset) bool {
	t.index = make(map[string]int, len(t.columns))
	if len(t.columns) > columnLimit {
		r.refuse(place{1, 1}, tenant.CodeOutOfRange, "", fmt.Sprintf("has %d columns", len(t.columns)), p.wants())
		return false
	}
	for i := range t.columns {
		c := &t.columns[i]
		name := strings.ToLower(strings.TrimSpace(c.text))
		if _, twice := t.index[name]; twice {
			r.refuse(c.at, tenant.CodeInUse, "", "the column "+shown(c.text)+" is there twice", "each once")
		}
		if !p.knows(name) && !p.foreign() {
			r.refuse(c.at, tenant.CodeUnknown, "", "there is no column "+shown(c.text), p.wants())
		}
		c.text, t.index[name] = name, i
	}
	for _, name := range p.needs {
		if _, there := t.index[name]; !there && !r.broken {
			r.refuse(place{1, 1}, tenant.CodeRequired, "", "there is no column "+name, p.wants())
		}
	}
	return !r.broken
}

// sound says whether a line has as many values as there are columns, all of them text.
func (r *reading) sound(t *table, rec *record) bool {
	if len(rec.values) != len(t.columns) {
		r.fault(rec.at, tenant.CodeInvalid, "", fmt.Sprintf("has %d values", len(rec.values)), fmt.Sprintf("%d, one for each column; quote a value that holds the separator", len(t.columns)))
		return false
	}
	ok := true
	for i, v := range rec.values {
		if !utf8.ValidString(v.text) {
			r.fault(v.at, tenant.CodeInvalid, t.columns[i].text, "is not UTF-8", "the same file saved as UTF-8")
			ok = false
		}
	}
	return ok
}

// get gives a record's value of a column, without the blanks around it; "" where there is none.
func (t *table) get(rec *record, column string) value {
	i, there := t.index[column]
	if !there {
		return value{at: rec.at}
	}
	v := rec.values[i]
	if v.null {
		v.text = ""
	}
	v.text = strings.TrimSpace(v.text)
	return v
}

// raw is get for passwords, whose blanks count.
func (t *table) raw(rec *record, column string) value {
	i, there := t.index[column]
	if !there || rec.values[i].null {
		return value{at: rec.at}
	}
	return rec.values[i]
}

// ignored lists the columns that are not read although they hold something.
func (r *reading) ignored(t *table, p *preset) []string {
	var out []string
	for i, c := range t.columns {
		if p.knows(c.text) || slices.Contains(p.passed, c.text) {
			continue
		}
		if slices.ContainsFunc(t.records, func(rec record) bool { return !rec.values[i].null && rec.values[i].text != "" }) {
			out = append(out, c.text)
		}
	}
	return out
}

// add keeps a record; false once there are too many.
func (r *reading) add(t *table, rec record) bool {
	r.lines++
	if len(t.records) == recordLimit {
		r.refuse(rec.at, tenant.CodeOutOfRange, "", fmt.Sprintf("has more than %d lines", recordLimit), "several files")
		return false
	}
	t.records = append(t.records, rec)
	return true
}
