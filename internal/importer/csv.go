package importer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"

	"tollgate/internal/tenant"
)

// readCSV reads comma-separated values (RFC 4180) under a header; semicolons and tabs separate
// too where the header has more of them. A line that cannot be read is told, and reading goes on after it.
func (r *reading) readCSV(t *table, data []byte, nulls bool) {
	in := csv.NewReader(bytes.NewReader(data))
	in.Comma, in.FieldsPerRecord = separator(data), -1
	in.LazyQuotes = in.Comma == '\t' // what is separated by tabs is seldom quoted
	for first := true; ; first = false {
		fields, err := in.Read()
		var wrong *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return
		case errors.As(err, &wrong):
			if r.misquoted(wrong, first); r.broken {
				return
			}
			continue
		case err != nil:
			r.refuse(place{1, 1}, tenant.CodeInvalid, "", err.Error(), "CSV")
			return
		}
		values := make([]value, len(fields))
		for i, f := range fields {
			line, column := in.FieldPos(i)
			values[i] = value{text: f, at: place{line, column}, null: nulls && (f == `\N` || f == "NULL")}
		}
		if first {
			t.columns = values
			continue
		}
		at := place{values[0].at.line, 1}
		if len(values) == 1 && values[0].text == "" {
			continue // a line of blanks only
		}
		if !r.add(t, record{at, values}) {
			return
		}
	}
}

func (r *reading) misquoted(wrong *csv.ParseError, header bool) {
	at := place{wrong.Line, max(1, wrong.Column)}
	message, want := "a quote in the middle of a value", `the whole value in quotes, and each quote in it twice: "a ""b"" c"`
	if errors.Is(wrong.Err, csv.ErrQuote) {
		message, want = "a quote that is not closed, or text after one", `a quote at the end of the value; a quote within it twice: "a ""b"" c"`
		if wrong.StartLine != wrong.Line {
			at = place{wrong.StartLine, 1} // where the line began that swallowed what follows
		}
	}
	if header {
		r.refuse(at, tenant.CodeInvalid, "", message, want)
		return
	}
	r.lines++
	r.fault(at, tenant.CodeInvalid, "", message, want)
}

// separator is the one that the first line has most of.
func separator(data []byte) rune {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	best, most := ',', bytes.Count(line, []byte(","))
	for _, c := range []rune{';', '\t'} {
		if n := bytes.Count(line, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}
