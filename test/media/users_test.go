package media

import (
	"fmt"
	"strings"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

const secret = "Correct-Horse-1"

// users are SIP users of a customer whose phones register at the node, as lines of tenants.yaml; a
// name may be followed by more fields of its user.
func users(list ...string) string {
	var b strings.Builder
	b.WriteString("registration: local\ndigest: [md5]\nsip_users:\n")
	for _, u := range list {
		name, more, _ := strings.Cut(u, ",")
		if more != "" {
			more = "," + more
		}
		fmt.Fprintf(&b, "  - {username: %s, password: %q%s}\n", name, secret, more)
	}
	return b.String()
}

// registered registers an endpoint as a user.
func registered(s *stage.Stage, u *peer.UA, user string) {
	s.Helper()
	r := u.Registers(user, s.Domain)
	r.Ask(600)
	r.Ask(600, peer.Credentials{User: user, Password: secret}.Answer(r.Expect("401 REGISTER")))
	r.Expect("200 REGISTER")
}
