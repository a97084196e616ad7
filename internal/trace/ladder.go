package trace

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tollgate/internal/policy"
	"tollgate/sip"
)

// column is how wide a side of the ladder is, in characters.
const column = 48

// Ladder writes a case as text for a terminal: we are in the middle, the caller is on the
// left, times are milliseconds since the first message. What came from the wire is escaped. Notes are
// in a language, in which d already is.
func Ladder(w io.Writer, in policy.Language, d *Decision, m []Message) error {
	l := ladder{d: d, in: in, start: d.At, later: d.Later}
	if len(m) > 0 {
		l.start = m[0].At
	}
	l.head(m)
	for i := range m {
		if i > 0 {
			l.refusals(m[i].At)
		}
		l.message(&m[i], m[:i])
		if i == 0 {
			l.verdict()
		}
	}
	if len(m) == 0 {
		l.verdict()
	}
	l.refusals(time.Time{})
	l.end(m)
	_, err := io.WriteString(w, l.out.String())
	return err
}

// ladder is one that is written.
type ladder struct {
	d     *Decision
	in    policy.Language
	start time.Time
	right netip.AddrPort // whom the head names
	later []Later        // refusals within the call that are to be told yet
	out   strings.Builder
}

func (l *ladder) head(m []Message) {
	d := l.d
	l.right = d.Target
	for i := range m {
		if !l.right.IsValid() && !l.left(&m[i]) {
			l.right = m[i].Remote
		}
	}
	right := ""
	if l.right.IsValid() {
		right = l.right.String()
	}
	l.line("ms", pad(d.Source.String()+" "+safe(d.Transport, 8), column), "Tollgate", right)
}

// line writes a line of three columns: the middle one is us.
func (l *ladder) line(at, left, us, right string) {
	l.out.WriteString(strings.TrimRight(fmt.Sprintf("%12s  %s  %s  %s", at, left, us, right), " ") + "\n")
}

// left says that a message is between us and the caller: by its Call-ID where that tells,
// else by address.
func (l *ladder) left(m *Message) bool {
	if d := l.d; d.FarCallID != "" && d.FarCallID != d.CallID {
		data := bytes.Clone(m.Data) // skimming masks
		if s := skim(data); string(s.callID) == d.FarCallID {
			return false
		}
		return true
	}
	if m.Remote == l.d.Source {
		return true
	}
	return m.Remote != l.d.Target && m.Remote.Addr() == l.d.Source.Addr() && m.Remote.Addr() != l.d.Target.Addr()
}

func (l *ladder) message(m *Message, before []Message) {
	label := startOf(m.Data)
	for i := range before {
		if b := &before[i]; b.In == m.In && b.Remote == m.Remote && bytes.Equal(b.Data, m.Data) {
			label += l.in.Say(" (again)")
			break
		}
	}
	at := fmt.Sprintf("%.3f", float64(m.At.Sub(l.start).Microseconds())/1000)
	left := l.left(m)
	if !left && m.Remote != l.right {
		label += " " + m.Remote.String()
	}
	switch {
	case left && m.In:
		l.line(at, arrow(label, "", ">"), "   |", "")
	case left:
		l.line(at, arrow(label, "<", ""), "   |", "")
	case m.In:
		l.line(at, pad("", column), "   |", arrow(label, "<", ""))
	default:
		l.line(at, pad("", column), "   |", arrow(label, "", ">"))
	}
}

// startOf says what a message is: its method and target, or its status and method.
func startOf(data []byte) string {
	data = bytes.TrimLeft(data, "\r\n")
	end, next := lineAt(data, 0)
	line := data[:end]
	if !hasFold(line, "SIP/2.0 ") {
		if i := bytes.LastIndex(line, []byte(" SIP/")); i > 0 {
			line = line[:i]
		}
		return safe(string(line), column-8)
	}
	label := safe(string(line[len("SIP/2.0 "):]), column-20)
	for pos := next; pos < len(data); pos = next {
		if end, next = lineAt(data, pos); end == pos {
			break
		}
		name, value, ok := bytes.Cut(data[pos:end], []byte{':'})
		if ok && sip.ParseHeaderName(bytes.TrimRight(name, " \t")) == sip.HdrCSeq {
			if f := bytes.Fields(value); len(f) == 2 {
				return label + " (" + safe(string(f[1]), 10) + ")"
			}
			break
		}
	}
	return label
}

// arrow writes a label within an arrow as wide as the column.
func arrow(label, begin, end string) string {
	n := utf8.RuneCountInString(label)
	dashes := strings.Repeat("-", max(column-n-len(begin)-len(end)-2, 2))
	if begin != "" {
		return begin + dashes[:len(dashes)/2] + " " + label + " " + dashes[len(dashes)/2:]
	}
	return dashes[:len(dashes)/2] + " " + label + " " + dashes[len(dashes)/2:] + end
}

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(n-utf8.RuneCountInString(s), 0))
}

// note writes what we have to say.
func (l *ladder) note(p policy.Phrase, args ...any) {
	l.line("", pad("", column), "   *", l.in.Say(p, args...))
}

// refusals writes those within the call that came before a message; the zero time: all that are left.
func (l *ladder) refusals(before time.Time) {
	for len(l.later) > 0 && (before.IsZero() || l.later[0].At.Before(before)) {
		r := &l.later[0]
		l.note("%s refused with %d, %s: %s %s", safe(r.Method, maxText), r.Status, safe(r.Reason, maxText), safe(r.Sentence, maxText), named(r.RuleName))
		l.later = l.later[1:]
	}
}

// verdict writes what was decided.
func (l *ladder) verdict() {
	d, note := l.d, l.note
	if len(d.Passed) > 0 {
		note("passed: %s", safe(strings.Join(d.Passed, ", "), maxText))
	}
	for i := range d.Would {
		note("let pass: %s %s", safe(d.Would[i].Sentence, maxText), named(d.Would[i].RuleName))
	}
	switch {
	case d.Refused && d.Status < 0:
		note("refused without an answer, %s: %s %s", safe(d.Reason, maxText), safe(d.Sentence, maxText), named(d.RuleName))
	case d.Refused:
		note("refused with %d, %s: %s %s", d.Status, safe(d.Reason, maxText), safe(d.Sentence, maxText), named(d.RuleName))
	case d.Destination != "":
		note("goes to %s", safe(d.Destination, maxText))
	default:
		note("goes on")
	}
	if d.Refused && d.Detail != "" {
		l.line("", pad("", column), "   *", safe(d.Detail, maxText))
	}
}

func named(rule string) string {
	if rule == "" {
		return ""
	}
	return "(" + safe(rule, maxText) + ")"
}

// end tells how it ended, and what is not shown.
func (l *ladder) end(m []Message) {
	d := l.d
	if left := d.Messages - len(m); left > 0 {
		l.out.WriteString(l.in.Say("%d more messages are not kept", left) + "\n")
	}
	if d.Refused || d.Ended.IsZero() {
		return
	}
	why, by := "", l.in.Retell(safe(d.EndedBy, maxText))
	if d.Reason != policy.OK.Code() {
		why = ": " + safe(d.Sentence, maxText)
	}
	switch {
	case d.Answered:
		l.out.WriteString(l.in.Say("answered after %.3f s, ended after %.3f s by %s%s", d.Setup, d.Duration, by, why) + "\n")
	case d.EndedBy != "":
		l.out.WriteString(l.in.Say("ended with %d after %.3f s by %s%s", d.Status, d.Setup, by, why) + "\n")
	}
}

// safe is a text that a terminal shows rather than obeys, cut to so many characters.
func safe(s string, most int) string {
	var b strings.Builder
	n := 0
	for i := 0; i < len(s); n++ {
		r, size := utf8.DecodeRuneInString(s[i:])
		if n >= most {
			b.WriteString("...")
			break
		}
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == ' ' || r != utf8.RuneError && unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}
