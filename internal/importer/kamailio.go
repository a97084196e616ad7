package importer

import (
	"cmp"
	"crypto/md5" //nolint:gosec // what Kamailio stores
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
)

// kamailioSubscriber is the table of Kamailio's auth_db: users, with a password or its hash.
func kamailioSubscriber() *preset {
	return &preset{
		list: "sip_users", sql: "subscriber", needs: []string{"username"}, passed: []string{"id"},
		columns: []column{{name: "username"}, {name: "domain"}, {name: "password"}, {name: "ha1"}, {name: "ha1b"}},
		convert: func(r *reading, t *table) (out []row) {
			for i := range t.records {
				rec := &t.records[i]
				b := newBuilder(r, rec)
				b.subscriber(t, rec)
				out = b.done(out)
			}
			return out
		},
	}
}

func (b *builder) subscriber(t *table, rec *record) {
	name, domain := t.get(rec, "username"), t.get(rec, "domain")
	password, ha1, ha1b := t.raw(rec, "password"), t.get(rec, "ha1"), t.get(rec, "ha1b")
	if name.text == "" {
		b.r.fault(name.at, tenant.CodeRequired, "username", "is missing", "a user name")
		return
	}
	b.text("username", name)
	if domain.text != "" && !b.ours(domain) {
		return
	}
	switch {
	case password.text != "":
		if ha1.text != "" && domain.text != "" && !hashes(ha1.text, name.text, domain.text, password.text) {
			b.r.fault(ha1.at, tenant.CodeConflict, "password", "ha1 is no hash of the password beside it", "only that of the two which phones use; the other one empty")
			return
		}
		b.password(password)
	case ha1.text != "" && domain.text == "":
		b.r.fault(ha1.at, tenant.CodeRequired, "password", "ha1 without a domain: nobody knows with which realm it was made", "the realm as domain, or the password")
	case ha1.text != "":
		b.ha1(ha1, domain.text) // as it was hashed, case and all
	case ha1b.text != "":
		b.r.fault(ha1b.at, tenant.CodeUnsupported, "password", "ha1b is the hash for phones that send user@domain as their name, which Tollgate does not ask for", "ha1, or the password")
	}
}

// hashes says whether ha1 may be the hash of a password; one that is not MD5 is not looked at.
func hashes(ha1, username, realm, password string) bool {
	if len(ha1) != 2*md5.Size {
		return true
	}
	sum := md5.Sum([]byte(username + ":" + realm + ":" + password)) //nolint:gosec // see the import
	return strings.EqualFold(hex.EncodeToString(sum[:]), ha1)
}

// kamailioAddress is the table of Kamailio's permissions: who is let in by address. Lines with
// the same group and tag are one switch.
func kamailioAddress() *preset {
	return &preset{
		list: "switches", sql: "address", needs: []string{"ip_addr"}, passed: []string{"id"},
		columns: []column{{name: "grp"}, {name: "ip_addr"}, {name: "mask"}, {name: "port"}, {name: "tag"}},
		convert: addresses,
	}
}

// peerKey tells apart who is one switch.
type peerKey struct{ group, tag string }

func addresses(r *reading, t *table) (out []row) {
	groups := map[string]map[string]bool{} // of each tag
	for i := range t.records {
		tag, group := t.get(&t.records[i], "tag").text, t.get(&t.records[i], "grp").text
		if groups[tag] == nil {
			groups[tag] = map[string]bool{}
		}
		groups[tag][group] = true
	}
	at, seen := map[peerKey]int{}, map[string]bool{}
	for i := range t.records {
		rec := &t.records[i]
		key := peerKey{t.get(rec, "grp").text, t.get(rec, "tag").text}
		b := newBuilder(r, rec)
		address, ok := b.address(t, rec)
		if !ok {
			continue
		}
		if again := fmt.Sprintf("%q %v", key, address.Value); seen[again] {
			r.note(rec.at, "addresses", fmt.Sprint(address.Value, " is there already; ports are not told apart"), "")
			if n, there := at[key]; there {
				out[n].lines = append(out[n].lines, rec.at)
			}
			continue
		} else {
			seen[again] = true
		}
		if n, there := at[key]; there {
			list := &out[n].Cells[2]
			old, _ := list.Value.(tenantfile.List)
			list.Value, out[n].lines = append(old, address), append(out[n].lines, rec.at)
			continue
		}
		b.text("name", value{text: key.name(len(groups[key.tag]) > 1), at: cmp.Or(t.get(rec, "tag").at, rec.at)})
		b.set("direction", rec.at, tenant.Egress)
		b.set("addresses", rec.at, tenantfile.List{address})
		before := len(out)
		if out = b.done(out); len(out) > before {
			at[key] = before
		}
	}
	return out
}

// name is what the switch is called: by its tag, and by its group where that does not tell it apart.
func (k peerKey) name(shared bool) string {
	group := "group " + cmp.Or(k.group, "1")
	switch {
	case k.tag == "":
		return group
	case shared:
		return k.tag + " (" + group + ")"
	}
	return k.tag
}

// address is one line's range.
func (b *builder) address(t *table, rec *record) (c tenantfile.Cell, ok bool) {
	ip, mask, port := t.get(rec, "ip_addr"), t.get(rec, "mask"), t.get(rec, "port")
	text := ip.text
	if a, err := netip.ParseAddr(ip.text); err == nil && mask.text != "" {
		bits, err := strconv.Atoi(mask.text)
		if err != nil || bits < 0 || bits > a.BitLen() {
			b.r.fault(mask.at, tenant.CodeOutOfRange, "addresses", shown(mask.text)+" is no length of a prefix", fmt.Sprintf("0 to %d", a.BitLen()))
			return c, false
		}
		p, _ := a.Prefix(bits) // as Kamailio matches: the bits behind do not count
		text = p.String()
	}
	if f := tenant.CheckCIDR(text); f != nil {
		b.r.fault(ip.at, f.Code, "addresses", f.Message, f.Want)
		return c, false
	}
	if port.text != "" && port.text != "0" {
		b.r.note(port.at, "addresses", "port "+shown(port.text)+" is left out: a switch is known by its address, whatever the port", "")
	}
	return tenantfile.Cell{Value: tenant.CanonicalCIDR(text), Line: ip.at.line, Column: ip.at.column}, true
}

// kamailioDispatcher is the table of Kamailio's dispatcher: where calls go. A set is a group; what
// Kamailio prefers by a high priority, Tollgate does by a low one.
func kamailioDispatcher() *preset {
	return &preset{
		list: "destinations", sql: "dispatcher", needs: []string{"destination"}, passed: []string{"id"},
		columns: []column{{name: "setid"}, {name: "destination"}, {name: "flags"}, {name: "priority"}, {name: "description"}},
		convert: func(r *reading, t *table) (out []row) {
			rank := ranks(t)
			for i := range t.records {
				rec := &t.records[i]
				b := newBuilder(r, rec)
				b.gateway(t, rec, rank)
				out = b.done(out)
			}
			return out
		},
	}
}

// ranks gives each priority of the table its place from the highest: 10, 20, 30, ...
func ranks(t *table) map[string]int {
	var all []int
	for i := range t.records {
		if n, err := strconv.Atoi(cmp.Or(t.get(&t.records[i], "priority").text, "0")); err == nil {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	out := map[string]int{}
	for i, n := range all {
		out[strconv.Itoa(n)] = min(10*(len(all)-i), 65535)
	}
	return out
}

// The flags of a dispatcher's line that take it out of use: inactive, and disabled by an operator.
const (
	dispatcherInactive = 1
	dispatcherDisabled = 4
)

func (b *builder) gateway(t *table, rec *record, rank map[string]int) {
	uri, set, priority, flags := t.get(rec, "destination"), t.get(rec, "setid"), t.get(rec, "priority"), t.get(rec, "flags")
	host, ok := b.uri(uri)
	if !ok {
		return
	}
	group := cmp.Or(set.text, "1")
	b.number("group", value{text: group, at: set.at})
	name := t.get(rec, "description")
	if name.text == "" {
		name = value{text: "set " + group + " " + host, at: uri.at}
	}
	b.text("name", name)
	n, err := strconv.Atoi(cmp.Or(priority.text, "0"))
	if err != nil {
		b.r.fault(priority.at, tenant.CodeInvalid, "priority", shown(priority.text)+" is no whole number", "such as 10")
		return
	}
	b.set("priority", priority.at, rank[strconv.Itoa(n)])
	bits, err := strconv.Atoi(cmp.Or(flags.text, "0"))
	if err != nil {
		b.r.fault(flags.at, tenant.CodeInvalid, "disabled", shown(flags.text)+" are no flags", "a sum of 1, 2, 4 and 8")
		return
	}
	b.set("disabled", flags.at, bits&(dispatcherInactive|dispatcherDisabled) != 0)
}

// uri takes host, port and transport of a SIP URI, and gives host and port as one text.
func (b *builder) uri(v value) (hostport string, ok bool) {
	bad := func(what string) (string, bool) {
		b.r.fault(v.at, tenant.CodeInvalid, "host", what, "such as sip:192.0.2.7:5060;transport=tcp")
		return "", false
	}
	scheme, rest, found := strings.Cut(v.text, ":")
	scheme = strings.ToLower(scheme)
	if !found || scheme != "sip" && scheme != "sips" {
		return bad(shown(v.text) + " is no SIP URI")
	}
	hostport, params, _ := strings.Cut(rest, ";")
	if strings.ContainsAny(hostport, "@?") {
		return bad(shown(v.text) + " is more than a host and a port")
	}
	protocol := "udp"
	if scheme == "sips" {
		protocol = "tls"
	}
	for p := range strings.SplitSeq(params, ";") {
		if key, to, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(key), "transport") {
			protocol = strings.ToLower(strings.TrimSpace(to))
		}
	}
	host, port := hostport, ""
	if i := strings.LastIndexByte(hostport, ':'); i > strings.LastIndexByte(hostport, ']') {
		host, port = hostport[:i], hostport[i+1:]
	}
	b.set("host", v.at, strings.Trim(host, "[]"))
	b.set("protocol", v.at, protocol)
	if port != "" {
		b.number("port", value{text: port, at: v.at})
	}
	return hostport, true
}
