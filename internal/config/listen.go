package config

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tollgate/internal/tenant"
)

// defaultPort is where a listener's URL names none.
func defaultPort(proto string) string {
	if proto == "tls" {
		return "5061"
	}
	return "5060"
}

// fields reads a mapping whose keys are all in to, each a text.
func (r *reader) fields(field string, v value, to map[string]func(field string, v value), keys ...string) {
	if v.kind != mapping {
		r.fault(field, v, v.is()+" stands where keys are meant", "{"+strings.Join(keys, ": ..., ")+": ...}")
		return
	}
	for _, p := range v.pairs {
		if fn := to[p.key]; fn == nil {
			r.unknown(field, p, keys)
		} else if p.value.kind != absent {
			fn(field+"."+p.key, p.value)
		}
	}
}

func listeners(to *[]Listener) read {
	return func(r *reader, field string, v value) {
		items := r.list(field, v)
		if v.kind == list && len(items) == 0 {
			r.fault(field, v, "lists no address", "at least one, such as udp://0.0.0.0:5060")
		}
		*to = nil
		for i, item := range items {
			l, ok := r.listener(index(field, i), item)
			if !ok {
				continue
			}
			if slices.ContainsFunc(*to, func(o Listener) bool { return o.URL() == l.URL() && l.Addr.Port() != 0 }) {
				r.fault(index(field, i), item, l.URL()+" is listed twice", "each once")
				continue
			}
			*to = append(*to, l)
		}
	}
}

// listener reads "udp://0.0.0.0:5060" or {url, advertise, network}.
func (r *reader) listener(field string, v value) (l Listener, ok bool) {
	if v.kind != mapping {
		return l, r.listenURL(&l, field, v)
	}
	seen := false
	r.fields(field, v, map[string]func(string, value){
		"url":       func(f string, v value) { seen, ok = true, r.listenURL(&l, f, v) },
		"advertise": func(f string, v value) { l.Advertise = r.advertise(f, v) },
		"network":   func(f string, v value) { l.Network = r.name(f, v) },
	}, "url", "advertise", "network")
	if !seen {
		r.fault(field, v, "has no url", "{url: udp://10.0.0.4:5060, advertise: 203.0.113.7, network: outside}")
	}
	return l, ok
}

func (r *reader) listenURL(l *Listener, field string, v value) bool {
	const want = "such as udp://0.0.0.0:5060, tcp://[::]:5060 or tls://0.0.0.0:5061"
	s, ok := r.text(field, v)
	if !ok {
		return false
	}
	bad := func(message, want string) bool {
		r.fault(field, v, message, want)
		return false
	}
	proto, rest, found := strings.Cut(s, "://")
	proto = strings.ToLower(proto)
	switch {
	case !found:
		return bad(quote(s)+" is not a listener", want)
	case proto == "ws" || proto == "wss":
		return bad(proto+" is not served yet", "udp, tcp or tls")
	case proto != "udp" && proto != "tcp" && proto != "tls":
		return bad(quote(proto)+" is no transport", "udp, tcp or tls")
	}
	addr, message := listenAddr(rest, defaultPort(proto))
	if message != "" {
		return bad(message, want)
	}
	l.Proto, l.Addr = proto, addr
	return true
}

// listenAddr reads address and port; the message says what is wrong with them, if anything.
func listenAddr(s, port string) (at netip.AddrPort, message string) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil && (a.Is4() || s[0] == '[') {
		s += ":" + port
	}
	at, err := netip.ParseAddrPort(s)
	if err == nil {
		return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), ""
	}
	host, _, err := cutPort(s)
	switch {
	case strings.ContainsAny(s, "/?#@"):
		return at, "holds more than an address and a port"
	case err != nil:
		return at, quote(s) + " is not an address and a port of 0 to 65535"
	case host == "":
		return at, "names no address; all of them are 0.0.0.0 or [::]"
	}
	return at, quote(host) + " is not an address (a name could lead anywhere)"
}

// advertise reads host or host:port that peers are told.
func (r *reader) advertise(field string, v value) string {
	const want = "the public address or name, with :port where it is another, such as 203.0.113.7"
	s, ok := r.text(field, v)
	if !ok || s == "" {
		return ""
	}
	h := s
	if tenant.CheckHost(s) != nil {
		var err error
		var port int
		if h, port, err = cutPort(s); err != nil || h == "" || port == 0 {
			r.fault(field, v, quote(s)+" is not a host", want)
			return ""
		}
	}
	if f := tenant.CheckHost(h); f != nil {
		r.fault(field, v, f.Message, want)
		return ""
	}
	if a, err := netip.ParseAddr(strings.Trim(h, "[]")); err == nil && a.IsUnspecified() {
		r.fault(field, v, s+" leads nowhere", want)
		return ""
	}
	return s
}

// name reads the name of a network.
func (r *reader) name(field string, v value) string {
	s, ok := r.text(field, v)
	if ok && (len(s) > 64 || strings.ContainsFunc(s, func(c rune) bool {
		return c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})) {
		r.fault(field, v, quote(s)+" is not a name", "letters, digits, - and _, such as outside")
		return ""
	}
	return s
}

func certificates(to *[]Certificate) read {
	return func(r *reader, field string, v value) {
		*to = nil
		for i, item := range r.list(field, v) {
			*to = append(*to, r.certificate(index(field, i), item))
		}
	}
}

// certificate reads {cert, key}, and whether these files are a chain and its key: a node that finds
// out later serves TLS that nobody accepts.
func (r *reader) certificate(field string, v value) (c Certificate) {
	before := len(r.faults)
	pem := map[string][]byte{}
	file := func(to *string) func(string, value) {
		return func(f string, v value) {
			path(to)(r, f, v)
			if *to == "" {
				return
			}
			data, err := readFile(*to)
			if err != nil {
				r.fault(f, v, err.Error(), "a PEM file that this user may read")
			}
			pem[*to] = data
		}
	}
	r.fields(field, v, map[string]func(string, value){"cert": file(&c.Cert), "key": file(&c.Key)}, "cert", "key")
	if len(r.faults) > before {
		return c
	}
	if c.Cert == "" || c.Key == "" {
		r.fault(field, v, "needs a certificate and its key", "{cert: fullchain.pem, key: privkey.pem}")
		return c
	}
	if _, err := tls.X509KeyPair(pem[c.Cert], pem[c.Key]); err != nil {
		r.fault(field, v, fmt.Sprintf("%s and %s: %v", quote(c.Cert), quote(c.Key), err), "a PEM chain that begins with the server's certificate, and that certificate's key")
	}
	return c
}

func networks(to *[]Network) read {
	return func(r *reader, field string, v value) {
		*to = nil
		for i, item := range r.list(field, v) {
			at := index(field, i)
			var n Network
			before := len(r.faults)
			r.fields(at, item, map[string]func(string, value){
				"network":   func(f string, v value) { n.Name = r.name(f, v) },
				"address":   func(f string, v value) { n.Address = r.address(f, v) },
				"advertise": func(f string, v value) { n.Advertise = r.advertise(f, v) },
			}, "network", "address", "advertise")
			switch {
			case len(r.faults) > before:
				continue
			case n.Name == "" || !n.Address.IsValid():
				r.fault(at, item, "needs a network and an address", "{network: outside, address: 10.0.0.4, advertise: 203.0.113.7}")
			case slices.ContainsFunc(*to, func(o Network) bool { return o.Name == n.Name && o.Address.Is4() == n.Address.Is4() }):
				r.fault(at, item, fmt.Sprintf("the network %s is listed twice", quote(n.Name)), "each once, with one IPv4 and one IPv6 address at most")
			default:
				*to = append(*to, n)
			}
		}
	}
}

func (r *reader) address(field string, v value) netip.Addr {
	s, ok := r.text(field, v)
	if !ok {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil || a.IsUnspecified() {
		r.fault(field, v, quote(s)+" is not an address of this machine", "such as 10.0.0.4")
		return netip.Addr{}
	}
	return a.Unmap()
}

func ports(to *Media) read {
	const want = "the first and the last of at least 2 ports above 1023, such as 20000-29999"
	return func(r *reader, field string, v value) {
		s, ok := r.text(field, v)
		if !ok {
			return
		}
		low, high, _ := strings.Cut(s, "-")
		first, errFirst := strconv.ParseUint(strings.TrimSpace(low), 10, 16)
		last, errLast := strconv.ParseUint(strings.TrimSpace(high), 10, 16)
		if errFirst != nil || errLast != nil || first < 1024 || last <= first {
			r.fault(field, v, quote(s)+" is not a range of ports", want)
			return
		}
		to.First, to.Last = int(first), int(last)
	}
}

// judge finds what is wrong between the keys.
func (r *reader) judge(root value) {
	n := r.node
	if hook := n.CDR.Webhook; hook.URL != "" && hook.Secret == "" {
		r.fault("cdr.webhook.secret", at(root, "cdr", "webhook"), "is missing: the receiver could not tell our records from forged ones", "a secret of 16 characters or more")
	}
	if len(n.Media.Networks) == 0 {
		return
	}
	for i, l := range n.SIP.Listen {
		known := slices.ContainsFunc(n.Media.Networks, func(m Network) bool { return m.Name == l.Network })
		if !known {
			r.fault(index("sip.listen", i)+".network", at(root, "sip", "listen"), fmt.Sprintf("the network %s is not in media.networks", quote(l.Network)), "one of "+names(n.Media.Networks))
		}
	}
}

func names(list []Network) string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = n.Name
	}
	return strings.Join(slices.Compact(out), ", ")
}

// at finds where a key stands in the file, as near as it can.
func at(v value, keys ...string) value {
	for _, k := range keys {
		i := slices.IndexFunc(v.pairs, func(p pair) bool { return p.key == k })
		if i < 0 {
			return v
		}
		v = v.pairs[i].value
	}
	return v
}
