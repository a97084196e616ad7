package api

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tollgate/internal/cdr"
	"tollgate/internal/tenant"
)

// cdrs is the operation that gives the records of calls that are over.
func (s *server) cdrs() {
	page := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Page[cdr.CDR]](), true, "")
	text := &huma.Schema{Type: huma.TypeString}
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/cdrs", OperationID: "list-cdrs", Tags: []string{"cdrs"},
		Summary: "List the records of call attempts that are over, in the order in which they were stored, or newest first; as CSV and JSON lines all of them at once",
		Responses: map[string]*huma.Response{"200": {
			Description: "A page; with after its next is always there, to go on from later.",
			Content: map[string]*huma.MediaType{
				"application/json": {Schema: page}, csvType: {Schema: text}, linesType: {Schema: text},
			},
		}},
	}, s.listCDRs)
}

// The media types of a list that is streamed.
const (
	csvType   = "text/csv"
	linesType = "application/jsonl"
)

// cdrInput has listInput's parameters and its own; huma reads no embedded ones that are not exported.
type cdrInput struct {
	Customer int64  `query:"customer" minimum:"1" doc:"Only what belongs to this customer."`
	Company  int64  `query:"company" minimum:"1" doc:"Only what belonged to this company."`
	Q        string `query:"q" maxLength:"200" doc:"Only where a name, address or Call-ID holds this text, in any case, or a number is this one, with + and separators or without."`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" doc:"Items on a page; 100 where absent."`
	Cursor   string `query:"cursor" maxLength:"19" doc:"The next of the page before."`
	After    string `query:"after" maxLength:"19" doc:"Only records with a higher seq: the next of an earlier answer, 0 to begin."`
	Since    string `query:"since" maxLength:"40" doc:"Only what ended then or later: a time, 2026-11-22T20:15:00Z, or how long ago, 1h."`
	Until    string `query:"until" maxLength:"40" doc:"Only what ended before: likewise."`
	Reason   string `query:"reason" maxLength:"64" doc:"Only with this reason, such as firewall; ok where the parties ended it."`
	Status   int    `query:"status" minimum:"100" maximum:"699" doc:"Only with this final status."`
	Verdict  string `query:"verdict" enum:"answered,failed,refused" doc:"Only what was answered; what went on and was not; what Tollgate ended before it was."`
	Newest   bool   `query:"newest" doc:"The latest first; next goes back in time. Not together with after, csv and jsonl."`
	Format   string `query:"format" enum:"json,csv,jsonl" doc:"Instead of Accept. As csv and jsonl there are no pages: all is given, or limit."`
	Accept   string `header:"Accept"`
}

func (s *server) listCDRs(ctx context.Context, in *cdrInput) (*huma.StreamResponse, error) {
	scope, err := s.narrowed(ctx, &listInput{Customer: in.Customer, Company: in.Company})
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	q, err := in.query(time.Now())
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	format := in.format()
	if format != "json" && in.Limit == 0 {
		q.Limit = streamPart
	}
	list, err := cdr.List(ctx, s.store, scope, q)
	if err != nil {
		return nil, s.refused(ctx, err)
	}
	speakCDRs(ctx, list)
	if format == "json" {
		return pageOfCDRs(in, &q, list), nil
	}
	stream := &cdrStream{s: s, scope: scope, query: q, once: in.Limit != 0, csv: format == "csv"}
	if stream.last, err = s.store.LastCDR(ctx); err != nil {
		return nil, s.refused(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) { stream.give(ctx, hc, list) }}, nil
}

// format is the one that is asked for.
func (in *cdrInput) format() string {
	if in.Format != "" {
		return in.Format
	}
	for item := range strings.SplitSeq(in.Accept, ",") {
		media, _, _ := strings.Cut(item, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case csvType:
			return "csv"
		case linesType, "application/x-ndjson":
			return "jsonl"
		}
	}
	return "json"
}

// query is what the store is asked.
func (in *cdrInput) query(now time.Time) (q cdr.Query, err error) {
	q = cdr.Query{Q: in.Q, Reason: in.Reason, Status: in.Status, Verdict: in.Verdict, Limit: cmp.Or(in.Limit, 100), Newest: in.Newest}
	if in.Newest && (in.After != "" || in.format() != "json") {
		return q, &tenant.Fault{Code: tenant.CodeInvalid, Field: "newest", Message: "goes with pages only", Want: "neither after nor format"}
	}
	place := &q.After
	if in.Newest {
		place = &q.Before
	}
	for _, text := range []string{in.After, in.Cursor} {
		if text == "" {
			continue
		}
		if *place, err = strconv.ParseInt(text, 10, 64); err != nil || *place < 0 {
			return q, badCursor()
		}
	}
	if q.Since, err = moment("since", in.Since, now); err != nil {
		return q, err
	}
	q.Until, err = moment("until", in.Until, now)
	return q, err
}

// moment reads a time, or how long ago it is; "" is the zero time.
func moment(field, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, fault := tenant.ParseDuration(text); fault == nil && d >= 0 {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, &tenant.Fault{Code: tenant.CodeInvalid, Field: field, Message: "is no time", Want: "a time such as 2026-11-22T20:15:00Z, or how long ago, such as 1h"}
	}
	return at, nil
}

// pageOfCDRs is one page as JSON.
func pageOfCDRs(in *cdrInput, q *cdr.Query, list []cdr.CDR) *huma.StreamResponse {
	page := Page[cdr.CDR]{Items: present(list)}
	next := q.After
	if len(list) > 0 {
		next = list[len(list)-1].Seq
	}
	if in.After != "" || len(list) == q.Limit {
		page.Next = strconv.FormatInt(next, 10)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/json")
		_ = writeJSON(hc.BodyWriter(), page) // who asked has gone
	}}
}

// streamPart is how many records are read at once for a stream.
const streamPart = 1000

// cdrStream gives all that a query leaves, up to the last record that there was when it began.
type cdrStream struct {
	s     *server
	scope tenant.Scope
	query cdr.Query
	last  int64
	once  bool // one part is all
	csv   bool
}

// give writes the parts, each in its own time; the first is list.
func (c *cdrStream) give(ctx context.Context, hc huma.Context, list []cdr.CDR) {
	_, w := humago.Unwrap(hc)
	control := http.NewResponseController(w)
	media, write := linesType, writeLines
	if c.csv {
		media, write = csvType+"; charset=utf-8", writeCSV
		w.Header().Set("Content-Disposition", `attachment; filename="cdrs.csv"`)
	}
	w.Header().Set("Content-Type", media)
	for first := true; ; first = false {
		_ = control.SetWriteDeadline(time.Now().Add(streamPatience)) // a test's writer has none
		if write(w, list, first) != nil {
			return // who asked has gone
		}
		if c.once || len(list) < streamPart || list[len(list)-1].Seq >= c.last {
			return
		}
		c.query.After = list[len(list)-1].Seq
		var err error
		if list, err = cdr.List(ctx, c.s.store, c.scope, c.query); err != nil {
			c.s.log.Warn("call records broke off", "error", err.Error())
			panic(http.ErrAbortHandler) // so that the client knows that it has not all
		}
		speakCDRs(ctx, list)
	}
}

// streamPatience is how long a client may leave a part unread.
const streamPatience = time.Minute
