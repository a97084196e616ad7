package sip

import "strings"

// HeaderID names a header field that Tollgate knows; all others are HdrOther.
type HeaderID uint8

// The header fields of RFC 3261 20 and of the extensions in use.
const (
	HdrOther HeaderID = iota
	HdrVia
	HdrFrom
	HdrTo
	HdrCallID
	HdrCSeq
	HdrContact
	HdrRoute
	HdrRecordRoute
	HdrMaxForwards
	HdrContentLength
	HdrContentType
	HdrAllow
	HdrSupported
	HdrRequire
	HdrProxyRequire
	HdrUnsupported
	HdrUserAgent
	HdrServer
	HdrWarning
	HdrExpires
	HdrMinExpires
	HdrSessionExpires
	HdrMinSE
	HdrRAck
	HdrRSeq
	HdrReplaces
	HdrJoin
	HdrTargetDialog
	HdrReferTo
	HdrReferredBy
	HdrReferSub
	HdrEvent
	HdrSubscriptionState
	HdrAllowEvents
	HdrPAI  // P-Asserted-Identity
	HdrPPI  // P-Preferred-Identity
	HdrRPID // Remote-Party-ID
	HdrDiversion
	HdrHistoryInfo
	HdrCallInfo
	HdrPath
	HdrServiceRoute
	HdrAuthorization
	HdrProxyAuthorization
	HdrWWWAuthenticate
	HdrProxyAuthenticate
	HdrAuthenticationInfo
	HdrReason
	HdrRetryAfter
	HdrDate
	HdrTimestamp
	HdrContentEncoding
	HdrContentDisposition
	HdrContentLanguage
	HdrAccept
	HdrAcceptEncoding
	HdrAcceptLanguage
	HdrAcceptContact
	HdrRejectContact
	HdrRequestDisposition
	HdrMIMEVersion
	HdrErrorInfo
	HdrAlertInfo
	HdrReplyTo
	HdrOrganization
	HdrPrivacy
	HdrInReplyTo
	HdrSubject
	HdrPriority
	HdrIdentity
	HdrIdentityInfo
	HdrSIPETag
	HdrSIPIfMatch
	HdrSessionID
	HdrUserToUser
	HdrGeolocation
	HdrInfoPackage
	HdrRecvInfo
	HdrMaxBreadth
	HdrPEarlyMedia
	HdrPChargingVector
	HdrPAccessNetworkInfo
	HdrPCalledPartyID
	HdrPAssociatedURI
	headerIDs // how many
)

// headerNames holds the name that is written, by id.
var headerNames = endToEnd([headerIDs]string{
	HdrVia: "Via", HdrFrom: "From", HdrTo: "To", HdrCallID: "Call-ID", HdrCSeq: "CSeq",
	HdrContact: "Contact", HdrRoute: "Route", HdrRecordRoute: "Record-Route",
	HdrMaxForwards: "Max-Forwards", HdrContentLength: "Content-Length", HdrContentType: "Content-Type",
	HdrAllow: "Allow", HdrSupported: "Supported", HdrRequire: "Require",
	HdrProxyRequire: "Proxy-Require", HdrUnsupported: "Unsupported",
	HdrUserAgent: "User-Agent", HdrServer: "Server", HdrWarning: "Warning",
	HdrExpires: "Expires", HdrMinExpires: "Min-Expires",
	HdrSessionExpires: "Session-Expires", HdrMinSE: "Min-SE", HdrRAck: "RAck", HdrRSeq: "RSeq",
	HdrReplaces: "Replaces", HdrJoin: "Join", HdrTargetDialog: "Target-Dialog",
	HdrReferTo: "Refer-To", HdrReferredBy: "Referred-By", HdrReferSub: "Refer-Sub",
	HdrEvent: "Event", HdrSubscriptionState: "Subscription-State", HdrAllowEvents: "Allow-Events",
	HdrPAI: "P-Asserted-Identity", HdrPPI: "P-Preferred-Identity", HdrRPID: "Remote-Party-ID",
	HdrDiversion: "Diversion", HdrHistoryInfo: "History-Info", HdrCallInfo: "Call-Info",
	HdrPath: "Path", HdrServiceRoute: "Service-Route",
	HdrAuthorization: "Authorization", HdrProxyAuthorization: "Proxy-Authorization",
	HdrWWWAuthenticate: "WWW-Authenticate", HdrProxyAuthenticate: "Proxy-Authenticate",
	HdrAuthenticationInfo: "Authentication-Info",
	HdrReason:             "Reason", HdrRetryAfter: "Retry-After", HdrDate: "Date", HdrTimestamp: "Timestamp",
	HdrContentEncoding: "Content-Encoding", HdrContentDisposition: "Content-Disposition",
	HdrContentLanguage: "Content-Language",
	HdrAccept:          "Accept", HdrAcceptEncoding: "Accept-Encoding", HdrAcceptLanguage: "Accept-Language",
	HdrAcceptContact: "Accept-Contact", HdrRejectContact: "Reject-Contact",
	HdrRequestDisposition: "Request-Disposition",
	HdrMIMEVersion:        "MIME-Version", HdrErrorInfo: "Error-Info", HdrAlertInfo: "Alert-Info",
	HdrReplyTo: "Reply-To", HdrOrganization: "Organization", HdrPrivacy: "Privacy",
	HdrInReplyTo: "In-Reply-To", HdrSubject: "Subject", HdrPriority: "Priority",
	HdrIdentity: "Identity", HdrIdentityInfo: "Identity-Info",
	HdrSIPETag: "SIP-ETag", HdrSIPIfMatch: "SIP-If-Match", HdrSessionID: "Session-ID",
	HdrUserToUser: "User-to-User", HdrGeolocation: "Geolocation",
	HdrInfoPackage: "Info-Package", HdrRecvInfo: "Recv-Info", HdrMaxBreadth: "Max-Breadth",
	HdrPEarlyMedia: "P-Early-Media", HdrPChargingVector: "P-Charging-Vector",
	HdrPAccessNetworkInfo: "P-Access-Network-Info", HdrPCalledPartyID: "P-Called-Party-ID",
	HdrPAssociatedURI: "P-Associated-URI",
})

// endToEnd lays the names behind each other in memory: those of nearly every message,
// which come first, then take three cache lines and not one each.
func endToEnd(names [headerIDs]string) [headerIDs]string {
	text, at := strings.Join(names[:], ""), 0
	for i, name := range names {
		names[i] = text[at : at+len(name)]
		at += len(name)
	}
	return names
}

// compactNames holds the one-letter forms, by their place in the alphabet (RFC 3261
// 7.3.3 and IANA).
var compactNames = [26]HeaderID{
	HdrAcceptContact,      // a
	HdrReferredBy,         // b
	HdrContentType,        // c
	HdrRequestDisposition, // d
	HdrContentEncoding,    // e
	HdrFrom,               // f
	HdrOther,              // g
	HdrOther,              // h
	HdrCallID,             // i
	HdrRejectContact,      // j
	HdrSupported,          // k
	HdrContentLength,      // l
	HdrContact,            // m
	HdrIdentityInfo,       // n
	HdrEvent,              // o
	HdrOther,              // p
	HdrOther,              // q
	HdrReferTo,            // r
	HdrSubject,            // s
	HdrTo,                 // t
	HdrAllowEvents,        // u
	HdrVia,                // v
	HdrOther,              // w
	HdrSessionExpires,     // x
	HdrIdentity,           // y
	HdrOther,              // z
}

// String returns the header's name as it is written; "" for HdrOther.
func (id HeaderID) String() string {
	if id < headerIDs {
		return headerNames[id]
	}
	return ""
}

// ParseHeaderName finds the id of a header name in any case, full or compact;
// HdrOther when it is none that is known.
func ParseHeaderName(name []byte) HeaderID {
	if len(name) == 1 {
		if c := lower(name[0]) - 'a'; c < 26 {
			return compactNames[c]
		}
		return HdrOther
	}
	if len(name) == 0 {
		return HdrOther
	}
	id := headerSlots[headerHash(name)]
	if EqualFoldString(name, headerNames[id]) {
		return id
	}
	return HdrOther
}

// headerSlots maps a name's hash to the one id that may have that name. It is
// filled once; a test asserts that no two names share a slot.
var headerSlots = buildHeaderSlots()

func buildHeaderSlots() (slots [256]HeaderID) {
	for id := HdrOther + 1; id < headerIDs; id++ {
		slots[headerHash([]byte(headerNames[id]))] = id
	}
	return slots
}

// headerHash looks at the length and three letters, in any case. The factors were
// found by trial, so that the names above do not collide.
func headerHash(name []byte) uint8 {
	n := len(name)
	return uint8(n)*53 + (name[0]|0x20)*38 + (name[n-1]|0x20)*15 + (name[n/2] | 0x20)
}

// single reports the header fields of which a second one makes a message
// ambiguous: each element may read another one. (Others that RFC 3261 20 allows
// only once, such as User-Agent, decide nothing and are let through.)
var single = [headerIDs]bool{
	HdrFrom: true, HdrTo: true, HdrCallID: true, HdrCSeq: true, HdrMaxForwards: true,
	HdrContentLength: true, HdrContentType: true, HdrExpires: true, HdrSessionExpires: true,
	HdrMinSE: true, HdrRAck: true, HdrRSeq: true, HdrReplaces: true, HdrJoin: true,
	HdrTargetDialog: true, HdrReferTo: true, HdrReferredBy: true, HdrEvent: true,
	HdrSubscriptionState: true, HdrSIPETag: true, HdrSIPIfMatch: true, HdrMIMEVersion: true,
}
