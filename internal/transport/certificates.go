package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"sync"
	"time"
)

// reloadEvery is how often, at most, a handshake looks whether files changed.
const reloadEvery = time.Second

// certificates are what TLS listeners present. Files are read again when they
// change; a broken change is logged once, and what was good stays.
type certificates struct {
	log      *slog.Logger
	sessions tls.ClientSessionCache
	every    time.Duration

	mu    sync.Mutex // guards all below
	next  time.Time
	pairs []pair
}

type pair struct {
	files Certificate
	seen  [2]fileState
	cert  *tls.Certificate
}

// fileState tells whether a file is still the same.
type fileState struct {
	changed time.Time
	size    int64
}

func stateOf(name string) fileState {
	info, err := os.Stat(name)
	if err != nil {
		return fileState{}
	}
	return fileState{info.ModTime(), info.Size()}
}

func newCertificates(files []Certificate, listeners []*listener, log *slog.Logger) (*certificates, error) {
	c := &certificates{log: log, every: reloadEvery, sessions: tls.NewLRUClientSessionCache(256)}
	for _, f := range files {
		p := pair{files: f, seen: [2]fileState{stateOf(f.Cert), stateOf(f.Key)}}
		var err error
		if p.cert, err = loadPair(f); err != nil {
			return nil, err
		}
		c.pairs = append(c.pairs, p)
	}
	if len(c.pairs) > 0 {
		return c, nil
	}
	cert, err := selfSigned(listeners)
	if err != nil {
		return nil, fmt.Errorf("make a self-signed certificate: %w", err)
	}
	c.pairs = []pair{{cert: cert}}
	sum := sha256.Sum256(cert.Certificate[0])
	log.Warn("no certificate is configured: TLS uses a self-signed one that is made anew at each start, and peers that verify will refuse it; set sip.certificates",
		"sha256", hex.EncodeToString(sum[:]))
	return c, nil
}

func loadPair(f Certificate) (*tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	return &cert, nil
}

// server is the configuration of accepted connections.
func (c *certificates) server() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		list := c.current()
		for _, cert := range list {
			if hello.SupportsCertificate(cert) == nil {
				return cert, nil
			}
		}
		return list[0], nil
	}}
}

// client is the configuration of a connection to h. We present a certificate of
// ours where the peer asks for one that we have.
func (c *certificates) client(h *Hop) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: h.ServerName, ClientSessionCache: c.sessions,
		InsecureSkipVerify: !h.Verify, //nolint:gosec // as the destination's tls_verify says
		GetClientCertificate: func(ask *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			for _, cert := range c.current() {
				if ask.SupportsCertificate(cert) == nil {
					return cert, nil
				}
			}
			return &tls.Certificate{}, nil
		},
	}
}

// current gives the certificates, read again where their files changed.
func (c *certificates) current() []*tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); !now.Before(c.next) {
		c.next = now.Add(c.every)
		for i := range c.pairs {
			c.reload(&c.pairs[i])
		}
	}
	list := make([]*tls.Certificate, len(c.pairs))
	for i := range c.pairs {
		list[i] = c.pairs[i].cert
	}
	return list
}

func (c *certificates) reload(p *pair) {
	if p.files == (Certificate{}) {
		return
	}
	now := [2]fileState{stateOf(p.files.Cert), stateOf(p.files.Key)}
	if now == p.seen {
		return
	}
	p.seen = now // the key is often written a moment after the certificate: that is another change
	cert, err := loadPair(p.files)
	if err != nil {
		c.log.Error("certificate not reloaded, the old one stays in use", "error", err.Error())
		return
	}
	p.cert = cert
	c.log.Info("certificate reloaded", "cert", p.files.Cert)
}

// selfSigned makes a certificate for what the listeners are and advertise.
func selfSigned(listeners []*listener) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller does
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller does
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Tollgate, self-signed"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, l := range listeners {
		switch {
		case l.advertises.IsValid():
			template.IPAddresses = append(template.IPAddresses, l.advertises.AsSlice())
		case l.AdvertiseHost != "":
			template.DNSNames = append(template.DNSNames, l.AdvertiseHost)
		case !l.wildcard():
			template.IPAddresses = append(template.IPAddresses, l.Addr.Addr().AsSlice())
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller does
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err //nolint:wrapcheck // the caller does
}
