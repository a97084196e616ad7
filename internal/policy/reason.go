package policy

import (
	"strconv"

	"tollgate/internal/tenant"
)

// Drop is the Status of a verdict that answers nothing: silence.
const Drop = -1

// Verdict ends or continues the way of a request.
type Verdict struct {
	Status int           `json:"status"`              // 0 = go on; Drop = silence; else the SIP status to answer
	Reason Reason        `json:"reason"`              // why
	Rule   tenant.RuleID `json:"rule,omitempty"`      // the rule that decided, 0 = none
	Name   string        `json:"rule_name,omitempty"` // of the rule; the prefix of a blocked number
	Detail string        `json:"detail,omitempty"`    // more for people; only on cold paths
}

// Refused reports whether the request ends here, with an answer or in silence.
func (v Verdict) Refused() bool { return v.Status != 0 }

// Refuse is the verdict of a reason with its usual status.
func Refuse(r Reason) Verdict { return Verdict{Status: r.Status(), Reason: r} }

// Reason is why a request went on, was refused or ended: the log field, the metric label,
// the CDR column (Code) and what people read (Sentence).
type Reason uint8

// Every reason there is.
const (
	OK Reason = iota

	// Identify.
	UnknownDomain
	StrangerSource
	SharedDestinationClash
	WrongProtocol // this and the next three: of entries, what came closer later
	TechPrefixUnknown
	CLIUnknown
	EntryClash
	ForeignToken
	Banned

	// Firewall, block list.
	Firewalled
	Challenged // this and what follows: authentication, which is between firewall and block list
	StaleNonce
	Replayed
	WrongPassword
	DigestAlgorithm
	CredentialsElsewhere
	UserAddress
	UserProtocol
	IdentityNotOwned // of a SIP user that has proven his password
	Blocklisted
	Antifraud

	// Route.
	NoRoute
	NoDestination
	AllDestinationsDown
	MediaEncryptionUnavailable
	ForeignHost
	HeaderTooLong
	URITooLong

	// Why a destination is no candidate.
	DestinationDisabled
	DestinationDown
	DestinationIsSource
	DestinationSurplus
	DestinationIsSwitch

	// Phones.
	PhoneUnreachable
	PhoneIsSource
	RegisterFromDestination
	UserNotRegistered
	NoClass5
	BadRegistration // this and what follows: what a REGISTER asks for
	ForeignRegistration
	RegistrationTooBrief
	RegistrationLate
	TooManyBindings
	RegistrationRefused

	// Reserve.
	CallLimit
	CompanyLimit
	PlatformLimit
	SwitchLimit
	UserLimit
	ProfileLimit
	RateLimit

	// The message itself.
	BadMessage
	TooBig
	BadExtension
	UnsupportedScheme
	MethodNotServed
	MaxForwards
	Loop
	NoDialog

	// The course of a call.
	InitialTimeout
	InviteTimeout
	MaxCall
	SessionExpired
	Canceled
	TransportFailed
	SwitchChallenge
	NoCodecLeft
	BadSession
	EncryptedInClear
	EncryptionMissing
	DTLSOffered
	NoMediaPorts
	MediaTimeout
	HungUp
	PartiesGone
	PingUnanswered

	// The end of a phone's binding.
	BindingDead
	BindingExpired
	PhoneSilent

	// The node.
	Draining
	ResourceExhausted
	Internal

	reasonCount
)

// reasonText is one row of the table of reasons.
type reasonText struct {
	code     string
	status   int
	sentence string
}

// reasonTable is read-only; a row for each Reason.
var reasonTable = [reasonCount]reasonText{
	OK: {"ok", 0, "The request goes on."},

	UnknownDomain:          {"unknown_domain", Drop, "No customer has the domain of the request, and its source is nobody's destination."},
	StrangerSource:         {"stranger_source", Drop, "The request names no domain, and its source is nobody's destination."},
	SharedDestinationClash: {"shared_destination_clash", 403, "Several customers have this address, and neither a domain in Request-URI, From or P-Asserted-Identity nor the calling number tells which is meant."},
	WrongProtocol:          {"wrong_protocol", 403, "The source is an entry of the customer, and that is to send over another protocol."},
	TechPrefixUnknown:      {"tech_prefix_unknown", 403, "The source is an entry, and the number does not begin with the tech prefix that it must have."},
	CLIUnknown:             {"cli_unknown", 403, "The source is an entry that is told by its calling numbers, and this one is nobody's."},
	EntryClash:             {"entry_clash", 403, "Entries of several customers hold the source, and neither DID, tech prefix nor calling number tells which is meant."},

	ForeignToken: {"foreign_token", Drop, "The request names a registered phone of a customer, and does not come from one of his destinations."},

	Banned: {"banned", Drop, "The source is banned."},

	Firewalled: {"firewall", 403, "A firewall rule of the customer drops such requests."},

	Challenged:           {"challenged", 407, "A password is asked for, as of everybody who calls himself the customer's."},
	StaleNonce:           {"stale_nonce", 407, "The password is asked for again: what was answered was too old, or asked of another address."},
	Replayed:             {"replay", 407, "The password is asked for again: this answer was given before."},
	WrongPassword:        {"wrong_password", 407, "There is no such SIP user, or the password is not his."},
	DigestAlgorithm:      {"digest_algorithm", 407, "The password was given with a digest algorithm that the customer does not accept."},
	CredentialsElsewhere: {"credentials_elsewhere", 400, "The password was given for another request."},
	UserAddress:          {"user_address", 403, "The SIP user may not come from this address."},
	UserProtocol:         {"user_protocol", 403, "The SIP user is to use another protocol."},
	IdentityNotOwned:     {"identity_not_owned", 403, "The SIP user speaks for somebody else: neither his name nor one of his numbers in the customer's domains."},

	Blocklisted: {"blocklist", 403, "The number is on the customer's block list."},
	Antifraud:   {"antifraud", 403, "The customer's antifraud threshold was reached: too many calls or requests of one caller to nearly the same number."},

	NoRoute:                    {"no_route", 404, "The destination group is empty."},
	NoDestination:              {"no_destination", 404, "No destination is left: the others are disabled or are the caller himself."},
	AllDestinationsDown:        {"all_destinations_down", 500, "No destination took it: who answered did so as a server that is down or too busy (500, 502, 503, 504)."},
	MediaEncryptionUnavailable: {"media_encryption_unavailable", 488, "The only destinations left want encrypted media (tls+srtp), which needs media bridging."},
	ForeignHost:                {"foreign_host", 403, "The PBX called a foreign host, and the customer's outbound setting is \"customer\"."},
	HeaderTooLong:              {"header_too_long", 400, "A header that rules look at is longer than 1 KiB, or too long for as many regexes."},
	URITooLong:                 {"uri_too_long", 414, "The Request-URI, which rules look at, is longer than 1 KiB, or too long for as many regexes."},

	DestinationDisabled: {"destination_disabled", 404, "The destination is disabled."},
	DestinationDown:     {"destination_down", 404, "The destination is down."},
	DestinationIsSource: {"destination_is_source", 404, "The destination is where the request came from."},
	DestinationSurplus:  {"destination_surplus", 404, "More than 16 destinations; this one comes after them."},
	DestinationIsSwitch: {"destination_is_switch", 403, "Only switches are left, and nobody has proven who calls: where SIP users register here, such a caller reaches users and DIDs, but goes out by no switch."},

	PhoneUnreachable:        {"phone_unreachable", 480, "The phone's registration has ended, or its connection is gone."},
	PhoneIsSource:           {"phone_is_source", 404, "The only phone of this address is where the request came from."},
	RegisterFromDestination: {"register_from_destination", 403, "A destination asked for a registration: only phones register here."},
	UserNotRegistered:       {"user_not_registered", 480, "No phone of the SIP user is registered."},
	NoClass5:                {"no_class5", 404, "The SIP user's calls go to the destination marked class 5, and none is marked."},
	BadRegistration:         {"bad_registration", 400, "The REGISTER asks for what cannot be registered: its Contacts, Path or To cannot be taken as they are."},
	ForeignRegistration:     {"foreign_registration", 403, "The REGISTER is not for a user in one of the customer's domains."},
	RegistrationTooBrief:    {"registration_too_brief", 423, "The phone asks to be registered for less than a minute."},
	RegistrationLate:        {"registration_late", 500, "The REGISTER has no higher CSeq than an earlier one of the same Call-ID."},
	TooManyBindings:         {"too_many_bindings", 403, "The user has 32 phones registered, or the customer 200,000: there is no room for another."},
	RegistrationRefused:     {"registration_refused", 403, "The PBX refused the registration."},

	CallLimit:     {"call_limit", 480, "The customer's call limit is reached."},
	CompanyLimit:  {"company_limit", 480, "The company's call limit is reached."},
	PlatformLimit: {"platform_limit", 480, "The platform's call limit is reached."},
	SwitchLimit:   {"switch_limit", 480, "The switch's channels are all in use."},
	UserLimit:     {"user_limit", 480, "The SIP user's channels are all in use."},
	ProfileLimit:  {"profile_limit", 480, "The channels of the SIP user's profile are all in use."},
	RateLimit:     {"rate_limit", 503, "Too many new calls a second."},

	BadMessage:        {"bad_message", 400, "The message breaks the rules of SIP."},
	TooBig:            {"too_big", 513, "The message is too large."},
	BadExtension:      {"bad_extension", 420, "The request requires an extension that is not served."},
	UnsupportedScheme: {"unsupported_scheme", 416, "The Request-URI is neither sip:, sips: nor tel:."},
	MethodNotServed:   {"method_not_served", 405, "The method is not served here."},
	MaxForwards:       {"max_forwards", 483, "Max-Forwards is used up."},
	Loop:              {"loop", 482, "The request came round in a loop."},
	NoDialog:          {"no_dialog", 481, "The request belongs to a call that does not exist."},

	InitialTimeout:  {"initial_timeout", 404, "No destination gave a provisional response in time."},
	InviteTimeout:   {"invite_timeout", 404, "The call was not answered in time."},
	MaxCall:         {"max_call", 0, "The call reached its longest duration."},
	SessionExpired:  {"session_expired", 0, "The session was not refreshed in time."},
	Canceled:        {"canceled", 487, "The caller gave up."},
	TransportFailed: {"transport_failed", 500, "The request could not be sent to any destination."},
	SwitchChallenge: {"switch_challenge", 403, "The switch asked for a password in a way that must not be answered, or did not take the one that is set."},
	NoCodecLeft:     {"no_codec_left", 488, "All audio codecs of the offer are restricted for one of the parties."},
	BadSession:      {"bad_session", 488, "The session description cannot be read, or does not fit what was offered."},

	EncryptedInClear:  {"encrypted_in_clear", 488, "SRTP is offered where others could read its keys: they need TLS."},
	EncryptionMissing: {"encryption_missing", 488, "Whoever is to use tls+srtp offers no encrypted media."},
	DTLSOffered:       {"dtls_offered", 488, "Encryption by DTLS is offered, and bridged calls have it by SDES only."},
	NoMediaPorts:      {"no_media_ports", 503, "No media port is free."},
	MediaTimeout:      {"media_timeout", 480, "Nothing was heard of either side's media for too long."},
	PartiesGone:       {"parties_gone", 480, "After a restart neither party knew the call any more."},
	PingUnanswered:    {"ping_unanswered", 480, "A party did not answer a ping within the call, or knew the call no more."},
	HungUp:            {"hung_up", 480, "An operator ended the call."},

	BindingDead:    {"binding_dead", 480, "The phone's connection ended, or three pings in a row were not answered."},
	BindingExpired: {"binding_expired", 480, "The phone did not refresh its registration in time."},
	PhoneSilent:    {"phone_silent", 480, "Three pings in a row to the SIP user's phone were not answered."},

	Draining:          {"draining", 503, "This node takes no new calls: it is being stopped."},
	ResourceExhausted: {"resource_exhausted", 503, "This node has no room for more."},
	Internal:          {"internal", 500, "A fault of Tollgate's own."},
}

// Code is the name for machines, such as "unknown_domain".
func (r Reason) Code() string {
	if r >= reasonCount {
		return "reason_" + strconv.Itoa(int(r))
	}
	return reasonTable[r].code
}

// Sentence is the explanation for people.
func (r Reason) Sentence() string {
	if r >= reasonCount {
		return ""
	}
	return reasonTable[r].sentence
}

// Status is the usual SIP status of the reason: 0 where there is none to answer, Drop for silence.
func (r Reason) Status() int {
	if r >= reasonCount {
		return 500
	}
	return reasonTable[r].status
}

// String is Code.
func (r Reason) String() string { return r.Code() }

// Asks says that it is a normal round of digest and no refusal: who knows the password gives it.
func (r Reason) Asks() bool { return r == Challenged || r == StaleNonce }

// MarshalText is Code, for JSON.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.Code()), nil }

// Reasons lists every reason, for the registration of metric labels.
func Reasons() []Reason {
	all := make([]Reason, reasonCount)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}
