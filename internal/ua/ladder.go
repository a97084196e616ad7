package ua

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Outcome says how a probe's call went.
type Outcome string

// The outcomes of a call.
const (
	Answered  Outcome = "answered"  // by a 2xx, whoever ended it then
	Refused   Outcome = "refused"   // by a 3xx to 6xx
	NoAnswer  Outcome = "no answer" // it rang, and we gave up after ProbeConfig.Ring
	Cancelled Outcome = "cancelled" // the probe was told to stop
	Silence   Outcome = "silence"   // nothing came back in 32 s
	Failed    Outcome = "failed"    // the network did
)

// Ladder is what went over the wire in one call, seen from the end that placed it.
// Text that came from outside is escaped: it can go to a terminal.
type Ladder struct {
	URI      string         `json:"uri"`
	From     string         `json:"from"`
	CallID   string         `json:"call_id"`
	Server   netip.AddrPort `json:"server"`
	Local    netip.AddrPort `json:"local"`
	Protocol Proto          `json:"protocol"`
	Start    time.Time      `json:"start"`

	Outcome Outcome `json:"outcome"`
	Status  int     `json:"status"` // of the final answer to the INVITE; 0: there was none
	Reason  string  `json:"reason"`
	EndedBy string  `json:"ended_by"` // "us", "them" or ""
	Error   string  `json:"error,omitempty"`

	TryingMS float64     `json:"trying_ms"` // first answer after the INVITE; 0: none
	RingMS   float64     `json:"ring_ms"`   // first 18x
	AnswerMS float64     `json:"answer_ms"` // final answer
	Media    MediaCounts `json:"media"`

	Steps   []Step `json:"steps"`
	Omitted int    `json:"steps_omitted,omitempty"` // messages beyond the first thousand
}

// Step is one message of a ladder.
type Step struct {
	MS       float64        `json:"ms"` // milliseconds since the INVITE
	Sent     bool           `json:"sent"`
	Peer     netip.AddrPort `json:"peer"`
	Line     string         `json:"line"` // the start line
	Repeated bool           `json:"repeated"`
	Error    string         `json:"error,omitempty"` // why it did not leave, or was ignored
	Message  string         `json:"message"`         // all of it
}

const (
	maxSteps    = 1000
	maxLineText = 200 // bytes of a start line that are shown
)

// note adds a message. One that is byte for byte an earlier one of its direction is
// a repetition.
func (l *Ladder) note(sent bool, peer netip.AddrPort, wire []byte, at time.Time, err error) {
	if l.Start.IsZero() {
		l.Start = at
	}
	if len(l.Steps) >= maxSteps {
		l.Omitted++
		return
	}
	line, _, _ := bytes.Cut(wire, []byte("\r\n"))
	s := Step{
		MS: l.since(at), Sent: sent, Peer: peer,
		Line: printable(string(line[:min(len(line), maxLineText)])), Message: printableLines(string(wire)),
	}
	if err != nil {
		s.Error = printable(err.Error())
	}
	for i := range l.Steps {
		if l.Steps[i].Sent == sent && l.Steps[i].Message == s.Message {
			s.Repeated = true
		}
	}
	l.Steps = append(l.Steps, s)
}

// since gives milliseconds since the INVITE, to the microsecond.
func (l *Ladder) since(at time.Time) float64 {
	return float64(at.Sub(l.Start).Microseconds()) / 1000
}

// String is the ladder as text, without the messages.
func (l *Ladder) String() string {
	var b strings.Builder
	_ = l.WriteText(&b, false)
	return b.String()
}

// WriteText writes the ladder for people: a line for each message, its time in
// milliseconds in front, and under it the whole message where messages is set.
func (l *Ladder) WriteText(w io.Writer, messages bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s -> %s over %s\nfrom %s, Call-ID %s\n\n",
		l.Local, l.Server, l.Protocol, l.From, l.CallID)
	for i := range l.Steps {
		l.Steps[i].write(&b, l.Server, messages)
	}
	if l.Omitted > 0 {
		fmt.Fprintf(&b, "%14s %d more messages\n", "", l.Omitted)
	}
	fmt.Fprintf(&b, "\n%s\n", l.Summary())
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *Step) write(b *strings.Builder, server netip.AddrPort, messages bool) {
	arrow := "<--"
	if s.Sent {
		arrow = "-->"
	}
	fmt.Fprintf(b, "%11.1f ms  %s  %s", s.MS, arrow, s.Line)
	if s.Peer != server {
		fmt.Fprintf(b, "  [%s]", s.Peer)
	}
	if s.Repeated {
		b.WriteString("  (again)")
	}
	switch {
	case s.Error == "":
	case s.Sent:
		fmt.Fprintf(b, "  (not sent: %s)", s.Error)
	default:
		fmt.Fprintf(b, "  (ignored: %s)", s.Error)
	}
	b.WriteByte('\n')
	if !messages {
		return
	}
	for line := range strings.Lines(s.Message) {
		b.WriteString("                      " + strings.TrimRight(line, "\r\n") + "\n")
	}
}

// Summary is the call in one sentence.
func (l *Ladder) Summary() string {
	var b strings.Builder
	b.WriteString(string(l.Outcome))
	if l.Status != 0 {
		fmt.Fprintf(&b, ": %d %s", l.Status, l.Reason)
		fmt.Fprintf(&b, " after %.1f ms", l.AnswerMS)
	}
	if l.RingMS > 0 {
		fmt.Fprintf(&b, ", rang after %.1f ms", l.RingMS)
	}
	if l.EndedBy != "" {
		fmt.Fprintf(&b, ", ended by %s", l.EndedBy)
	}
	if l.Media.Sent+l.Media.Received > 0 {
		fmt.Fprintf(&b, ", RTP packets: %d sent, %d received", l.Media.Sent, l.Media.Received)
	}
	if l.Error != "" {
		b.WriteString("; " + l.Error)
	}
	return b.String()
}

// printable escapes what must not reach a terminal: control characters, bytes that
// are no UTF-8, direction marks, and the backslash itself.
func printable(s string) string { return escape(s, "") }

// printableLines is printable for whole messages: lines stay lines.
func printableLines(s string) string { return escape(s, "\r\n") }

func escape(s, keep string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case unicode.IsPrint(r) && (r != utf8.RuneError || n > 1), strings.ContainsRune(keep, r) && n == 1 && r != utf8.RuneError:
			b.WriteString(s[:n])
		case n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
		s = s[n:]
	}
	return b.String()
}
