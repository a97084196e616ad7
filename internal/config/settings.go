package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"tollgate/internal/tenant"
)

// settings is node.yaml: every key, and where it goes.
func settings(n *Node) []setting {
	return []setting{
		{"data_dir", false, path(&n.DataDir)},
		{"database", false, backend(&n.Database, "SQLite in data_dir", "postgres", "postgresql")},
		{"redis", false, backend(&n.Redis, "live state in this process", "redis", "rediss")},
		{"sip.listen", true, listeners(&n.SIP.Listen)},
		{"sip.certificates", true, certificates(&n.SIP.Certificates)},
		{"media.ports", false, ports(&n.Media)},
		{"media.kernel", false, word(&n.Media.Kernel, "auto", "off")},
		{"media.networks", true, networks(&n.Media.Networks)},
		{"http.listen", false, hostPort(&n.HTTP.Listen)},
		{"http.metrics", false, hostPort(&n.HTTP.Metrics)},
		{"http.certificates", true, certificates(&n.HTTP.Certificates)},
		{"http.trusted_proxies", true, prefixes(&n.HTTP.TrustedProxies)},
		{"platform.domain", false, host(&n.Platform.Domain)},
		{"platform.host", false, host(&n.Platform.Host)},
		{"platform.contact", false, line(&n.Platform.Contact)},
		{"limits.calls", false, limit(&n.Limits.Calls)},
		{"limits.cps", false, limit(&n.Limits.CPS)},
		{"never_ban", true, prefixes(&n.NeverBan)},
		{"forbidden_networks", true, forbidden(&n.Forbidden)},
		{"retention.cdrs", false, retention(&n.Retention.CDRs)},
		{"retention.traces", false, retention(&n.Retention.Traces)},
		{"cdr.webhook.url", false, webURL(&n.CDR.Webhook.URL)},
		{"cdr.webhook.secret", false, secret(&n.CDR.Webhook.Secret)},
		{"log.level", false, word(&n.Log.Level, "debug", "info", "warn", "error")},
		{"log.format", false, word(&n.Log.Format, "text", "json")},
	}
}

type read = func(r *reader, field string, v value)

// text gives a scalar's text; a number or true where text is meant wants quotes.
func (r *reader) text(field string, v value) (string, bool) {
	switch v.kind {
	case text:
		return v.text, true
	case number, boolean:
		r.fault(field, v, v.is()+" stands where text is meant", "quote it: "+strconv.Quote(v.text))
	default:
		r.fault(field, v, v.is()+" stands where text is meant", "one value")
	}
	return "", false
}

// list gives the items of a list.
func (r *reader) list(field string, v value) []value {
	if v.kind != list {
		r.fault(field, v, v.is()+" stands where a list is meant", "["+strings.Trim(v.text, "[]")+"], or one item a line, each after a hyphen")
		return nil
	}
	return v.items
}

func index(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

func path(to *string) read {
	return func(r *reader, field string, v value) {
		s, ok := r.text(field, v)
		if ok && (s == "" || strings.ContainsRune(s, 0)) {
			r.fault(field, v, "names no folder", "such as ./data")
			ok = false
		}
		if ok {
			*to = r.resolve(s)
		}
	}
}

// backend is a URL of a service; none but the built-in one is served yet.
func backend(to *string, builtIn string, schemes ...string) read {
	return func(r *reader, field string, v value) {
		s, ok := r.text(field, v)
		if !ok || s == "" {
			return
		}
		u, err := url.Parse(s)
		if err != nil || !slices.Contains(schemes, u.Scheme) || u.Host == "" { // the text may hold a password: it is not shown
			r.fault(field, v, "is not a "+schemes[0]+":// URL", fmt.Sprintf(`%s://host/..., or "" for %s`, schemes[0], builtIn))
			return
		}
		r.fault(field, v, schemes[0]+" is not served yet", `"", which is `+builtIn)
		*to = s
	}
}

func word(to *string, allowed ...string) read {
	return func(r *reader, field string, v value) { r.oneOf(to, field, v, allowed...) }
}

func (r *reader) oneOf(to *string, field string, v value, allowed ...string) {
	s := v.text
	if v.kind == boolean && s == "off" || v.kind == text { // off is true or false to old YAML
		if slices.Contains(allowed, s) {
			*to = s
			return
		}
	}
	want := "one of " + strings.Join(allowed, ", ")
	if near := nearest(s, allowed); near != "" {
		want = "did you mean " + near + "?"
	}
	r.fault(field, v, v.is()+" is not known", want)
}

// whole gives a whole number that is written as people write it.
func (r *reader) whole(field string, v value, want string) (int, bool) {
	if v.kind == text && !v.env {
		r.fault(field, v, v.is()+" stands where a number is meant", want+", without quotes")
		return 0, false
	}
	if v.kind != number && v.kind != text {
		r.fault(field, v, v.is()+" stands where a number is meant", want)
		return 0, false
	}
	if len(v.text) > 1 && v.text[0] == '0' {
		r.fault(field, v, v.text+" begins with 0, which is octal or hexadecimal in YAML", "the number without it")
		return 0, false
	}
	n, err := strconv.Atoi(v.text)
	if err != nil {
		r.fault(field, v, quote(v.text)+" is not a whole number", want)
		return 0, false
	}
	return n, true
}

func limit(to *int) read {
	const want = "0 (unlimited) to 1000000"
	return func(r *reader, field string, v value) {
		n, ok := r.whole(field, v, want)
		if ok && (n < 0 || n > 1_000_000) {
			r.fault(field, v, fmt.Sprintf("%d is out of range", n), want)
			ok = false
		}
		if ok {
			*to = n
		}
	}
}

func retention(to *time.Duration) read {
	const want = "a number and its unit, such as 180d or 12h; 0 keeps for ever"
	return func(r *reader, field string, v value) {
		if v.kind == number && v.text == "0" || v.kind == text && v.text == "0" {
			*to = 0
			return
		}
		if v.kind == number {
			r.fault(field, v, v.is()+" has no unit", want)
			return
		}
		s, ok := r.text(field, v)
		if !ok {
			return
		}
		d, fault := tenant.ParseDuration(s)
		if fault != nil || d <= 0 {
			r.fault(field, v, quote(s)+" is not a time to keep", want)
			return
		}
		*to = d
	}
}

// webURL is http or https; what it was given may hold a password and is not shown.
func webURL(to *string) read {
	const want = `https://host/path, or "" for none`
	return func(r *reader, field string, v value) {
		s, ok := r.text(field, v)
		if !ok || s == "" {
			return
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || tenant.CheckHost(u.Hostname()) != nil {
			r.fault(field, v, "is no URL of a web server", want)
			return
		}
		*to = s
	}
}

// shortestSecret is in bytes; a shorter one can be guessed.
const shortestSecret = 16

// secret is text that is never shown, whatever it is.
func secret(to *string) read {
	const want = "at least 16 characters, such as openssl rand -hex 24 gives"
	return func(r *reader, field string, v value) {
		switch {
		case v.kind == text && v.text == "":
		case v.kind != text && v.kind != number && v.kind != boolean:
			r.fault(field, v, v.is()+" stands where text is meant", want)
		case v.kind != text && !v.env:
			r.fault(field, v, "is no text", "quote it")
		case len(v.text) < shortestSecret:
			r.fault(field, v, "is too short", want)
		default:
			*to = v.text
		}
	}
}

// cutPort separates "host:port", "[v6]:port" and ":port".
func cutPort(s string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(p, 10, 16)
	return host, int(n), err
}

func hostPort(to *string) read {
	const want = `host:port such as 127.0.0.1:8080, or "" for none`
	return func(r *reader, field string, v value) {
		s, ok := r.text(field, v)
		if !ok {
			return
		}
		if s == "" {
			*to = ""
			return
		}
		h, _, err := cutPort(s)
		if err != nil {
			r.fault(field, v, quote(s)+" is not a host and port", want)
			return
		}
		if h != "" {
			if f := tenant.CheckHost(h); f != nil {
				r.fault(field, v, f.Message, want)
				return
			}
		}
		*to = s
	}
}

// line is a short text for people.
func line(to *string) read {
	return func(r *reader, field string, v value) {
		s, ok := r.text(field, v)
		if ok && (len(s) > 300 || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })) {
			r.fault(field, v, "is no short line of plain text", `such as "noc@example.com, +39 040 123456"`)
			return
		}
		if ok {
			*to = s
		}
	}
}

func host(to *string) read {
	return func(r *reader, field string, v value) {
		s, ok := r.text(field, v)
		if !ok || s == "" {
			return
		}
		if f := tenant.CheckHost(s); f != nil {
			r.fault(field, v, f.Message, f.Want)
			return
		}
		*to = tenant.CanonicalHost(s)
	}
}

func prefixes(to *[]netip.Prefix) read {
	return func(r *reader, field string, v value) {
		var out []netip.Prefix
		for i, item := range r.list(field, v) {
			if p, ok := r.prefix(index(field, i), item); ok {
				out = append(out, p)
			}
		}
		*to = out
	}
}

func (r *reader) prefix(field string, v value) (netip.Prefix, bool) {
	s, ok := r.text(field, v)
	if !ok {
		return netip.Prefix{}, false
	}
	if f := tenant.CheckCIDR(s); f != nil {
		r.fault(field, v, f.Message, f.Want)
		return netip.Prefix{}, false
	}
	p, err := netip.ParsePrefix(tenant.CanonicalCIDR(s))
	return p, err == nil
}

func linkLocal() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10")}
}

// forbidden takes the two words own and link-local, loopback and private for convenience, and ranges.
func forbidden(to *Forbidden) read {
	ranges := func(list ...string) (out []netip.Prefix) {
		for _, s := range list {
			out = append(out, netip.MustParsePrefix(s))
		}
		return out
	}
	return func(r *reader, field string, v value) {
		*to = Forbidden{}
		for i, item := range r.list(field, v) {
			switch item.text {
			case "own":
				to.Own = true
			case "link-local":
				to.Prefixes = append(to.Prefixes, linkLocal()...)
			case "loopback":
				to.Prefixes = append(to.Prefixes, ranges("127.0.0.0/8", "::1/128")...)
			case "private":
				to.Prefixes = append(to.Prefixes, ranges("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")...)
			default:
				r.forbiddenRange(to, index(field, i), item)
			}
		}
	}
}

func (r *reader) forbiddenRange(to *Forbidden, field string, v value) {
	const want = "own, link-local, loopback, private or a range such as 192.0.2.0/24"
	s, ok := r.text(field, v)
	if !ok {
		return
	}
	if f := tenant.CheckCIDR(s); f != nil {
		if near := nearest(s, []string{"own", "link-local", "loopback", "private"}); near != "" {
			r.fault(field, v, quote(s)+" is not known", "did you mean "+near+"?")
			return
		}
		r.fault(field, v, f.Message, want)
		return
	}
	if p, err := netip.ParsePrefix(tenant.CanonicalCIDR(s)); err == nil {
		to.Prefixes = append(to.Prefixes, p)
	}
}
