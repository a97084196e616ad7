package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// everything is the example of the documentation: every key, with a value that is not the default.
const everything = `
data_dir: ./var
database: ""
redis: ""
sip:
  listen: [{url: udp://10.0.0.4:5060, network: outside}, {url: "tcp://[::]:5062", network: inside}, {url: tls://10.1.0.4, network: inside}, {url: udp://10.0.0.4:5070, advertise: "203.0.113.7:5060", network: outside}]
  certificates: [{cert: chain.pem, key: @DIR@/key.pem}]
media: {ports: 30000-30999, kernel: off, networks: [{network: outside, address: 10.0.0.4, advertise: 203.0.113.7}, {network: inside, address: 10.1.0.4}]}
http: {listen: 127.0.0.1:8081, metrics: "", certificates: [], trusted_proxies: [192.0.2.1, 2001:db8::/32, ::1]}
platform: {domain: Sip.Example, host: edge.sip.example}
limits: {calls: 100, cps: 5}
never_ban: [192.0.2.0/24, "::ffff:192.0.2.77"]
forbidden_networks: [own, private, 198.51.100.0/24]
retention: {cdrs: 2d, traces: 0}
cdr: {webhook: {url: "https://billing.example/in", secret: "0123456789abcdef"}}
log: {level: debug, format: json}
`

func TestReadEverything(t *testing.T) {
	dir := t.TempDir()
	writePair(t, filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem"))
	n, err := Read(filepath.Join(dir, "node.yaml"), []byte(strings.ReplaceAll(everything, "@DIR@", dir)), nil)
	if err != nil {
		t.Fatal(err)
	}
	var urls []string
	for _, l := range n.SIP.Listen {
		urls = append(urls, l.URL()+"|"+l.Advertise+"|"+l.Network)
	}
	for _, c := range []struct{ name, got, want string }{
		{"data_dir", n.DataDir, dir + "/var"},
		{"listen", strings.Join(urls, " "), "udp://10.0.0.4:5060||outside tcp://[::]:5062||inside tls://10.1.0.4:5061||inside udp://10.0.0.4:5070|203.0.113.7:5060|outside"},
		{"certificate", n.SIP.Certificates[0].Cert + " " + n.SIP.Certificates[0].Key, dir + "/chain.pem " + dir + "/key.pem"},
		{"kernel", n.Media.Kernel, "off"},
		{"network", n.Media.Networks[0].Advertise, "203.0.113.7"},
		{"metrics", n.HTTP.Metrics, ""},
		{"proxies", n.HTTP.TrustedProxies[0].String(), "192.0.2.1/32"},
		{"platform", n.Platform.Domain, "sip.example"},
		{"never_ban", n.NeverBan[1].String(), "192.0.2.77/32"},
		{"log", n.Log.Level + n.Log.Format, "debugjson"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
	if n.Media.First != 30000 || n.Media.Last != 30999 || n.Limits != (Limits{100, 5}) {
		t.Errorf("ports or limits: %+v %+v", n.Media, n.Limits)
	}
	if n.Retention != (Retention{48 * time.Hour, 0}) {
		t.Errorf("retention: %+v", n.Retention)
	}
	if n.CDR.Webhook != (Webhook{"https://billing.example/in", "0123456789abcdef"}) {
		t.Errorf("webhook: %+v", n.CDR.Webhook)
	}
	if !n.Forbidden.Own || len(n.Forbidden.Prefixes) != 5 {
		t.Errorf("forbidden: %+v", n.Forbidden)
	}
}

// writePair writes a self-signed certificate and its key.
func writePair(t *testing.T, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDefaults(t *testing.T) {
	for _, file := range []string{"", "\n", "# nothing\n", "sip:\nhttp:\n", "data_dir:\n", "---\n"} {
		n, err := Read("node.yaml", []byte(file), nil)
		if err != nil || !reflect.DeepEqual(n, Default()) {
			t.Errorf("%q: %+v, %v", file, n, err)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Chdir(t.TempDir())
	if n, err := Load("", nil); err != nil || n.DataDir != "data" {
		t.Errorf("without a file: %+v, %v", n, err)
	}
	if _, err := Load("missing.yaml", nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "missing.yaml") {
		t.Errorf("a named file that is missing: %v", err)
	}
	if err := os.Mkdir("etc", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("etc/node.yaml", []byte("limits: {calls: 7}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := Load(filepath.Join("etc", "node.yaml"), []string{"TOLLGATE_LIMITS_CPS=8"})
	if err != nil || n.Limits != (Limits{7, 8}) || n.DataDir != "etc/data" {
		t.Errorf("%+v, %v", n, err)
	}
	if err := os.WriteFile("etc/node.yaml", make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load("etc/node.yaml", nil); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a huge file: %v", err)
	}
}

// TestWrong has each field wrong, in each way that there is.
func TestWrong(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		// The file itself.
		{"sip: [", "1:6: sequence end token ']' not found; key: value lines; text that holds [ ] { } # or a colon and a blank needs quotes"},
		{"\xff", "1:1: is not UTF-8 text; plain YAML"},
		{"data_dir: a\ndata_dir: b", `2:1: mapping key "data_dir" already defined at [1:1]; key: value lines; text that holds [ ] { } # or a colon and a blank needs quotes`},
		{"data_dir: a\n---\ndata_dir: b", "3:9: is a second document; one document a file"},
		{"data_dir: &a x", "1:11: anchors, aliases and tags are not read here; the value itself"},
		{"just text", "1:1: \"just text\" stands where keys are meant; the keys data_dir, database, redis, sip, media, http, platform, limits, never_ban, forbidden_networks, retention, cdr, log"},
		{"- 1", "1:1: a list stands where keys are meant; the keys data_dir, database, redis, sip, media, http, platform, limits, never_ban, forbidden_networks, retention, cdr, log"},
		{"5: x", "1:1: is not a key; a name such as data_dir"},
		// Unknown keys.
		{"dataa_dir: x", `1:1: "dataa_dir" is no key; did you mean data_dir?`},
		{"sip:\n  lissten: [x]", `2:3: "lissten" is no key of sip; did you mean listen?`},
		{"http: {port: 80}", `1:8: "port" is no key of http; one of listen, metrics, certificates, trusted_proxies`},
		{"sip: 5060", "1:6: sip: the number 5060 stands where keys are meant; the keys listen, certificates"},
		// data_dir, database, redis.
		{"data_dir: 040", `1:11: data_dir: the number 040 stands where text is meant; quote it: "040"`},
		{"data_dir: true", `1:11: data_dir: the word true stands where text is meant; quote it: "true"`},
		{"data_dir: [a]", "1:11: data_dir: a list stands where text is meant; one value"},
		{`data_dir: ""`, "1:11: data_dir: names no folder; such as ./data"},
		{"database: mysql://u:secret@h/d", `1:11: database: is not a postgres:// URL; postgres://host/..., or "" for SQLite in data_dir`},
		{"database: postgres://u:secret@h/d", `1:11: database: postgres is not served yet; "", which is SQLite in data_dir`},
		{"redis: localhost:6379", `1:8: redis: is not a redis:// URL; redis://host/..., or "" for live state in this process`},
		{"redis: redis://localhost", `1:8: redis: redis is not served yet; "", which is live state in this process`},
		// sip.listen.
		{"sip: {listen: udp://0.0.0.0:5060}", `1:15: sip.listen: "udp://0.0.0.0:5060" stands where a list is meant; [udp://0.0.0.0:5060], or one item a line, each after a hyphen`},
		{"sip: {listen: []}", "1:15: sip.listen: lists no address; at least one, such as udp://0.0.0.0:5060"},
		{"sip: {listen: [5060]}", `1:16: sip.listen[0]: the number 5060 stands where text is meant; quote it: "5060"`},
		{"sip: {listen: [0.0.0.0:5060]}", `1:16: sip.listen[0]: "0.0.0.0:5060" is not a listener; such as udp://0.0.0.0:5060, tcp://[::]:5060 or tls://0.0.0.0:5061`},
		{"sip: {listen: [http://0.0.0.0:5060]}", `1:16: sip.listen[0]: "http" is no transport; udp, tcp or tls`},
		{"sip: {listen: [wss://0.0.0.0:443]}", "1:16: sip.listen[0]: wss is not served yet; udp, tcp or tls"},
		{"sip: {listen: [udp://example.com:5060]}", `1:16: sip.listen[0]: "example.com" is not an address (a name could lead anywhere); such as udp://0.0.0.0:5060, tcp://[::]:5060 or tls://0.0.0.0:5061`},
		{"sip: {listen: [udp://300.0.0.1:5060]}", `1:16: sip.listen[0]: "300.0.0.1" is not an address (a name could lead anywhere); such as udp://0.0.0.0:5060, tcp://[::]:5060 or tls://0.0.0.0:5061`},
		{"sip: {listen: [udp://0.0.0.0:70000]}", `1:16: sip.listen[0]: "0.0.0.0:70000" is not an address and a port of 0 to 65535; such as udp://0.0.0.0:5060, tcp://[::]:5060 or tls://0.0.0.0:5061`},
		{"sip: {listen: ['udp://:5060']}", `1:16: sip.listen[0]: names no address; all of them are 0.0.0.0 or [::]; such as udp://0.0.0.0:5060, tcp://[::]:5060 or tls://0.0.0.0:5061`},
		{"sip: {listen: [udp://1.2.3.4:5060/x]}", "1:16: sip.listen[0]: holds more than an address and a port; such as udp://0.0.0.0:5060, tcp://[::]:5060 or tls://0.0.0.0:5061"},
		{"sip:\n  listen:\n    - udp://0.0.0.0:5060\n    - udp://0.0.0.0", "4:7: sip.listen[1]: udp://0.0.0.0:5060 is listed twice; each once"},
		{"sip: {listen: [{advertise: 203.0.113.7}]}", "1:16: sip.listen[0]: has no url; {url: udp://10.0.0.4:5060, advertise: 203.0.113.7, network: outside}"},
		{"sip: {listen: [{url: udp://1.2.3.4:5060, advertize: x.example}]}", `1:42: "advertize" is no key of sip.listen[0]; did you mean advertise?`},
		{"sip: {listen: [{url: udp://1.2.3.4:5060, advertise: 0.0.0.0}]}", "1:53: sip.listen[0].advertise: 0.0.0.0 leads nowhere; the public address or name, with :port where it is another, such as 203.0.113.7"},
		{"sip: {listen: [{url: udp://1.2.3.4:5060, advertise: 'sip:x'}]}", `1:53: sip.listen[0].advertise: "sip:x" is not a host; the public address or name, with :port where it is another, such as 203.0.113.7`},
		{"sip: {listen: [{url: udp://1.2.3.4:5060, network: 'a b'}]}", `1:51: sip.listen[0].network: "a b" is not a name; letters, digits, - and _, such as outside`},
		// Certificates.
		{"sip: {certificates: cert.pem}", `1:21: sip.certificates: "cert.pem" stands where a list is meant; [cert.pem], or one item a line, each after a hyphen`},
		{"sip: {certificates: [cert.pem]}", `1:22: sip.certificates[0]: "cert.pem" stands where keys are meant; {cert: ..., key: ...}`},
		{"sip: {certificates: [{cert: /dev/null}]}", "1:22: sip.certificates[0]: needs a certificate and its key; {cert: fullchain.pem, key: privkey.pem}"},
		{"http: {certificates: [{keys: b.pem}]}", `1:24: "keys" is no key of http.certificates[0]; did you mean key?`},
		{"http: {certificates: [{cert: /nowhere/a.pem, key: /dev/null}]}", "1:30: http.certificates[0].cert: open /nowhere/a.pem: no such file or directory; a PEM file that this user may read"},
		{"http: {certificates: [{cert: /dev/null, key: /dev/null}]}", `1:23: http.certificates[0]: "/dev/null" and "/dev/null": tls: failed to find any PEM data in certificate input; a PEM chain that begins with the server's certificate, and that certificate's key`},
		// media.
		{"media: {ports: 20000}", `1:16: media.ports: the number 20000 stands where text is meant; quote it: "20000"`},
		{"media: {ports: 20000-10000}", `1:16: media.ports: "20000-10000" is not a range of ports; the first and the last of at least 2 ports above 1023, such as 20000-29999`},
		{"media: {ports: 80-90}", `1:16: media.ports: "80-90" is not a range of ports; the first and the last of at least 2 ports above 1023, such as 20000-29999`},
		{"media: {kernel: on}", `1:17: media.kernel: "on" is not known; one of auto, off`},
		{"media: {networks: [{network: x}]}", "1:20: media.networks[0]: needs a network and an address; {network: outside, address: 10.0.0.4, advertise: 203.0.113.7}"},
		{"media: {networks: [{network: x, address: eth0}]}", `1:42: media.networks[0].address: "eth0" is not an address of this machine; such as 10.0.0.4`},
		{"media: {networks: [{network: x, address: 10.0.0.1}, {network: x, address: 10.0.0.2}]}\nsip: {listen: [{url: udp://1.2.3.4, network: x}]}", `1:53: media.networks[1]: the network "x" is listed twice; each once, with one IPv4 and one IPv6 address at most`},
		{"media: {networks: [{network: x, address: 10.0.0.1}]}\nsip: {listen: [{url: udp://10.0.0.1, network: y}]}", `2:15: sip.listen[0].network: the network "y" is not in media.networks; one of x`},
		// http.
		{"http: {listen: 8080}", `1:16: http.listen: the number 8080 stands where text is meant; quote it: "8080"`},
		{"http: {listen: 127.0.0.1}", `1:16: http.listen: "127.0.0.1" is not a host and port; host:port such as 127.0.0.1:8080, or "" for none`},
		{"http: {metrics: '127.0.0.1:99999'}", `1:17: http.metrics: "127.0.0.1:99999" is not a host and port; host:port such as 127.0.0.1:8080, or "" for none`},
		{"http: {metrics: 'a_b c:90'}", `1:17: http.metrics: "a_b c" holds " ", which no host name does; host:port such as 127.0.0.1:8080, or "" for none`},
		{"http: {trusted_proxies: [10.0.0.1/8]}", "1:26: http.trusted_proxies[0]: 10.0.0.1/8 has bits set to the right of /8; 10.0.0.0/8 for the range, 10.0.0.1/32 for the one address"},
		// platform, limits.
		{"platform: {domain: 'http://x'}", `1:20: platform.domain: "http://x" is not a host; the port goes into its own field`},
		{"platform: {host: a..b}", `1:18: platform.host: "a..b" has an empty part; an address, or a name such as pbx.example.com`},
		{"limits: {calls: -1}", "1:17: limits.calls: -1 is out of range; 0 (unlimited) to 1000000"},
		{"limits: {calls: '5'}", `1:17: limits.calls: "5" stands where a number is meant; 0 (unlimited) to 1000000, without quotes`},
		{"limits: {calls: 040}", "1:17: limits.calls: 040 begins with 0, which is octal or hexadecimal in YAML; the number without it"},
		{"limits: {cps: 1.5}", `1:15: limits.cps: "1.5" is not a whole number; 0 (unlimited) to 1000000`},
		{"limits: {cps: [1]}", "1:15: limits.cps: a list stands where a number is meant; 0 (unlimited) to 1000000"},
		// never_ban, forbidden_networks.
		{"never_ban: 192.0.2.1", `1:12: never_ban: "192.0.2.1" stands where a list is meant; [192.0.2.1], or one item a line, each after a hyphen`},
		{"never_ban: [192.0.2.1/33]", `1:13: never_ban[0]: "192.0.2.1/33" is not an IP address or CIDR range; a mask of 0 to 32, not "33"`},
		{"never_ban: [office.example]", `1:13: never_ban[0]: "office.example" is not an IP address or CIDR range; addresses only; a host name is allowed only as the host of an ingress switch`},
		{"forbidden_networks: [link-locl]", `1:22: forbidden_networks[0]: "link-locl" is not known; did you mean link-local?`},
		{"forbidden_networks: [10.0.0.0/64]", `1:22: forbidden_networks[0]: "10.0.0.0/64" is not an IP address or CIDR range; own, link-local, loopback, private or a range such as 192.0.2.0/24`},
		// retention, log.
		{"cdr: {webhook: {url: 'ftp://u:hush@x/', secret: 0123456789abcdefg}}", `1:22: cdr.webhook.url: is no URL of a web server; https://host/path, or "" for none`},
		{"cdr: {webhook: {url: 'https://x.test/in'}}", "1:16: cdr.webhook.secret: is missing: the receiver could not tell our records from forged ones; a secret of 16 characters or more"},
		{"cdr: {webhook: {secret: hush}}", "1:25: cdr.webhook.secret: is too short; at least 16 characters, such as openssl rand -hex 24 gives"},
		{"cdr: {webhook: {secret: 1234567890123456}}", "1:25: cdr.webhook.secret: is no text; quote it"},
		{"retention: {cdrs: 180}", "1:19: retention.cdrs: the number 180 has no unit; a number and its unit, such as 180d or 12h; 0 keeps for ever"},
		{"retention: {cdrs: 6 months}", `1:19: retention.cdrs: "6 months" is not a time to keep; a number and its unit, such as 180d or 12h; 0 keeps for ever`},
		{"retention: {traces: -7d}", `1:21: retention.traces: "-7d" is not a time to keep; a number and its unit, such as 180d or 12h; 0 keeps for ever`},
		{"log: {level: warning}", `1:14: log.level: "warning" is not known; did you mean warn?`},
		{"log: {format: xml}", `1:15: log.format: "xml" is not known; one of text, json`},
	} {
		_, err := Read("node.yaml", []byte(c.file), nil)
		if err == nil {
			t.Errorf("%q: no fault", c.file)
		} else if got := err.Error(); got != "node.yaml:"+c.want {
			t.Errorf("%q:\n got %s\nwant node.yaml:%s", c.file, got, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") || err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: shows a password: %v", c.file, err)
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := Read("node.yaml", []byte("limits: {calls: x, cps: -5}\nlog: {level: loud}\nnope: 1\n"), []string{"TOLLGATE_MEDIA_PORTS=all"})
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 5 {
		t.Fatalf("%v", err)
	}
	if faults[4].Error() != `TOLLGATE_MEDIA_PORTS: "all" is not a range of ports; the first and the last of at least 2 ports above 1023, such as 20000-29999` {
		t.Errorf("%v", faults[4])
	}
}

func TestEnvironment(t *testing.T) {
	n, err := Read("/etc/node.yaml", []byte("limits: {calls: 5}\nhttp: {listen: 127.0.0.1:1}\n"), []string{
		"PATH=/bin", "TOLLGATE_LIMITS_CALLS=9", "TOLLGATE_DATA_DIR=here", "TOLLGATE_LOG_LEVEL=",
		"TOLLGATE_SIP_LISTEN=udp://127.0.0.1:5062, tcp://127.0.0.1:5062",
		"TOLLGATE_NEVER_BAN=192.0.2.1,2001:db8::/32", "TOLLGATE_HTTP_LISTEN=", "TOLLGATE_RETENTION_CDRS=1d",
		"TOLLGATE_HTTP_TRUSTED_PROXIES=[192.0.2.1]",
		"TOLLGATE_TEST_LIVE=delayed", "TOLLGATE_TEST_KEEPALIVE=2s", "TOLLGATE_SERVER=http://x", "TOLLGATE_SIP_LISTNE=x",
		"TOLLGATE_SECRET_KEY=" + strings.Repeat("0a", 32),
	})
	if err != nil {
		t.Fatal(err)
	}
	if n.Limits.Calls != 9 || n.DataDir != "here" || n.Log.Level != "info" || len(n.SIP.Listen) != 2 || n.SIP.Listen[1].Proto != "tcp" ||
		len(n.NeverBan) != 2 || n.HTTP.Listen != "" || n.Retention.CDRs != 24*time.Hour || len(n.HTTP.TrustedProxies) != 1 {
		t.Errorf("%+v", n)
	}
	if n.Test != (Test{Live: "delayed", Keepalive: 2 * time.Second}) || len(n.SecretKey) != 32 || n.SecretKey[0] != 10 {
		t.Errorf("%+v", n)
	}
	if !slices.Equal(n.Unknown, []string{"TOLLGATE_SIP_LISTNE"}) {
		t.Errorf("unknown: %v", n.Unknown)
	}
}

func TestEnvironmentWrong(t *testing.T) {
	for line, want := range map[string]string{
		"TOLLGATE_SIP_LISTEN=udp://x:1":   `TOLLGATE_SIP_LISTEN: "x" is not an address (a name could lead anywhere); such as udp://0.0.0.0:5060, tcp://[::]:5060 or tls://0.0.0.0:5061`,
		"TOLLGATE_SIP_LISTEN=[a":          `TOLLGATE_SIP_LISTEN: sequence end token ']' not found; key: value lines; text that holds [ ] { } # or a colon and a blank needs quotes`,
		"TOLLGATE_LIMITS_CALLS=many":      `TOLLGATE_LIMITS_CALLS: "many" is not a whole number; 0 (unlimited) to 1000000`,
		"TOLLGATE_TEST_LIVE=redis":        `TOLLGATE_TEST_LIVE: "redis" is not known; one of memory, delayed`,
		"TOLLGATE_TEST_KEEPALIVE=x":       `TOLLGATE_TEST_KEEPALIVE: "x" is not a time; such as 2s`,
		"TOLLGATE_SECRET_KEY=hunter2":     "TOLLGATE_SECRET_KEY: is not a key; 64 hex digits, such as `openssl rand -hex 32` prints",
		"TOLLGATE_DATABASE=postgres://:p": "TOLLGATE_DATABASE: is not a postgres:// URL; postgres://host/..., or \"\" for SQLite in data_dir",
	} {
		_, err := Read("node.yaml", nil, []string{line})
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", line, err, want)
		}
	}
}

// TestVariables: every key of the file has its variable.
func TestVariables(t *testing.T) {
	for _, name := range Variables() {
		if _, err := Read("node.yaml", nil, []string{name + "=\x01["}); err == nil && name != "TOLLGATE_DATA_DIR" {
			t.Errorf("%s is not read", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(everything)
	f.Add("sip: {listen: [udp://0.0.0.0:5060]}")
	f.Add("a: [[[[{{{{")
	f.Add("retention: {cdrs: 0d}\nlog: {level: off}")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Read("node.yaml", []byte(s), nil)
		var faults Faults
		if err != nil && !errors.As(err, &faults) {
			t.Fatalf("an error that is no fault: %v", err)
		}
		for _, fault := range faults {
			if fault.Line < 1 || fault.Column < 1 || strings.ContainsAny(fault.Error(), "\n\r\x1b") {
				t.Errorf("%q: a fault without a place, or of several lines: %q", s, fault.Error())
			}
		}
		if err == nil && (len(n.SIP.Listen) == 0 || n.DataDir == "") {
			t.Errorf("%q: no listener or folder: %+v", s, n)
		}
	})
}
