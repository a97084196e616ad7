package peer

import (
	"fmt"
	"strings"
)

// Ladder is all that passed at this endpoint, one line a message, for a failed test's log.
func (u *UA) Ladder() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ladder of %s %s (mark %s):\n", u.proto, u.addr, u.Mark)
	for _, e := range u.Entries() {
		arrow, start := "<--", fmt.Sprintf("%.60q", e.Raw)
		if e.Out {
			arrow = "-->"
		}
		if e.Msg != nil {
			start = fmt.Sprintf("%-44s cseq %-12s to-tag %s call %s",
				e.Msg.Start(), e.Msg.Get("CSeq"), e.Msg.Tag("To"), e.Msg.Get("Call-ID"))
		}
		fmt.Fprintf(&b, "  %9.3fs %s %-22s %s\n", e.At.Seconds(), arrow, e.Peer, start)
	}
	return b.String()
}

// Entries is a copy of all that passed so far.
func (u *UA) Entries() []Entry {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Entry(nil), u.ladder...)
}

// Received is every message that came with that method or status (retransmissions too).
func (u *UA) Received(what any) []*Message {
	var out []*Message
	for _, e := range u.Entries() {
		if !e.Out && e.Msg != nil && is(e.Msg, what) {
			out = append(out, e.Msg)
		}
	}
	return out
}

// Distinct is Received where what came again counts once.
func (u *UA) Distinct(what any) []*Message {
	var out []*Message
	seen := map[string]bool{}
	for _, m := range u.Received(what) {
		if raw := string(m.Bytes()); !seen[raw] {
			seen[raw] = true
			out = append(out, m)
		}
	}
	return out
}

// Names are the strings that name this endpoint in the messages of others: its mark
// (which stands in its Call-IDs, tags, branches, Contacts and hosts), its host:port and
// its address, unless the edge or the reader has that address too.
func (u *UA) Names(reader *UA) []string {
	names := []string{u.Mark, u.addr.String()}
	if u.addr.Addr() != reader.Edge.Addr() && u.addr.Addr() != reader.addr.Addr() {
		names = append(names, u.IP())
	}
	return names
}

// Leaks is every line that came to this endpoint and holds one of the names of another.
// Bodies of SDP are left out.
func (u *UA) Leaks(names ...string) []string {
	var leaks []string
	for _, e := range u.Entries() {
		if e.Out {
			continue
		}
		for line := range strings.SplitSeq(withoutSDP(e), "\r\n") {
			for _, name := range names {
				if contains(line, name) {
					leaks = append(leaks, fmt.Sprintf("%q names %q", line, name))
				}
			}
		}
	}
	return leaks
}

func withoutSDP(e Entry) string {
	if e.Msg == nil || !strings.HasPrefix(strings.ToLower(e.Msg.Get("Content-Type")), "application/sdp") {
		return string(e.Raw)
	}
	return strings.TrimSuffix(string(e.Raw), e.Msg.Body)
}

// contains finds name as a whole: 127.0.0.1 does not stand in 127.0.0.12.
func contains(line, name string) bool {
	for at := 0; ; {
		i := strings.Index(line[at:], name)
		if i < 0 {
			return false
		}
		end := at + i + len(name)
		if end == len(line) || !isDigit(name[len(name)-1]) || !isDigit(line[end]) {
			return true
		}
		at = end
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
