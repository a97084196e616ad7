package edge

import (
	"tollgate/internal/auth"
	"tollgate/sip"
)

// gave says that a request went on with credentials for a realm of ours, which were right then;
// "" is none.
func gave(m *sip.Message, realm string) bool {
	var c auth.Credentials
	return realm != "" && c.Find(m, sip.HdrProxyAuthorization, realm)
}
