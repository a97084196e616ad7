package edge

import (
	"strings"
	"testing"
)

// TestRegistered: only what is a REGISTER, or an answer to one that is no case, goes past the traces.
func TestRegistered(t *testing.T) {
	for text, want := range map[string]bool{
		"REGISTER sip:a SIP/2.0|CSeq: 1 REGISTER||":                        true,
		"INVITE sip:a SIP/2.0|CSeq: 1 INVITE||":                            false,
		"SIP/2.0 200 OK|Via: x|CSeq: 4294967295 REGISTER|To: x||":          true,
		"SIP/2.0 401 Unauthorized|CSeq: 7 REGISTER||":                      true,
		"SIP/2.0 403 Forbidden|CSeq: 7 REGISTER||":                         false,
		"SIP/2.0 200 OK|CSeq: 1 INVITE||CSeq: 1 REGISTER|":                 false,
		"SIP/2.0 200 OK|cseq: 1 INVITE||v=0|CSeq: 1 REGISTER|":             false,
		"SIP/2.0 200 OK|Subject: CSeq: 1 REGISTER|CSeq: 1 INVITE||":        false,
		"SIP/2.0 200 OK|CSeq: 1":                                           false,
		"SIP/2.0 200 OK|CSeq: ":                                            false,
		"SIP/2.0 2":                                                        false,
		"SIP/2.0 200 OK|Via: x||CSeq: 1 REGISTER|CSeq: 1 REGISTER|":        false,
		"SIP/2.0 200 OK|Subject: a| CSeq: 1 REGISTER|CSeq: 1 SUBSCRIBE|||": false,
	} {
		if got := registered([]byte(strings.ReplaceAll(text, "|", "\r\n"))); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
