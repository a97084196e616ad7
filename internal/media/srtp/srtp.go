// Package srtp protects RTP and RTCP (RFC 3711).
package srtp

import "errors"

// What a packet or an a=crypto line is refused with.
var (
	ErrShort       = errors.New("srtp: not a whole packet")
	ErrAuth        = errors.New("srtp: wrong authentication tag")
	ErrReplay      = errors.New("srtp: packet seen before, or too old to tell")
	ErrSpent       = errors.New("srtp: no index is left for this key")
	ErrUnsupported = errors.New("srtp: not supported")
	ErrSyntax      = errors.New("srtp: malformed a=crypto")
	ErrState       = errors.New("srtp: malformed state")
)

// Overhead is how many bytes protection adds to a packet at most.
const Overhead = 32

// ParseCrypto reads the value of an a=crypto line.
func ParseCrypto(value []byte) (tag int, k Key, err error) { return 0, Key{}, ErrUnsupported }

// Sender protects one direction.
type Sender struct{}

// NewSender makes a Sender for one direction.
func NewSender(k Key) *Sender { return &Sender{} }

// RTP appends the SRTP packet to dst.
func (s *Sender) RTP(dst, packet []byte) ([]byte, error) { return dst, ErrUnsupported }

// RTCP appends the SRTCP packet to dst.
func (s *Sender) RTCP(dst, packet []byte) ([]byte, error) { return dst, ErrUnsupported }

// AppendState appends what Restore takes.
func (s *Sender) AppendState(dst []byte) []byte { return dst }

// Restore takes what AppendState gave before a restart.
func (s *Sender) Restore(b []byte) error { return nil }

// Receiver opens one direction.
type Receiver struct{}

// NewReceiver makes a Receiver for one direction.
func NewReceiver(k Key) *Receiver { return &Receiver{} }

// RTP appends the RTP packet to dst.
func (r *Receiver) RTP(dst, packet []byte) ([]byte, error) { return dst, ErrUnsupported }

// RTCP appends the RTCP packet to dst.
func (r *Receiver) RTCP(dst, packet []byte) ([]byte, error) { return dst, ErrUnsupported }

// AppendState appends what Restore takes.
func (r *Receiver) AppendState(dst []byte) []byte { return dst }

// Restore takes what AppendState gave before a restart.
func (r *Receiver) Restore(b []byte) error { return nil }
