package api

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"tollgate/internal/cdr"
	"tollgate/internal/media"
)

// writeLines writes records as JSON, one a line.
func writeLines(w io.Writer, list []cdr.CDR, _ bool) error {
	out := json.NewEncoder(w) // as in pages: < > & are escaped
	for i := range list {
		if err := out.Encode(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// csvHeader names the columns as JSON names the fields; the last ones are of the first audio stream.
var csvHeader = []string{
	"seq", "id", "company_id", "customer_id", "customer", "direction", "hidden", "call_id", "far_call_id", "from", "to", "uri",
	"source", "source_transport", "destination_id", "destination", "target", "target_transport", "started", "answered", "ended",
	"setup_seconds", "duration_seconds", "status", "reason", "ended_by", "rule_id", "rule", "limit", "counter", "repeated", "ref",
	"switch_id", "switch", "user_id", "user", "called_user_id", "called_user", "sentence",
	"one_way", "caller_codec", "caller_mos", "caller_loss_percent", "caller_jitter_ms", "callee_codec", "callee_mos", "callee_loss_percent", "callee_jitter_ms",
}

// writeCSV writes records as RFC 4180 has it, under a header where they are the first.
func writeCSV(w io.Writer, list []cdr.CDR, first bool) error {
	var out strings.Builder
	if first {
		appendRow(&out, csvHeader)
	}
	for i := range list {
		appendRow(&out, csvRow(&list[i]))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func csvRow(c *cdr.CDR) []string {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	seconds := func(s float64) string { return strconv.FormatFloat(s, 'f', -1, 64) }
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339Nano)
	}
	row := []string{
		number(c.Seq), c.ID, number(int64(c.Company)), number(int64(c.Customer)), c.CustomerName, c.Direction, strconv.FormatBool(c.Hidden),
		c.CallID, c.FarCallID, c.From, c.To, c.URI, c.Source, c.SourceTransport, number(int64(c.DestinationID)), c.Destination,
		c.Target, c.TargetTransport, at(c.Started), at(c.Answered), at(c.Ended), seconds(c.Setup), seconds(c.Duration),
		number(int64(c.Status)), c.Reason, c.EndedBy, number(int64(c.Rule)), c.RuleName, c.Limit, c.Counter, number(int64(c.Repeated)), c.Ref,
		number(int64(c.SwitchID)), c.Switch, number(int64(c.UserID)), c.User, number(int64(c.CalledUserID)), c.CalledUser, c.Sentence,
	}
	return appendSound(row, c)
}

// appendSound appends how both sides were heard: empty cells where nothing is known.
func appendSound(row []string, c *cdr.CDR) []string {
	caller, callee := media.Audio(c.Media)
	if caller == nil {
		return append(row, make([]string, len(csvHeader)-len(row))...)
	}
	row = append(row, strconv.FormatBool(c.OneWay))
	for _, f := range [...]*media.Figures{caller, callee} {
		figure := func(known bool, n float64) string {
			if !known {
				return ""
			}
			return strconv.FormatFloat(n, 'f', -1, 64)
		}
		came := f.Packets > 0
		row = append(row, f.Codec, figure(f.MOS.Average > 0, f.MOS.Average), figure(came, f.LossPercent), figure(came, f.Jitter))
	}
	return row
}

// appendRow quotes every cell, which encoding/csv would not.
func appendRow(out *strings.Builder, cells []string) {
	for i, text := range cells {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('"')
		if formula(text) {
			out.WriteByte('\'')
		}
		out.WriteString(strings.ReplaceAll(text, `"`, `""`))
		out.WriteByte('"')
	}
	out.WriteString("\r\n")
}

// formula says that a spreadsheet might take a cell for something to compute or run; the last
// four are the wide forms, which some take for the narrow ones.
func formula(text string) bool {
	for _, r := range text {
		return strings.ContainsRune("=+-@\t\r\n＝＋－＠", r)
	}
	return false
}
