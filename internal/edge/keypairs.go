package edge

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"tollgate/internal/config"
)

// certificateCheck is how often the files of the HTTP certificates are looked at.
const certificateCheck = 10 * time.Second

// keyPairs are the certificates of the HTTP listener, read again when their files change.
type keyPairs struct {
	files []config.Certificate
	log   *slog.Logger

	mu      sync.Mutex // guards all below
	loaded  []tls.Certificate
	stamps  []time.Time
	checked time.Time
}

// loadKeyPairs reads the certificates; nil where there are none.
func loadKeyPairs(files []config.Certificate, log *slog.Logger) (*keyPairs, error) {
	if len(files) == 0 {
		return nil, nil
	}
	k := &keyPairs{files: files, log: log}
	return k, k.load()
}

func (k *keyPairs) load() error {
	loaded := make([]tls.Certificate, len(k.files))
	for i, f := range k.files {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return fmt.Errorf("http.certificates: %s and %s: %w", f.Cert, f.Key, err)
		}
		loaded[i] = pair
	}
	k.loaded, k.stamps, k.checked = loaded, k.written(), time.Now()
	return nil
}

// written gives when each file was last written.
func (k *keyPairs) written() []time.Time {
	var stamps []time.Time
	for _, f := range k.files {
		for _, name := range []string{f.Cert, f.Key} {
			var at time.Time
			if info, err := os.Stat(name); err == nil {
				at = info.ModTime()
			}
			stamps = append(stamps, at)
		}
	}
	return stamps
}

func (k *keyPairs) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: k.get}
}

// get chooses by the name that the client asked for, else the first.
func (k *keyPairs) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); now.Sub(k.checked) >= certificateCheck {
		k.checked = now
		k.reload()
	}
	for i := range k.loaded {
		if hello.SupportsCertificate(&k.loaded[i]) == nil {
			return &k.loaded[i], nil
		}
	}
	return &k.loaded[0], nil
}

// reload takes new files over if they are good, and keeps the old ones if not: half of a pair may have been written.
func (k *keyPairs) reload() {
	stamps := k.written()
	for i := range stamps {
		if stamps[i].Equal(k.stamps[i]) {
			continue
		}
		if err := k.load(); err != nil {
			k.log.Warn("certificates not read again", "error", err.Error())
		}
		return
	}
}
