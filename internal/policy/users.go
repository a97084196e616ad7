package policy

import (
	"fmt"
	"iter"
	"net/netip"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// User is a SIP user of a customer, compiled: what it leaves empty has its profile's value, else
// the default (mission row U3). Immutable.
type User struct {
	ID               tenant.SIPUserID
	Username         string
	HA1              tenant.HA1
	Channels         int            // at once, 0 = up to the customer's
	CPS              int            // 0 = unlimited
	Protocol         string         // udp, tcp, tls or tls+srtp, "" = any
	AllowFrom        []netip.Prefix // empty: from anywhere
	NATPing          string         // enabled, disabled or timeout
	RetainDID        bool
	SmartExtension   bool
	RestrictedCodecs []string  // shared among users of a profile; not to be written to
	Latching         string    // symmetric, strict or handover
	Rewriter         *Rewriter // of what it sends; nil rewrites nothing
	Profile          *Profile  // that it names, nil if none
}

// Profile is what the SIP users that name it share, of all customers of a company. Immutable.
type Profile struct {
	ID       tenant.ProfileID
	Name     string
	Capacity int // calls at once of all of them together, 0 = unlimited
}

// Encrypts says that the user is to use SRTP.
func (u *User) Encrypts() bool { return u != nil && u.Protocol == protoSRTP }

// User finds a SIP user by its name, in its very case: the password was hashed with it. nil:
// there is none such.
func (c *Customer) User(name []byte) *User { return c.users[string(name)] }

// UserByID finds a SIP user of the customer, nil if he has none such.
func (c *Customer) UserByID(id tenant.SIPUserID) *User { return c.usersByID[id] }

// Profile finds a SIP profile that the customer's users name, nil if there is none such.
func (c *Customer) Profile(id tenant.ProfileID) *Profile { return c.profiles[id] }

// UserOf finds the SIP user that a sip: or sips: URI names in one of the customer's domains, nil
// where it names none.
func (c *Customer) UserOf(u *sip.URI) *User {
	if c.users == nil || len(u.User) == 0 || !c.Owns(u) {
		return nil
	}
	var room [3 * maxUsername]byte
	return c.users[string(username(room[:0], u))]
}

// Owns says that the host of a URI is one of the customer's domains.
func (c *Customer) Owns(u *sip.URI) bool {
	var buf [maxDomain + 1]byte
	host := appendHost(buf[:0], u)
	for _, d := range c.Domains {
		if d == string(host) {
			return true
		}
	}
	return false
}

// DIDUser is the SIP user that a number of the customer's leads to, nil where the URI names no
// such number.
func (c *Customer) DIDUser(u *sip.URI) *User {
	if d := c.did(u); d != nil {
		return c.usersByID[d.user]
	}
	return nil
}

// maxUsername is the longest name of a SIP user, in bytes.
const maxUsername = 64

// username appends the user part of a URI without escapes, "" where it is too long for a name.
func username(dst []byte, u *sip.URI) []byte {
	if len(u.User) > 3*maxUsername {
		return dst
	}
	return sip.AppendUnescaped(dst, u.User)
}

// compileUsers compiles the SIP users of an account.
func (c *Customer) compileUsers(a *tenant.Account) error {
	if len(a.SIPUsers) == 0 {
		return nil
	}
	profiles := make(map[tenant.ProfileID]*tenant.SIPProfile, len(a.Profiles))
	c.profiles = make(map[tenant.ProfileID]*Profile, len(a.Profiles))
	for i := range a.Profiles {
		p := &a.Profiles[i]
		profiles[p.ID], c.profiles[p.ID] = p, &Profile{p.ID, p.Name, p.Capacity}
	}
	list := make([]User, len(a.SIPUsers)) // in one piece: there may be 100,000
	c.users = make(map[string]*User, len(list))
	c.usersByID = make(map[tenant.SIPUserID]*User, len(list))
	for i := range a.SIPUsers {
		from, u := &a.SIPUsers[i], &list[i]
		if err := u.compile(from, profiles[from.Profile], &a.Customer); err != nil {
			return fmt.Errorf("SIP user %q: %w", from.Username, err)
		}
		u.HA1, u.Profile = a.Credentials[from.ID], c.profiles[from.Profile]
		c.users[u.Username], c.usersByID[u.ID] = u, u
	}
	return nil
}

// compile fills in a user; profile may be nil.
func (u *User) compile(from *tenant.SIPUser, profile *tenant.SIPProfile, customer *tenant.Customer) (err error) {
	u.ID, u.Username, u.NATPing = from.ID, from.Username, customer.NATPing
	u.Channels = from.EffectiveChannels(profile, customer.CallLimit)
	if profile != nil {
		u.NATPing, u.Protocol, u.RestrictedCodecs = profile.NATPing, profile.Protocol, profile.RestrictedCodecs
		u.Latching = profile.Latching
	}
	set(&u.CPS, from.CPS)
	set(&u.Protocol, from.Protocol)
	set(&u.NATPing, from.NATPing)
	set(&u.Latching, from.Latching)
	set(&u.RetainDID, from.RetainDID)
	set(&u.SmartExtension, from.SmartExtension)
	if from.RestrictedCodecs != nil {
		u.RestrictedCodecs = from.RestrictedCodecs
	}
	u.Protocol, u.NATPing = protocolText(u.Protocol), natPingText(u.NATPing)
	u.Latching = latchingText(u.Latching)
	for _, text := range from.AllowFrom {
		p, err := parsePrefix(text)
		if err != nil {
			return fmt.Errorf("allow_from: %w", err)
		}
		u.AllowFrom = append(u.AllowFrom, p)
	}
	u.Rewriter, err = CompileRewrites(from.Rewrite)
	return err
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// protocolText is one text for all users, so that the one from the store need not stay.
func protocolText(p string) string {
	for _, known := range [...]string{protoUDP, protoTCP, protoTLS, protoSRTP} {
		if p == known {
			return known
		}
	}
	return ""
}

func natPingText(p string) string {
	for _, known := range [...]string{"disabled", "timeout"} {
		if p == known {
			return known
		}
	}
	return "enabled"
}

func latchingText(l string) string {
	for _, known := range [...]string{"strict", "handover"} {
		if l == known {
			return known
		}
	}
	return "symmetric"
}

// Takes reports whether the user may come over a transport. That media is encrypted, as
// tls+srtp wants, is seen in the session description, not here.
func (u *User) Takes(transport string) bool { return takes(u.Protocol, transport) }

// Allows reports whether the user may come from an address.
func (u *User) Allows(addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, p := range u.AllowFrom {
		if p.Contains(addr) {
			return true
		}
	}
	return len(u.AllowFrom) == 0
}

// AsksIn is the realm in which Tollgate asks a customer's phones for their passwords, "" where
// it does not: then their PBX does.
func (c *Customer) AsksIn() string {
	if !c.RegistersHere() {
		return ""
	}
	return c.Settings.Realm
}

// Asks says that the sender of a request has to prove who he is (step 9): whoever asks for a
// registration, comes over a flow of the customer's phones, or names himself by a domain of the customer. Not
// asked are entries (but for a registration, which is a user's), destinations, those who call by
// domain from elsewhere, and who only asks what we are (OPTIONS).
func (s *Snapshot) Asks(r *Request, id *Identity) bool {
	if !id.Customer.RegistersHere() || id.Direction != Inbound {
		return false
	}
	switch r.Msg.Method() {
	case sip.OPTIONS:
		return false
	case sip.REGISTER:
		return true
	}
	return id.Entry == nil && (r.Bound == id.Customer.Settings.ID || id.Customer.claims(r.Msg))
}

// Unproven says that a request comes in by nothing but a domain of the customer, where it is here
// that phones prove who they are: no password, entry or registered phone vouches for its sender. A
// call of his to a switch would be made at the customer's expense.
func (id *Identity) Unproven() bool {
	return id.Customer.RegistersHere() && id.By == ByDomain && id.Direction == Inbound && id.User == nil && !id.Emergency
}

// identityHeaders name who sends a request.
func identityHeaders() [4]sip.HeaderID {
	return [...]sip.HeaderID{sip.HdrFrom, sip.HdrPAI, sip.HdrPPI, sip.HdrRPID}
}

// claims says that a request names its sender by a domain of the customer, or so that this
// cannot be told.
func (c *Customer) claims(m *sip.Message) bool {
	for _, header := range identityHeaders() {
		for u, ok := range identities(m, header) {
			if !ok || c.Owns(&u) {
				return true
			}
		}
	}
	return false
}

// identities yields the URIs of a header that names the sender; not ok is one that cannot be
// read, or the first of too many.
func identities(m *sip.Message, header sip.HeaderID) iter.Seq2[sip.URI, bool] {
	return func(yield func(sip.URI, bool) bool) {
		elements := m.Elements(header)
		for n := 0; ; n++ {
			element, more := elements.Next()
			if !more {
				return
			}
			name, bad := sip.ParseNameAddr(element)
			u, err := sip.ParseURI(name.URI)
			if ok := bad == nil && err == nil && n < maxNamed; !yield(u, ok) || !ok {
				return
			}
		}
	}
}

// Claimed is the SIP user whose name or DID is in From, nil where there is none such.
func (c *Customer) Claimed(m *sip.Message) *User {
	for u, ok := range identities(m, sip.HdrFrom) {
		if !ok {
			return nil
		}
		if user := c.UserOf(&u); user != nil {
			return user
		}
		return c.DIDUser(&u)
	}
	return nil
}

// Admit says whether a SIP user who has proven his password may send a request: from this
// address, over this transport, under these names.
func (c *Customer) Admit(user *User, r *Request) Verdict {
	switch {
	case !user.Allows(r.Source.Addr()):
		return Refuse(UserAddress)
	case !user.Takes(r.Transport):
		return Refuse(UserProtocol)
	}
	for _, header := range identityHeaders() {
		if !c.owns(user, r.Msg, header) {
			return Refuse(IdentityNotOwned)
		}
	}
	return Verdict{}
}

// Himself says that a request within a dialog of a user's names nobody but him as who sends it.
// From is looked at only if he began the dialog: to who was called it is what was dialled.
func (c *Customer) Himself(user *User, m *sip.Message, began bool) bool {
	for _, header := range identityHeaders() {
		if (began || header != sip.HdrFrom) && !c.owns(user, m, header) {
			return false
		}
	}
	return true
}

// owns says that all that a header names is the user's own.
func (c *Customer) owns(user *User, m *sip.Message, header sip.HeaderID) bool {
	for u, ok := range identities(m, header) {
		if header == sip.HdrFrom && ok && c.anonymous(&u) {
			continue // RFC 3323 4.1.1.3: it names nobody
		}
		if !ok || !c.owned(&u, user) {
			return false
		}
	}
	return true
}

// owned says that a URI is a user's own: his name, or a DID that leads to him.
func (c *Customer) owned(u *sip.URI, user *User) bool {
	if u.Scheme == sip.SchemeTEL || c.Owns(u) {
		return c.UserOf(u) == user || c.DIDUser(u) == user
	}
	return false
}

func (c *Customer) anonymous(u *sip.URI) bool {
	return sip.EqualFoldString(u.User, "anonymous") && (IsHost(u, "anonymous.invalid") || c.Owns(u))
}
