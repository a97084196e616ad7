package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/cdr"
	"tollgate/internal/policy"
	"tollgate/internal/trace"
)

// accepted is the language in which a client wants to read why something was refused: of those that
// sentences exist in the one that Accept-Language (RFC 9110 12.5.4) likes best, else English.
func accepted(h http.Header) policy.Language {
	best, weight := policy.English, 0.0
	for item := range strings.SplitSeq(h.Get("Accept-Language"), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(item), ";")
		q := 1.0
		if text, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(text, 64); err != nil || q > 1 {
				continue
			}
		}
		of := policy.English
		switch tag, _, _ := strings.Cut(strings.ToLower(name), "-"); tag {
		case "it":
			of = policy.Italian
		case "en", "*":
		default:
			continue
		}
		if q > weight {
			best, weight = of, q
		}
	}
	return best
}

// languageOf is the one of a request.
func languageOf(ctx context.Context) policy.Language {
	l, _ := ctx.Value(languageKey).(policy.Language)
	return l
}

// sentenceIn gives the sentence of a reason's code in the request's language; text, which is English,
// where it is none that is known now.
func sentenceIn(ctx context.Context, code, text string) string {
	l := languageOf(ctx)
	if l == policy.English {
		return text
	}
	if r, ok := policy.ReasonOf(code); ok {
		return r.In(l)
	}
	return text
}

// speak has a decision say what led to it in the request's language.
func speak(ctx context.Context, d *trace.Decision) {
	l := languageOf(ctx)
	d.Sentence = sentenceIn(ctx, d.Reason, d.Sentence)
	d.Detail, d.Counter, d.Limit = l.Retell(d.Detail), l.Retell(d.Counter), trace.LimitIn(l, d.Limit)
	for i := range d.Would {
		w := &d.Would[i]
		w.Sentence = sentenceIn(ctx, w.Reason, w.Sentence)
	}
	for i := range d.Later {
		r := &d.Later[i]
		r.Sentence = sentenceIn(ctx, r.Reason, r.Sentence)
	}
}

// speakCDRs has call records say theirs.
func speakCDRs(ctx context.Context, list []cdr.CDR) {
	l := languageOf(ctx)
	for i := range list {
		c := &list[i]
		c.Sentence = sentenceIn(ctx, c.Reason, c.Sentence)
		c.Counter, c.Limit = l.Retell(c.Counter), trace.LimitIn(l, c.Limit)
	}
}

// nothingChanged follows the first fault of many things at once.
const nothingChanged policy.Phrase = "; nothing was changed"

// retold is a huma.Transformer: it has a problem say what is wrong in the request's language. The
// noun and field before it stay as files and programs name them.
func retold(ctx huma.Context, _ string, body any) (any, error) {
	err, failed := body.(error)
	var p *Problem
	if l := languageOf(ctx.Context()); failed && l != policy.English && errors.As(err, &p) {
		return p.in(l), nil
	}
	return body, nil
}

// in gives a problem in a language, all of whose texts were written in English.
func (p *Problem) in(l policy.Language) *Problem {
	q := *p
	q.Detail, q.Errors = l.Fault(p.Detail), slices.Clone(p.Errors)
	for i := range q.Errors {
		f := &q.Errors[i]
		f.Message, f.Want = l.Fault(f.Message), l.Fault(f.Want)
	}
	if len(p.Errors) == 0 {
		return &q
	}
	if before, after, found := strings.Cut(p.Detail, p.Errors[0].text()); found {
		rest, none := strings.CutPrefix(after, string(nothingChanged))
		q.Detail = before + q.Errors[0].text()
		if none {
			q.Detail += l.Say(nothingChanged)
		}
		q.Detail += l.Fault(rest)
	}
	return &q
}
