package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// credentials adds to accounts what is kept of their SIP users' passwords. What
// was hashed with another realm than the customer's would never match, and is left out.
func (s *Store) credentials(ctx context.Context, db bun.IDB, list accounts) error {
	owners := list.with(func(a *tenant.Account) bool { return len(a.SIPUsers) > 0 })
	rows, err := sealed(ctx, db, sipUserSecrets, "sip_users", owners)
	if err != nil {
		return err
	}
	for i := range rows {
		h, err := s.openHA1(rows[i].OwnerID, rows[i].Sealed)
		if err != nil {
			return err
		}
		a := list[tenant.CustomerID(rows[i].CustomerID)]
		if a == nil || h.Realm != a.Customer.Realm {
			continue
		}
		if a.Credentials == nil {
			a.Credentials = make(map[tenant.SIPUserID]tenant.HA1, len(a.SIPUsers))
		}
		a.Credentials[tenant.SIPUserID(rows[i].OwnerID)] = h.binary()
	}
	return nil
}

// openHA1 opens what is sealed of a SIP user's password.
func (s *Store) openHA1(id int64, sealed string) (h HA1, err error) {
	text, err := s.seal.open(sipUserSecrets, id, sealed)
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		return h, fmt.Errorf("password of SIP user %d: %w", id, err)
	}
	return h, nil
}

// binary is the form in which answers are checked; a hash that is none is left out.
func (h HA1) binary() (out tenant.HA1) {
	out.HasMD5 = unhex(out.MD5[:], h.MD5)
	out.HasSHA256 = unhex(out.SHA256[:], h.SHA256)
	out.HasSHA512256 = unhex(out.SHA512256[:], h.SHA512256)
	return out
}

func unhex(dst []byte, text string) bool {
	if len(text) != 2*len(dst) {
		return false
	}
	_, err := hex.Decode(dst, []byte(text))
	return err == nil
}
