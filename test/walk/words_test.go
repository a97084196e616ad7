package walk

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// document reads one of the project's documents.
func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// between is what a text says from a phrase on, up to another.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, from)
	part, _, ended := strings.Cut(rest, to)
	if !found || !ended {
		t.Fatalf("nothing stands between %q and %q any more: bring this test and the document together", from, to)
	}
	return part
}

// blocks gives the code blocks of a document, each as its lines without comments.
func blocks(text string) [][]string {
	var list [][]string
	fresh := true
	for line := range strings.Lines(text) {
		code, ok := strings.CutPrefix(line, "    ")
		if !ok {
			fresh = true
			continue
		}
		if fresh {
			list = append(list, nil)
			fresh = false
		}
		code, _, _ = strings.Cut(code, " #")
		list[len(list)-1] = append(list[len(list)-1], strings.TrimSpace(code))
	}
	return list
}

// told is what init says has to be typed into a phone.
type told struct {
	domain, proxy string // proxy: host:port, "" = none is needed
	port, tlsPort string
}

var ports = regexp.MustCompile(`UDP or TCP to port (\d+), TLS to port (\d+)`)

// readTold reads init's closing words: a name, blanks, a value and perhaps a comment on each line.
func readTold(t *testing.T, screen string) (p told) {
	t.Helper()
	for line := range strings.Lines(between(t, screen, "A phone (docs/phones.md):\n", "The PBX at ")) {
		line, _, _ = strings.Cut(line, " #")
		name, value, _ := strings.Cut(strings.TrimSpace(line), "  ")
		value = strings.TrimSpace(value)
		switch name {
		case "user, password", "":
		case "domain":
			p.domain = value
		case "outbound proxy":
			p.proxy = value
		case "transport":
			if found := ports.FindStringSubmatch(value); found != nil {
				p.port, p.tlsPort = found[1], found[2]
			}
		default:
			t.Errorf("init tells a phone of %q, which this test does not type", name)
		}
	}
	if p.domain == "" || p.port == "" {
		t.Fatalf("init does not say what to type into a phone:\n%s", screen)
	}
	return p
}

// account is docs/phones.md's line for baresip with what init told, for a user over a transport.
func (p *told) account(t *testing.T, user, password, proto string) string {
	t.Helper()
	line := ""
	for _, block := range blocks(between(t, document(t, "docs/phones.md"), "## baresip", "## ")) {
		line = block[0]
	}
	const address, proxy = "<sip:1001@pbx.example.com>", `"sip:203.0.113.7:5060;transport=udp"`
	for _, part := range []string{address, "auth_user=1001", "auth_pass=...", "outbound=" + proxy} {
		if !strings.Contains(line, part) {
			t.Fatalf("docs/phones.md has no %s in its line for baresip: %q", part, line)
		}
	}
	change := []string{"auth_user=1001", "auth_user=" + user, "auth_pass=...", "auth_pass=" + password}
	if p.proxy == "" {
		change = append(change, address, "<sip:"+user+"@"+p.domain+";transport="+proto+">", ";outbound="+proxy, "")
	} else {
		at := p.proxy
		if proto == "tls" {
			at = strings.TrimSuffix(at, ":"+p.port) + ":" + p.tlsPort
		}
		change = append(change, address, "<sip:"+user+"@"+p.domain+">", proxy, `"sip:`+at+";transport="+proto+`"`)
	}
	return strings.NewReplacer(change...).Replace(line)
}
