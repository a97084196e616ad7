package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// Problem is an error as RFC 9457 has it. Errors lists each thing that is wrong; none of them
// repeats a body or a secret.
type Problem struct {
	Type   string  `json:"type" example:"about:blank"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail"`
	Errors []Fault `json:"errors,omitempty"`
}

// Fault is one thing that is wrong: where, what, and what would be right.
type Fault struct {
	Code    tenant.Code `json:"code"`
	Field   string      `json:"field,omitempty"` // a.b[2].c of the body, or a parameter
	Message string      `json:"message"`
	Want    string      `json:"want,omitempty"`
	Noun    tenant.Kind `json:"noun,omitempty"`
	Name    string      `json:"name,omitempty"`
	ID      int64       `json:"id,omitempty" doc:"Of many at once: which one."`
	File    string      `json:"file,omitempty"` // of a file that was applied
	Line    int         `json:"line,omitempty"`
	Column  int         `json:"column,omitempty"`

	Offset     *int `json:"offset,omitempty" doc:"Byte of a regex at which the fault is, from 0."`
	OffsetChar *int `json:"offset_char,omitempty" doc:"The same in characters."`
}

// Error gives the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

const internalFault = "a fault of Tollgate's own; the node's log says more"

func problem(status int, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// writeProblem is for what huma has no part in.
func writeProblem(w http.ResponseWriter, err error) {
	var p *Problem
	if !errors.As(err, &p) {
		p = problem(http.StatusInternalServerError, internalFault)
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// newError is huma.NewError. Huma's details carry the rejected value, a whole body at times, and
// some of its messages quote it: only what says where, and messages without values, go on.
func newError(status int, message string, errs ...error) huma.StatusError {
	p := problem(status, message)
	switch {
	case status == http.StatusUnsupportedMediaType:
		p.Detail = "the body's Content-Type is not served; send application/json"
	case status == http.StatusNotAcceptable:
		p.Detail = "only application/json is served"
	case status == http.StatusRequestEntityTooLarge:
		p.Detail = "the body is too large"
	case status >= http.StatusInternalServerError:
		p.Detail = internalFault
		return p
	}
	for _, err := range errs {
		if err == nil {
			continue
		}
		var d huma.ErrorDetailer
		if !errors.As(err, &d) {
			continue
		}
		p.Errors = append(p.Errors, faultOf(d.ErrorDetail()))
	}
	if len(p.Errors) > 0 && strings.HasPrefix(message, "validation failed") {
		p.Detail = p.Errors[0].line()
	}
	return p
}

// faultOf turns huma's detail into a fault.
func faultOf(d *huma.ErrorDetail) Fault {
	field := d.Location
	for _, prefix := range []string{"body.", "query.", "path.", "header."} {
		field = strings.TrimPrefix(field, prefix)
	}
	f := Fault{Code: tenant.CodeInvalid, Field: field, Message: "is not valid"}
	switch m := d.Message; {
	case m == "unexpected property", m == "unknown query parameter":
		f.Code, f.Message, f.Want = tenant.CodeUnknown, "is not known", "a field of /api/openapi.json"
	case strings.HasPrefix(m, "expected required property "): // the property is the schema's, not the sender's
		name := strings.TrimSuffix(strings.TrimPrefix(m, "expected required property "), " to be present")
		f.Code, f.Field, f.Message = tenant.CodeRequired, strings.TrimPrefix(field+"."+name, "body."), "is missing"
	case strings.HasPrefix(m, "required "):
		f.Code, f.Message = tenant.CodeRequired, "is missing"
	case strings.HasPrefix(m, "expected "):
		f.Message, f.Want = "is not of the right kind", strings.TrimPrefix(m, "expected ")
	case m == "invalid integer":
		f.Message, f.Want = "is not a whole number", "a whole number"
	case field == "body":
		f.Field, f.Message, f.Want = "", "the body is not JSON", "one JSON object"
	}
	return f
}

// line is the fault in one line.
func (f Fault) line() string {
	if f.Field != "" {
		return f.Field + ": " + f.text()
	}
	return f.text()
}

// text is the same without the field.
func (f Fault) text() string {
	if f.Want != "" {
		return f.Message + "; " + f.Want
	}
	return f.Message
}

// refused turns an error of the store or of a noun into a problem. It is the one place
// where errors become an HTTP status.
func (s *server) refused(ctx context.Context, err error) error {
	var p *Problem
	var broken *store.Broken
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return p
	case tenant.FaultsOf(err) != nil:
		return faultsProblem(tenant.FaultsOf(err))
	case ctx.Err() != nil:
		return problem(http.StatusServiceUnavailable, "the request was given up")
	case errors.As(err, &broken):
		s.log.Error("database", "error", err.Error())
		if principalOf(ctx).Role == tenant.RolePlatform { // it names folders
			return problem(http.StatusServiceUnavailable, broken.Message)
		}
		return problem(http.StatusServiceUnavailable, "the database cannot be used at the moment; the platform's operator has to look")
	}
	s.log.Error("API", "error", err.Error())
	return problem(http.StatusInternalServerError, internalFault)
}

func faultsProblem(faults tenant.Faults) *Problem {
	status := 0
	for _, f := range faults {
		status = weightier(status, statusOf(f.Code))
	}
	p := problem(status, firstOf(faults[0].Error(), len(faults)))
	for _, f := range faults {
		p.Errors = append(p.Errors, Fault{Code: f.Code, Field: f.Field, Message: f.Message, Want: f.Want, Noun: f.Noun, Name: f.Name})
	}
	return p
}

// firstOf tells the first of n faults.
func firstOf(line string, n int) string {
	if n > 1 {
		line += fmt.Sprintf(" (and %d more)", n-1)
	}
	return line
}

// statusOf is the HTTP status of a code.
func statusOf(c tenant.Code) int {
	switch c {
	case tenant.CodeNotFound:
		return http.StatusNotFound
	case tenant.CodeForbidden:
		return http.StatusForbidden
	case tenant.CodeInUse, tenant.CodeDuplicate, tenant.CodeReferenced, tenant.CodeChanged, tenant.CodeLastAdmin:
		return http.StatusConflict
	}
	return http.StatusUnprocessableEntity
}

// weightier is the status that says more about the whole: what is not there, then what is not
// allowed, then a body that is wrong in itself, then a clash.
func weightier(a, b int) int {
	for _, status := range []int{http.StatusNotFound, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusConflict} {
		if a == status || b == status {
			return status
		}
	}
	return b
}
