package edge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/config"
)

// TestControl: for its owner only, in a folder of any length, one node at a time, and none left behind.
func TestControl(t *testing.T) {
	for name, dir := range map[string]string{"short": t.TempDir(), "long": filepath.Join(t.TempDir(), strings.Repeat("long/", 40))} {
		t.Run(name, func(t *testing.T) {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := DialControl(t.Context(), dir); !errors.Is(err, ErrNoNode) {
				t.Fatalf("nobody listens: %v", err)
			}
			for range 2 { // the second one finds what the first one left, as after kill -9
				ln, err := ListenControl(dir)
				if err != nil {
					t.Fatal(err)
				}
				if info, err := os.Stat(filepath.Join(dir, ControlName)); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%v, %v", info.Mode(), err)
				}
				c, err := DialControl(t.Context(), dir)
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
				if _, err := ListenControl(dir); err == nil || !strings.Contains(err.Error(), "another node is running") {
					t.Errorf("a second node: %v", err)
				}
				ln.(*controlListener).UnixListener.Close()
			}
			ln, err := ListenControl(dir)
			if err != nil {
				t.Fatal(err)
			}
			ln.Close()
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

func TestVacant(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	for _, c := range []struct {
		http config.HTTP
		says string
	}{
		{config.HTTP{}, ""},
		{config.HTTP{Listen: "127.0.0.1:0", Metrics: "127.0.0.1:0"}, ""},
		{config.HTTP{Listen: taken}, "http.listen: " + taken + " is in use by another program"},
		{config.HTTP{Metrics: taken}, "http.metrics: " + taken + " is in use by another program"},
		{config.HTTP{Listen: "192.0.2.1:80"}, "http.listen: 192.0.2.1:80 is no address of this machine"},
	} {
		err := Vacant(&config.Node{DataDir: t.TempDir(), HTTP: c.http})
		if (err == nil) != (c.says == "") || err != nil && !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.http, err)
		}
	}
}

// writePair writes a self-signed certificate for a name, and its key.
func writePair(t *testing.T, dir, name string) config.Certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	c := config.Certificate{Cert: filepath.Join(dir, name+".pem"), Key: filepath.Join(dir, name+".key")}
	for file, block := range map[string]*pem.Block{c.Cert: {Type: "CERTIFICATE", Bytes: der}, c.Key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }

// TestKeyPairs: chosen by name, read again when the files change, and kept where the new ones are no good.
func TestKeyPairs(t *testing.T) {
	dir := t.TempDir()
	files := []config.Certificate{writePair(t, dir, "a.test"), writePair(t, dir, "b.test")}
	if k, err := loadKeyPairs(nil, slog.New(slog.DiscardHandler)); k != nil || err != nil {
		t.Errorf("no certificates: %v %v", k, err)
	}
	synctest.Test(t, func(t *testing.T) {
		k, err := loadKeyPairs(files, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		serial := func(name string) string {
			pair, err := k.get(&tls.ClientHelloInfo{
				ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
			})
			if err != nil {
				t.Fatal(err)
			}
			return pair.Leaf.Subject.CommonName + " " + pair.Leaf.SerialNumber.String()
		}
		a, b := serial("a.test"), serial("b.test")
		if !strings.HasPrefix(a, "a.test") || !strings.HasPrefix(b, "b.test") || serial("c.test") != a {
			t.Errorf("%s, %s, %s", a, b, serial("c.test"))
		}
		if err := os.WriteFile(files[1].Key, []byte("half a key"), 0o600); err != nil {
			t.Fatal(err)
		}
		pass(2 * certificateCheck)
		if serial("b.test") != b {
			t.Error("a broken pair replaced a good one")
		}
		writePair(t, dir, "b.test")
		pass(2 * certificateCheck)
		if now := serial("b.test"); now == b || !strings.HasPrefix(now, "b.test") {
			t.Errorf("still %s", now)
		}
	})
}
