package registrar

import (
	"net/netip"
	"strings"
	"testing"

	"tollgate/internal/dialog"
	"tollgate/internal/transport"
)

// TestNeedle: what a list shows of a binding is found, in any case, and what stands across two
// columns or in none is not.
func TestNeedle(t *testing.T) {
	b := &binding{id: dialog.Stable{0xab, 0xcd}}
	b.flow = transport.Flow{Proto: transport.TLS, Remote: netip.MustParseAddrPort("[fe80::1%eth0]:5071")}
	b.texts = textsOf(&[textCount][]byte{
		textAOR: []byte("Jürgen.1001@alfa.example"), textURI: []byte("sip:X@192.0.2.9"), textInstance: []byte("<urn:uuid:7>"),
		textPath: []byte("<sip:edge-proxy>"), textAgent: []byte("Deskphone T46G"),
	}, nil)
	for text, want := range map[string]bool{
		"": true, "  1001 ": true, "1001@ALFA": true, "jürgen": true, "JÜRGEN": true, "x@192": true, "urn:UUID": true, "t46g": true, "t46g ": true,
		"TLS": true, "abcd00": true, "[FE80::1%ETH0]:5071": true, ":5071": true, "5071": true, "deskphone T46G": true,
		"udp": false, "1002": false, "edge-proxy": false, "examplesip": false, "t46gg": false, "kjürgen": false, "\xff": false, "5072": false,
		strings.Repeat("a", 5000): false,
	} {
		if got := newNeedle(text).in(b); got != want {
			t.Errorf("%q is found: %t", text, got)
		}
	}
}
