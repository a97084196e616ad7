package importer

import (
	"strings"

	"tollgate/internal/tenant"
)

// fusionExtensions is FusionPBX's table of extensions.
func fusionExtensions() *preset {
	return &preset{
		list: "sip_users", sql: "v_extensions", needs: []string{"extension", "password"},
		passed:  []string{"extension_uuid", "domain_uuid", "insert_date", "insert_user", "update_date", "update_user"},
		columns: []column{{name: "extension"}, {name: "password"}, {name: "user_context"}, {name: "limit_max"}, {name: "cidr"}, {name: "enabled"}},
		convert: func(r *reading, t *table) (out []row) {
			for i := range t.records {
				rec := &t.records[i]
				b := newBuilder(r, rec)
				if b.extension(t, rec) {
					out = b.done(out)
				}
			}
			return out
		},
	}
}

// extension reads one line; false where it is left out on purpose.
func (b *builder) extension(t *table, rec *record) bool {
	name, enabled, context := t.get(rec, "extension"), t.get(rec, "enabled"), t.get(rec, "user_context")
	if on, ok := truth(enabled.text); ok && !on {
		b.r.note(enabled.at, "", "the extension "+shown(name.text)+" is disabled there, and left out", "enabled: true, if it is wanted")
		return false
	}
	if name.text == "" {
		b.r.fault(name.at, tenant.CodeRequired, "username", "is missing", "an extension")
		return true
	}
	b.text("username", name)
	// A context is the domain of its tenant there, unless all share one such as "default".
	if strings.Contains(context.text, ".") {
		b.ours(context)
	}
	if password := t.raw(rec, "password"); password.text != "" {
		b.password(password)
	}
	if limit := t.get(rec, "limit_max"); limit.text != "" {
		b.number("channels", limit)
	}
	if from := t.get(rec, "cidr"); from.text != "" {
		b.several("allow_from", from)
	}
	return true
}
