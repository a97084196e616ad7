package doctor

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tollgate/internal/config"
)

// renewBefore is how long before its end a certificate should be replaced: Let's Encrypt's are
// renewed 30 days before, so 21 says that something did not work.
const renewBefore = 21 * 24 * time.Hour

// certificates looks at what TLS listeners show.
func (v *visit) certificates(context.Context) {
	tls := slices.ContainsFunc(v.Config.SIP.Listen, func(l config.Listener) bool { return l.Proto == "tls" })
	list := v.Config.SIP.Certificates
	if !tls && len(list) == 0 && len(v.Config.HTTP.Certificates) == 0 {
		v.ok("TLS is not spoken")
		return
	}
	var leaves []*x509.Certificate
	for _, c := range list {
		if leaf := v.certificate(c); leaf != nil {
			leaves = append(leaves, leaf)
		}
	}
	for _, c := range v.Config.HTTP.Certificates {
		v.certificate(c)
	}
	if tls && len(list) == 0 {
		v.warn([]string{"in node.yaml, under sip:  certificates: [{cert: /path/fullchain.pem, key: /path/privkey.pem}]"},
			"no certificate is configured: TLS shows a self-signed one, which phones that verify refuse")
	}
	if len(leaves) > 0 {
		v.names(leaves)
	}
	if v.fine() {
		v.ok("%d certificates are good", len(list)+len(v.Config.HTTP.Certificates))
	}
}

// certificate judges one; config has seen that it is one and that its key fits.
func (v *visit) certificate(c config.Certificate) *x509.Certificate {
	leaf, err := v.leaf(c.Cert)
	if err != nil {
		v.problem([]string{"ls -l " + c.Cert}, "certificate %s: %v", c.Cert, err)
		return nil
	}
	renew := []string{"certbot renew    # or however it was made; the files are read again by themselves"}
	switch left := leaf.NotAfter.Sub(v.Now); {
	case left <= 0:
		v.problem(renew, "certificate %s ended on %s", c.Cert, leaf.NotAfter.Format(time.DateOnly))
	case v.Now.Before(leaf.NotBefore):
		v.problem(nil, "certificate %s is not good before %s: is the clock right?", c.Cert, leaf.NotBefore.Format(time.DateOnly))
	case left < renewBefore:
		v.warn(renew, "certificate %s ends in %d days, on %s", c.Cert, int(left.Hours()/24), leaf.NotAfter.Format(time.DateOnly))
	}
	if leaf.Issuer.String() == leaf.Subject.String() && leaf.CheckSignatureFrom(leaf) == nil || selfSigned(leaf) {
		v.warn(nil, "certificate %s is self-signed: phones that verify refuse it unless it is installed on them", c.Cert)
	}
	if info, err := fs.Stat(v.Files, inRoot(c.Key)); err == nil && info.Mode().Perm()&0o004 != 0 {
		v.warn([]string{"chmod o= " + c.Key}, "the key %s can be read by everybody on this machine", c.Key)
	}
	return leaf
}

// selfSigned says whether a certificate that is no authority proves itself.
func selfSigned(leaf *x509.Certificate) bool {
	return leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil
}

func (v *visit) leaf(name string) (*x509.Certificate, error) {
	data, err := fs.ReadFile(v.Files, inRoot(name))
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			leaf, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("cannot be read: %w", err)
			}
			return leaf, nil
		}
	}
	return nil, errors.New("holds no certificate")
}

// inRoot is a path of the machine within Files.
func inRoot(name string) string {
	if abs, err := filepath.Abs(name); err == nil {
		name = abs
	}
	return strings.TrimPrefix(filepath.ToSlash(name), "/")
}

// names looks whether each domain is in some certificate.
func (v *visit) names(leaves []*x509.Certificate) {
	var without []string
	for _, d := range v.Domains {
		if _, err := netip.ParseAddr(d); err == nil {
			continue // authorities hardly sign addresses, and phones hardly ask
		}
		if !slices.ContainsFunc(leaves, func(c *x509.Certificate) bool { return c.VerifyHostname(d) == nil }) {
			without = append(without, d)
		}
	}
	if len(without) == 0 {
		return
	}
	if more := len(without) - 5; more > 0 {
		without = append(without[:5], fmt.Sprintf("and %d more", more))
	}
	v.warn(nil, "no certificate covers %s: phones that verify refuse TLS to it", strings.Join(without, ", "))
}
