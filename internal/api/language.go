package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

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
