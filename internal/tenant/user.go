package tenant

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Normalize does nothing: a company has one form only.
func (v *Company) Normalize() {}

// Validate gives all that is wrong with the company by itself.
func (v *Company) Validate() Faults {
	c := &check{}
	c.name("name", v.Name)
	c.limit("channels", v.Channels)
	c.limit("cps", v.CPS)
	return c.faults
}

// Normalize brings the user to the form that is stored: e-mail addresses are compared in lower case.
func (v *User) Normalize() { v.Email = strings.ToLower(strings.TrimSpace(v.Email)) }

// Validate gives all that is wrong with the user by itself.
func (v *User) Validate() Faults {
	c := &check{}
	c.email("email", v.Email)
	c.text("name", v.Name, nameLimit)
	c.roleAndAccess(v.Role, v.Access)
	c.belongs(v.Role, v.Company != 0, v.Customer != 0)
	return c.faults
}

func (c *check) roleAndAccess(r Role, a Access) {
	c.oneOf("role", string(r), string(RolePlatform), string(RoleCompany), string(RoleCustomer))
	c.oneOf("access", string(a), string(AccessAdmin), string(AccessOperator), string(AccessReadOnly))
}

// belongs wants company and customer to be as narrow as the role says.
func (c *check) belongs(r Role, company, customer bool) {
	switch {
	case r == RolePlatform && (company || customer):
		c.add(CodeConflict, "role", "a platform user belongs to no company", "role: company or customer")
	case r == RoleCompany && !company:
		c.add(CodeRequired, "company", "is missing", "the company whose customers are seen")
	case r == RoleCompany && customer:
		c.add(CodeConflict, "customer", "a company's user sees all of its customers", "role: customer, or no customer")
	case r == RoleCustomer && !customer:
		c.add(CodeRequired, "customer", "is missing", "the customer that is seen")
	}
}

// Normalize brings the key's settings to the form that is stored.
func (v *APIKey) Normalize() {
	for i, a := range v.AllowFrom {
		v.AllowFrom[i] = CanonicalCIDR(a)
	}
	v.AllowFrom = present(v.AllowFrom)
}

// Validate gives all that is wrong with the key's settings.
func (v *APIKey) Validate() Faults {
	c := &check{}
	c.name("name", v.Name)
	c.roleAndAccess(v.Role, v.Access)
	c.belongs(v.Role, v.Company != 0, v.Customer != 0)
	for i, a := range v.AllowFrom {
		c.put(index("allow_from", i), CheckCIDR(a))
	}
	c.unique("allow_from", v.AllowFrom)
	c.oneOf("only", v.Only, "", OnlyWall)
	if v.Only == OnlyWall && v.Access != AccessReadOnly {
		c.add(CodeConflict, "only", "a wall board's key changes nothing", "access: read-only")
	}
	return c.faults
}

// Normalize brings the profile to the form that is stored.
func (v *SIPProfile) Normalize() {
	v.Protocol = strings.ToLower(v.Protocol)
	canonicalCodecs(v.RestrictedCodecs)
	v.RestrictedCodecs = present(v.RestrictedCodecs)
}

// Validate gives all that is wrong with the profile by itself.
func (v *SIPProfile) Validate() Faults {
	c := &check{}
	c.name("name", v.Name)
	c.limit("capacity", v.Capacity)
	c.protocol("protocol", v.Protocol, true)
	c.oneOf("nat_ping", v.NATPing, "enabled", "disabled", "timeout")
	c.codecs("restricted_codecs", v.RestrictedCodecs)
	c.latching(v.Latching)
	c.limit("channels", v.Channels)
	return c.faults
}

// Normalize brings the user to the form that is stored; nil stays nil: it means the profile's value.
func (v *SIPUser) Normalize() {
	if v.Protocol != nil {
		lower := strings.ToLower(*v.Protocol)
		v.Protocol = &lower
	}
	for i, a := range v.AllowFrom {
		v.AllowFrom[i] = CanonicalCIDR(a)
	}
	canonicalCodecs(v.RestrictedCodecs)
}

const userCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'&=+$,#"

// Validate gives all that is wrong with the SIP user by itself.
func (v *SIPUser) Validate() Faults {
	c := &check{}
	c.username(v.Username)
	if v.Channels != nil {
		c.limit("channels", *v.Channels)
	}
	if v.CPS != nil {
		c.limit("cps", *v.CPS)
	}
	if v.Protocol != nil {
		c.protocol("protocol", *v.Protocol, true)
	}
	for i, a := range v.AllowFrom {
		c.put(index("allow_from", i), CheckCIDR(a))
	}
	c.unique("allow_from", v.AllowFrom)
	if v.NATPing != nil {
		c.oneOf("nat_ping", *v.NATPing, "enabled", "disabled", "timeout")
	}
	c.codecs("restricted_codecs", v.RestrictedCodecs)
	if v.Latching != nil {
		c.latching(*v.Latching)
	}
	c.rewrites(v.Rewrite)
	if v.Voicemail != nil {
		c.voicemail(v.Voicemail)
	}
	return c.faults
}

// username wants the unreserved characters of a SIP URI's user part (RFC 3261 25.1), so that nothing needs escaping.
func (c *check) username(v string) {
	const want = `1 to 64 letters, digits or one of - _ . + * # and the like, such as "1001"`
	switch {
	case v == "":
		c.add(CodeRequired, "username", "is missing", want)
	case len(v) > 64:
		c.add(CodeInvalid, "username", fmt.Sprintf("has %d characters", len(v)), want)
	case strings.Trim(v, userCharacters) != "":
		c.add(CodeInvalid, "username", quote(v)+" holds characters that a SIP user name may not", want)
	}
}

func (c *check) voicemail(v *Voicemail) {
	if v.Email != "" {
		c.email("voicemail.email", v.Email)
	}
}

// CheckPIN gives what is wrong with a voicemail PIN, nil if nothing is; "" is no PIN.
func CheckPIN(v string) *Fault {
	if v == "" || (len(v) >= 4 && len(v) <= 12 && strings.Trim(v, digitSet) == "") {
		return nil
	}
	return &Fault{Code: CodeInvalid, Field: "voicemail.pin", Message: "the PIN is not 4 to 12 digits", Want: `such as "4711", quoted`}
}

// The least that a password has, whoever chose it: a phone's, and one for the panel, which people
// choose and which opens more.
const (
	passwordLength     = 8
	userPasswordLength = 10
)

// CheckPassword gives what is wrong with a new password of a SIP user, nil if nothing is. It never
// quotes it. Which characters it has is the user's matter: length is what guessing costs.
func CheckPassword(username, v string) *Fault { return checkPassword(username, v, passwordLength) }

// CheckUserPassword is CheckPassword for a panel user, whose name is his e-mail address.
func CheckUserPassword(email, v string) *Fault { return checkPassword(email, v, userPasswordLength) }

func checkPassword(username, v string, least int) *Fault {
	bad := func(what, want string) *Fault {
		return &Fault{Code: CodeInvalid, Field: "password", Message: what, Want: want}
	}
	switch {
	case v == "":
		return &Fault{Code: CodeRequired, Field: "password", Message: "is missing", Want: fmt.Sprintf("a password of at least %d characters, or generate", least)}
	case utf8.RuneCountInString(v) < least:
		return bad("the password is too short", fmt.Sprintf("at least %d characters, better: generate", least))
	case len(v) > 128:
		return bad("the password is too long", "at most 128 bytes")
	case !utf8.ValidString(v):
		return bad("the password is not UTF-8", "text, best: generate")
	case strings.EqualFold(v, username):
		return bad("the password is the user name", "another one, best: generate")
	case strings.ContainsFunc(v, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return bad("the password holds control characters", "one line of text")
	}
	return nil
}

// EffectiveChannels is how many channels the user takes of its account: his own value, else his
// profile's. 0 means up to the account; where the account is limited, or the profile by its capacity,
// everybody takes at least one.
func (v *SIPUser) EffectiveChannels(profile *SIPProfile, callLimit int) int {
	n := 0
	switch {
	case v.Channels != nil:
		n = *v.Channels
	case profile != nil:
		n = profile.Channels
	}
	if n == 0 && (callLimit > 0 || profile != nil && profile.Capacity > 0) {
		return 1
	}
	return n
}
