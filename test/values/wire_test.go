package values

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// values are what is sent, by what it may harm.
func values() map[string]string {
	return map[string]string{
		"SQL":       `'; DROP TABLE customers; --`,
		"more SQL":  `" OR 1=1 /*`,
		"HTML":      `<script>alert(1)</script><img src=x onerror=alert(1)>`,
		"template":  `{{.}}${jndi:ldap://x}%s%n%00`,
		"terminal":  "\x1b[2J\x1b]0;owned\x07\x1b[31m",
		"C1":        "\u009b2J\u009d0;x\u0085",
		"direction": "\u202e\u2066gpj.exe\u2069\u200f",
		"bytes":     "\x9b2J\xff\xfe\xc0\x80\xed\xa0\x80",
		"NUL":       "a\x00b",
		"fold":      "a\r\n X-Forged: 1\r\n\tb",
		"escapes":   `%0d%0aX-Forged:%201\r\n%1b[2J%00`,
		"CR":        "a\rlevel=ERROR msg=forged",
		"LF":        "a\nlevel=ERROR msg=forged",
		"equals":    `=cmd|' /C calc'!A0`,
		"plus":      "+1+1",
		"minus":     "-2+3",
		"at":        "@SUM(1)",
		"tab":       "\t=3",
		"JSON":      `","hits":99,"x":"`,
		"YAML":      `x: &a [*a, !!python/object:os.system {}] # |`,
		"log":       `x" level=ERROR msg="forged`,
		"astral":    "\U000e0041\U0001f600",
		"kilobyte":  strings.Repeat("Ω=", 400),
		"60 KB":     strings.Repeat("x", 60_000),
	}
}

// places are where a value stands in a request.
var places = []string{
	"uri", "from name", "from user", "to name", "to user", "contact", "contact name", "user agent", "call id", "via", "subject", "unknown", "event", "body",
}

var methods = []string{"INVITE", "REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE"}

// request writes a request with a value in one place, byte for byte as it is.
func request(method, place, value, domain, target string, from netip.AddrPort, n int) []byte {
	at := func(p, otherwise string) string {
		if p == place {
			return value
		}
		return otherwise
	}
	inQuotes := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	uri := "sip:" + at("uri", target) + "@" + domain
	if method == "REGISTER" {
		uri = "sip:" + domain
	}
	line("%s %s SIP/2.0", method, uri)
	line("Via: SIP/2.0/UDP %s;branch=z9hG4bKv%d;rport;x=%s", from, n, at("via", "y"))
	line("Max-Forwards: 70")
	line("From: %q <sip:%s@%s>;tag=t%d", "", at("from user", "alice"), domain, n)
	text := strings.Replace(b.String(), `From: ""`, `From: "`+inQuotes.Replace(at("from name", "Alice"))+`"`, 1)
	b.Reset()
	b.WriteString(text)
	line(`To: "%s" <sip:%s@%s>`, inQuotes.Replace(at("to name", "Bob")), at("to user", target), domain)
	line("Call-ID: %s%d", at("call id", "v"), n)
	line("CSeq: 1 %s", method)
	line(`Contact: "%s" <sip:%s@%s>`, inQuotes.Replace(at("contact name", "Alice")), at("contact", "alice"), from)
	line("User-Agent: %s", at("user agent", "tester"))
	line("Subject: %s", at("subject", "x"))
	line("X-Unknown: %s", at("unknown", "x"))
	if method == "SUBSCRIBE" {
		line("Event: %s", at("event", "presence"))
	}
	if method == "SUBSCRIBE" || method == "REGISTER" {
		line("Expires: 600")
	}
	body := ""
	if method == "INVITE" || method == "MESSAGE" {
		body = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=" + at("body", "-") + "\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
		line("Content-Type: %s", map[string]string{"INVITE": "application/sdp", "MESSAGE": "text/plain"}[method])
	}
	line("Content-Length: %d", len(body))
	line("")
	return []byte(b.String() + body)
}

// line is a UDP socket that counts what comes, or answers it.
type line struct {
	t    *testing.T
	conn *net.UDPConn
	done sync.WaitGroup

	mu  sync.Mutex
	got [][]byte
}

func newLine(t *testing.T, ip string, answer func(*line, []byte, netip.AddrPort)) *line {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), 0)))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	l := &line{t: t, conn: conn}
	l.done.Go(func() {
		buf := make([]byte, 65536)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			answer(l, bytes.Clone(buf[:n]), from)
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		l.done.Wait()
	})
	return l
}

func (l *line) addr() netip.AddrPort { return l.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (l *line) send(to netip.AddrPort, data []byte) {
	l.t.Helper()
	if _, err := l.conn.WriteToUDPAddrPort(data, to); err != nil {
		l.t.Error(err)
	}
}

// keeps is a caller, who looks at answers later.
func keeps(l *line, data []byte, _ netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, data)
}

// heard says whether something came that holds a text.
func (l *line) heard(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.got {
		if bytes.Contains(m, []byte(text)) {
			return true
		}
	}
	return false
}

// answers is a PBX that refuses calls and takes phones, and gives back what it is sent.
func answers(l *line, data []byte, from netip.AddrPort) {
	head, _, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	method, _, _ := strings.Cut(lines[0], " ")
	status := map[string]string{"INVITE": "486 Busy Here", "REGISTER": "200 OK", "CANCEL": "200 OK"}[method]
	if status == "" {
		status = "480 Temporarily Unavailable"
	}
	if method == "ACK" || strings.HasPrefix(method, "SIP/") {
		return
	}
	reply, copied := []string{"SIP/2.0 " + status}, false
	for _, line := range lines[1:] {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			name, _, _ := strings.Cut(strings.ToLower(line), ":")
			copied = name == "via" || name == "from" || name == "to" || name == "call-id" || name == "cseq" || name == "contact" && method == "REGISTER"
			if name == "to" {
				line += ";tag=pbx"
			}
		}
		if copied {
			reply = append(reply, line)
		}
	}
	l.send(from, []byte(strings.Join(append(reply, "Expires: 600", "Content-Length: 0"), "\r\n")+"\r\n\r\n"))
}

// patience is how long an answer may take.
const patience = 15 * time.Second
