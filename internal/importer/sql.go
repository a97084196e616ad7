package importer

import (
	"bytes"
	"slices"
	"strings"

	"tollgate/internal/tenant"
)

// What begins an SQL dump rather than the header of a CSV file.
var sqlBegins = []string{"--", "/*", "#", "\\", "create ", "insert ", "drop ", "set ", "pragma ", "begin", "use ", "lock ", "copy ", "replace ", "start "}

// isSQL says whether a file is an SQL dump: of mysqldump, pg_dump or SQLite's .dump.
func isSQL(data []byte) bool {
	head := strings.ToLower(string(bytes.TrimSpace(data[:min(len(data), 4096)])))
	return slices.ContainsFunc(sqlBegins, func(s string) bool { return strings.HasPrefix(head, s) })
}

// readSQL reads what a dump puts into the preset's table: INSERT and REPLACE with their values, and
// COPY ... FROM stdin. Everything else is passed over; nothing of it is run.
func (r *reading) readSQL(t *table, p *preset, text string) {
	d := &dump{r: r, t: t, p: p, lex: lexer{text: text, line: 1}, columns: map[string][]value{}}
	head := strings.ToLower(text[:min(len(text), 4096)])
	// MySQL's strings have escapes by backslash; those of standard SQL have none.
	d.lex.escapes = strings.Contains(head, "mysql dump") || strings.Contains(head, "mariadb dump") || strings.Contains(head, "`")
	for more := true; more && !r.broken; {
		more = d.statement()
	}
	if !r.broken && t.columns == nil {
		r.refuse(place{1, 1}, tenant.CodeRequired, "", "nothing in this dump puts anything into the table "+p.sql, p.wants())
	}
}

// dump reads one SQL dump.
type dump struct {
	r       *reading
	t       *table
	p       *preset
	lex     lexer
	columns map[string][]value // of each table whose CREATE TABLE was seen
}

// statement reads one statement; false at the end.
func (d *dump) statement() bool {
	tok := d.lex.next()
	switch strings.ToLower(tok.text) {
	case "":
		if tok.kind == tokenEnd {
			return false
		}
	case "create":
		if strings.EqualFold(d.lex.next().text, "table") {
			d.create()
		}
	case "insert", "replace":
		return d.insert()
	case "copy":
		return d.copy()
	}
	d.lex.rest()
	return true
}

// tableName reads a name, perhaps with that of its database or schema before it, and gives the
// last part and what follows.
func (d *dump) tableName(tok tokenOf) (name string, next tokenOf) {
	for {
		name = strings.ToLower(tok.text)
		next = d.lex.next()
		if next.kind != tokenMark || next.text != "." {
			return name, next
		}
		tok = d.lex.next()
	}
}

// create notes the columns of a table in their order.
func (d *dump) create() {
	tok := d.lex.next()
	for strings.EqualFold(tok.text, "if") || strings.EqualFold(tok.text, "not") || strings.EqualFold(tok.text, "exists") {
		tok = d.lex.next()
	}
	name, tok := d.tableName(tok)
	if tok.text != "(" || tok.kind != tokenMark || name != d.p.sql {
		return
	}
	var columns []value
	depth, begins := 1, true
	for depth > 0 {
		tok = d.lex.next()
		switch {
		case tok.kind == tokenEnd:
			return
		case tok.kind == tokenMark && tok.text == "(":
			depth++
		case tok.kind == tokenMark && tok.text == ")":
			depth--
		case tok.kind == tokenMark && tok.text == "," && depth == 1:
			begins = true
			continue
		case begins && depth == 1 && (tok.kind == tokenName || !constraint(tok.text)):
			columns = append(columns, value{text: tok.text, at: tok.at})
		}
		begins = false
	}
	d.columns[name] = columns
}

// constraint says whether a part of CREATE TABLE is no column.
func constraint(word string) bool {
	return slices.Contains([]string{"primary", "key", "unique", "constraint", "index", "fulltext", "spatial", "check", "foreign", "exclude", "like"}, strings.ToLower(word))
}

// insert reads INSERT [IGNORE] INTO table [(columns)] VALUES (...), (...); false at the end or where nothing more can be read.
func (d *dump) insert() bool {
	tok := d.lex.next()
	for tok.kind == tokenWord && !strings.EqualFold(tok.text, "into") {
		tok = d.lex.next()
	}
	name, tok := d.tableName(d.lex.next())
	if name != d.p.sql {
		d.lex.rest()
		return true
	}
	columns := d.columns[name]
	if tok.kind == tokenMark && tok.text == "(" {
		columns = d.list()
		tok = d.lex.next()
	}
	if !strings.EqualFold(tok.text, "values") {
		d.r.refuse(tok.at, tenant.CodeInvalid, "", "an INSERT whose values cannot be read", "INSERT INTO "+name+" (columns) VALUES (...)")
		return false
	}
	if !d.takes(columns, tok.at) {
		return false
	}
	for {
		open := d.lex.next()
		if open.kind != tokenMark || open.text != "(" {
			d.r.refuse(open.at, tenant.CodeInvalid, "", "not the values of a line", "(...), with a comma between lines and ; after the last")
			return false
		}
		if !d.r.add(d.t, record{open.at, d.list()}) {
			return false
		}
		switch next := d.lex.next(); {
		case next.kind == tokenMark && next.text == ",":
		case next.kind == tokenEnd, next.kind == tokenMark && next.text == ";":
			return true
		default: // ON CONFLICT and the like
			d.lex.rest()
			return true
		}
	}
}

// takes settles the columns of the table: those of the first statement, which all others must have too.
func (d *dump) takes(columns []value, at place) bool {
	if len(columns) == 0 {
		d.r.refuse(at, tenant.CodeRequired, "", "neither a CREATE TABLE nor this statement names the columns",
			"a dump with the table's definition, or with column names (mysqldump --complete-insert, pg_dump --column-inserts)")
		return false
	}
	if d.t.columns == nil {
		d.t.columns = slices.Clone(columns)
		return true
	}
	if !slices.EqualFunc(d.t.columns, columns, func(a, b value) bool { return strings.EqualFold(a.text, b.text) }) {
		d.r.refuse(at, tenant.CodeConflict, "", "names other columns than the statements before", "the same columns in the whole file")
		return false
	}
	return true
}

// list reads values up to the closing parenthesis.
func (d *dump) list() []value {
	var out []value
	depth, taken := 1, false
	for {
		tok := d.lex.next()
		switch {
		case tok.kind == tokenEnd:
			d.r.refuse(tok.at, tenant.CodeInvalid, "", "the file ends within a statement, or a quote is not closed", "the whole dump")
			return out
		case tok.kind == tokenMark && tok.text == "(":
			depth++
		case tok.kind == tokenMark && tok.text == ")":
			if depth--; depth == 0 {
				return out
			}
		case tok.kind == tokenMark && tok.text == ",":
			taken = taken && depth > 1
			continue
		case tok.kind == tokenMark && tok.text == ":" || depth > 1:
			// ::text and the like change nothing that is read here
		case taken && tok.kind == tokenString && strings.HasPrefix(out[len(out)-1].text, "_"):
			out[len(out)-1] = value{text: tok.text, at: tok.at} // _binary 'x', _utf8mb4'x'
		case !taken:
			out = append(out, value{text: tok.text, at: tok.at, null: tok.kind == tokenWord && strings.EqualFold(tok.text, "null")})
			taken = true
		}
	}
}

// copy reads COPY table (columns) FROM stdin; and its lines, up to \. alone.
func (d *dump) copy() bool {
	name, tok := d.tableName(d.lex.next())
	var columns []value
	if tok.kind == tokenMark && tok.text == "(" {
		columns = d.list()
	}
	d.lex.rest()
	d.lex.restOfLine()
	mine := name == d.p.sql
	if mine && !d.takes(columns, tok.at) {
		return false
	}
	for {
		at, line, ok := d.lex.wholeLine()
		switch {
		case !ok && mine:
			d.r.refuse(at, tenant.CodeInvalid, "", `the file ends within COPY`, `the whole dump, with \. after the last line`)
			return false
		case !ok:
			return false
		case line == `\.`:
			return true
		case mine && !d.r.add(d.t, record{at, copied(at, line)}):
			return false
		}
	}
}

// copied takes a line of COPY apart: tabs between values, \N for none, escapes by backslash.
func copied(at place, line string) []value {
	var out []value
	for {
		field, after, more := strings.Cut(line, "\t")
		out = append(out, value{text: unescaped(field), null: field == `\N`, at: at})
		if !more {
			return out
		}
		at.column += len(field) + 1
		line = after
	}
}

func unescaped(v string) string {
	if !strings.Contains(v, `\`) {
		return v
	}
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] != '\\' || i+1 == len(v) {
			b.WriteByte(v[i])
			continue
		}
		i++
		b.WriteByte(escaped(v[i]))
	}
	return b.String()
}

// escaped gives what a letter after a backslash stands for.
func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'v':
		return '\v'
	case '0':
		return 0
	case 'Z':
		return 0x1a
	}
	return c
}

// The kinds of tokens.
const (
	tokenEnd    = iota
	tokenWord   // a keyword, a number, a name without quotes
	tokenName   // a name in quotes or backquotes
	tokenString // text
	tokenMark   // one character
)

type tokenOf struct {
	kind int
	text string
	at   place
}

// lexer takes SQL apart; at its end, and where a quote is not closed, it gives tokenEnd.
type lexer struct {
	text       string
	pos        int
	line, from int  // the line and where it begins
	escapes    bool // a backslash escapes in strings
	ended      bool // the last token ended a statement
}

func (l *lexer) here() place { return place{l.line, l.pos - l.from + 1} }

// step passes over n bytes and counts lines.
func (l *lexer) step(n int) {
	for _, c := range []byte(l.text[l.pos : l.pos+n]) {
		l.pos++
		if c == '\n' {
			l.line, l.from = l.line+1, l.pos
		}
	}
}

func (l *lexer) left() string { return l.text[l.pos:] }

// blank passes over white space and comments.
func (l *lexer) blank() {
	for l.pos < len(l.text) {
		left := l.left()
		switch {
		case strings.IndexByte(" \t\r\n\f", left[0]) >= 0:
			l.step(1)
		case strings.HasPrefix(left, "--"), left[0] == '#', left[0] == '\\': // and psql's own commands
			l.step(lengthTo(left, "\n"))
		case strings.HasPrefix(left, "/*"):
			l.step(lengthTo(left, "*/"))
		default:
			return
		}
	}
}

// lengthTo is how much of text there is up to and with end, all of it where there is no end.
func lengthTo(text, end string) int {
	if i := strings.Index(text, end); i >= 0 {
		return i + len(end)
	}
	return len(text)
}

func (l *lexer) next() tokenOf {
	tok := l.token()
	l.ended = tok.kind == tokenEnd || tok.kind == tokenMark && tok.text == ";"
	return tok
}

func (l *lexer) token() tokenOf {
	l.blank()
	at := l.here()
	if l.pos == len(l.text) {
		return tokenOf{tokenEnd, "", at}
	}
	c := l.text[l.pos]
	switch {
	case c == '\'':
		return l.quoted(tokenString, at)
	case c == '"' && l.escapes: // MySQL takes both for text
		return l.quoted(tokenString, at)
	case c == '"', c == '`':
		return l.quoted(tokenName, at)
	case (c|0x20) == 'e' && strings.HasPrefix(l.text[l.pos+1:], "'"): // E'...' of PostgreSQL
		l.step(1)
		was := l.escapes
		l.escapes = true
		tok := l.quoted(tokenString, at)
		l.escapes = was
		return tok
	}
	n := 0
	for n < len(l.left()) && inWord(l.left()[n]) {
		n++
	}
	kind := tokenWord
	if n == 0 {
		n, kind = 1, tokenMark
	}
	text := l.left()[:n]
	l.step(n)
	return tokenOf{kind, text, at}
}

func inWord(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c == '-' || c == '+' || c >= 0x80 || c == '@'
}

// quoted reads up to the closing quote; a quote that is doubled is one.
func (l *lexer) quoted(kind int, at place) tokenOf {
	quote := l.text[l.pos]
	var b strings.Builder
	for i := l.pos + 1; i < len(l.text); i++ {
		c := l.text[i]
		switch {
		case c == '\\' && l.escapes && quote != '`' && i+1 < len(l.text):
			i++
			b.WriteByte(escaped(l.text[i]))
		case c == quote && i+1 < len(l.text) && l.text[i+1] == quote:
			i++
			b.WriteByte(quote)
		case c == quote:
			l.step(i + 1 - l.pos)
			return tokenOf{kind, b.String(), at}
		default:
			b.WriteByte(c)
		}
	}
	l.step(len(l.text) - l.pos)
	return tokenOf{tokenEnd, "", at}
}

// rest passes over the rest of a statement.
func (l *lexer) rest() {
	for !l.ended {
		l.next()
	}
}

// restOfLine passes over the rest of a line.
func (l *lexer) restOfLine() { l.step(lengthTo(l.left(), "\n")) }

// wholeLine gives the next line without its end; ok is false after the last.
func (l *lexer) wholeLine() (at place, line string, ok bool) {
	at = l.here()
	if l.pos == len(l.text) {
		return at, "", false
	}
	n := lengthTo(l.left(), "\n")
	line = strings.TrimRight(l.left()[:n], "\r\n")
	l.step(n)
	return at, line, true
}
