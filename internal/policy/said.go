package policy

import "strings"

// AppendHeader appends the Reason header of a refusal of ours (RFC 3326): a cause of Q.850 for gateways, and
// for people the reason and the reference that the decision is found by (mission row C2).
func (r Reason) AppendHeader(dst []byte, status int, ref string) []byte {
	dst = append(dst, "Reason: Q.850;cause="...)
	dst = append(dst, r.cause(status)...)
	dst = append(append(dst, `;text="`...), strings.ReplaceAll(r.Code(), "_", " ")...)
	return append(append(append(dst, ", ref "...), ref...), "\"\r\n"...)
}

// cause is the cause of Q.850 for a status, by RFC 3398 8.2.6.1 and RFC 4497; a limit's
// is "no circuit available", a rate's "switching equipment congestion". Who did not answer in time gets 404
// (mission row C10), which would say that there is no such number: the cause knows better.
func (r Reason) cause(status int) string {
	switch r {
	case InviteTimeout:
		return "19"
	case InitialTimeout:
		return "102"
	case UserNotRegistered, PhoneUnreachable:
		return "20"
	}
	switch status {
	case 403:
		return "21"
	case 404:
		return "1"
	case 405, 420:
		return "79"
	case 480:
		return "34"
	case 482, 483:
		return "25"
	case 488:
		return "88"
	case 503:
		return "42"
	}
	return "41"
}
