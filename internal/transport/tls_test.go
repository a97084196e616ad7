package transport_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/internal/transport"
)

// issue writes a certificate for a name and its key.
func issue(t *testing.T, dir, name string) (transport.Certificate, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := transport.Certificate{Cert: filepath.Join(dir, name+".pem"), Key: filepath.Join(dir, name+".key")}
	for file, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files, cert
}

// presented is the certificate that a listener shows to who asks for a name.
func presented(t *testing.T, tr *transport.Transport, name string) *x509.Certificate {
	t.Helper()
	c := tls.Client(dialTCP(t, at(tr, 0, "127.0.0.1")), &tls.Config{ServerName: name, InsecureSkipVerify: true})
	defer c.Close()
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState().PeerCertificates[0]
}

// lines is a log that a test reads.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func logged() (*slog.Logger, *lines) {
	l := &lines{}
	return slog.New(slog.NewTextHandler(l, nil)), l
}

func TestTLSByServerName(t *testing.T) {
	dir := t.TempDir()
	one, oneCert := issue(t, dir, "one.example.com")
	two, twoCert := issue(t, dir, "two.example.com")
	cfg := listening(on(transport.TLS, "127.0.0.1"))
	cfg.Certificates = []transport.Certificate{one, two}
	tr, _ := start(t, cfg)
	for name, want := range map[string]*x509.Certificate{"one.example.com": oneCert, "two.example.com": twoCert, "else.example.com": oneCert, "": oneCert} {
		if got := presented(t, tr, name); !got.Equal(want) {
			t.Errorf("%q gets %s", name, got.Subject)
		}
	}
}

func TestTLSReload(t *testing.T) {
	dir := t.TempDir()
	files, first := issue(t, dir, "one.example.com")
	log, out := logged()
	cfg := listening(on(transport.TLS, "127.0.0.1"))
	cfg.Certificates, cfg.Log = []transport.Certificate{files}, log
	tr, _ := start(t, cfg)
	if !presented(t, tr, "").Equal(first) {
		t.Fatal("another certificate")
	}
	if err := os.WriteFile(files.Cert, []byte("half a cert"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the log of the broken file", func() bool {
		return presented(t, tr, "").Equal(first) && strings.Contains(out.String(), "not reloaded")
	})
	_, second := issue(t, dir, "one.example.com")
	until(t, "the new certificate", func() bool { return presented(t, tr, "").Equal(second) })
	if n := strings.Count(out.String(), "not reloaded"); n > 2 { // the key may be seen a moment later
		t.Errorf("logged %d times", n)
	}
}

// until does something again and again until it has come to what is waited for.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s did not come", what)
		}
	}
}

func TestTLSSelfSigned(t *testing.T) {
	log, out := logged()
	cfg := listening(on(transport.TLS, "127.0.0.1"))
	cfg.Listen[0].Advertise, cfg.Log = "edge.example.com", log
	tr, _ := start(t, cfg)
	if err := presented(t, tr, "edge.example.com").VerifyHostname("edge.example.com"); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "self-signed") || !strings.Contains(out.String(), "sip.certificates") {
		t.Errorf("log: %s", out)
	}
}

func TestTLSBadFiles(t *testing.T) {
	dir := t.TempDir()
	one, _ := issue(t, dir, "one.example.com")
	two, _ := issue(t, dir, "two.example.com")
	for _, files := range []transport.Certificate{{Cert: one.Cert, Key: two.Key}, {Cert: filepath.Join(dir, "none"), Key: one.Key}} {
		cfg := listening(on(transport.TLS, "127.0.0.1"))
		cfg.Certificates = []transport.Certificate{files}
		if _, err := transport.New(cfg); err == nil || !strings.Contains(err.Error(), files.Cert) {
			t.Error(err)
		}
	}
}

// Two transports talk TLS to each other, as client and as server.
func TestTLSDial(t *testing.T) {
	dir := t.TempDir()
	files, cert := issue(t, dir, "pbx.example.com")
	serverCfg := listening(on(transport.TLS, "127.0.0.1"))
	serverCfg.Certificates = []transport.Certificate{files}
	srv, got := start(t, serverCfg)
	client, answers := start(t, listening(on(transport.TLS, "127.0.0.1")))
	hop := transport.Hop{Proto: transport.TLS, Addr: at(srv, 0, "127.0.0.1"), ServerName: "pbx.example.com"}

	verified := hop
	verified.Verify = true
	if d := dial(t, client, verified, ""); !errors.As(d.err, new(x509.UnknownAuthorityError)) {
		t.Fatalf("nobody vouches for %s: %v", cert.Subject, d.err)
	}
	d := dial(t, client, hop, "")
	if d.err != nil {
		t.Fatal(d.err)
	}
	if f, ok := client.Find(hop, ""); !ok || f != d.flow {
		t.Error("not found")
	}
	if _, ok := client.Find(verified, ""); ok {
		t.Error("an unverified connection serves a hop that wants it verified")
	}
	other := hop
	other.ServerName = "other.example.com"
	if _, ok := client.Find(other, ""); ok {
		t.Error("a connection to another name is found")
	}
	large := message(strings.Repeat("z", 50_000))
	for range 20 {
		if err := client.Send(d.flow, []byte(large)); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		r := await(t, got.got, "the message")
		if r.data != large || r.flow.Proto != transport.TLS {
			t.Fatalf("%d bytes", len(r.data))
		}
		if err := srv.Send(r.flow, []byte(message("answer"))); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if r := await(t, answers.got, "the answer"); r.data != message("answer") || r.flow != d.flow {
			t.Fatalf("%+v", r)
		}
	}
}

// A handshake that does not get on ends, and takes no place meanwhile for ever.
func TestTLSHandshakeTimeout(t *testing.T) {
	cfg := listening(on(transport.TLS, "127.0.0.1"))
	cfg.PartialMessageTimeout = 30 * time.Millisecond
	tr, _ := start(t, cfg)
	c := dialTCP(t, at(tr, 0, "127.0.0.1"))
	write(t, c, "\x16\x03\x01")
	if _, err := io.ReadAll(c); isTimeout(err) {
		t.Error(err)
	}
}

// A TLS peer that does not read fills its queue; no record is lost when it does.
func TestTLSSendQueue(t *testing.T) {
	cfg := listening(on(transport.TLS, "127.0.0.1"))
	cfg.SendQueue = 100_000
	tr, s := start(t, cfg)
	c := tls.Client(dialTCP(t, at(tr, 0, "127.0.0.1")), &tls.Config{InsecureSkipVerify: true})
	write(t, c, message(""))
	f := await(t, s.got, "the message").flow
	taken := 0
	for data := make([]byte, 1000); ; taken++ {
		if err := tr.Send(f, data); errors.Is(err, transport.ErrQueueFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.CopyN(io.Discard, c, int64(taken)*1000); err != nil {
		t.Fatal(err)
	}
}
