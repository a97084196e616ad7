package bridge

import (
	"tollgate/internal/media"
	"tollgate/internal/media/srtp"
	"tollgate/sdp"
)

// Wants is what a description asks of media.
type Wants struct {
	Encrypted bool // SRTP with keys in the description
	DTLS      bool // or by DTLS
}

// Inspect says what a description asks for. An error is a *sdp.Fault.
func Inspect(d *sdp.Description) (w Wants, err error) {
	var t sdp.Transport
	for i := range d.Media() {
		if err := d.Transport(&d.Media()[i], &t); err != nil {
			return w, err
		}
		if t.Port != 0 {
			w.Encrypted = w.Encrypted || encrypted(t.Profile)
			w.DTLS = w.DTLS || t.Profile == sdp.DTLS
		}
	}
	return w, nil
}

// Check says why Do would not take a description from a side in a dialog, where that is its author's
// doing; offer says that it is one in any case.
func (s *Session) Check(d *sdp.Description, from media.Side, fork uint8, offer bool) error {
	if len(d.Media()) > MaxStreams {
		return ErrStreams
	}
	streams, by := s.streams, s.offerer
	if i := s.dialog(fork); i >= 0 {
		streams, by = s.early[i].streams, s.early[i].offerer
	} else if !s.With(fork) {
		by = s.first
	}
	answer := !offer && by == offerer(1-from)+1
	var t sdp.Transport
	for i := range d.Media() {
		if err := d.Transport(&d.Media()[i], &t); err != nil {
			return err
		}
		if t.Port == 0 || !carried(t.Profile) {
			continue
		}
		if !t.Addr.IsValid() {
			return errNowhere
		}
		if answer && (i >= len(streams) || !alike(streams[i].profile[from], t.Profile)) {
			return ErrProfile
		}
		if encrypted(t.Profile) && !known(d, &t) {
			return ErrNoSuite
		}
	}
	return nil
}

// alike says that a stream offered with one profile may be answered with another: with or
// without the F of feedback (RFC 4585) some make no difference.
func alike(offered, answered sdp.Profile) bool {
	return offered == answered || offered.RTP() && answered.RTP() && encrypted(offered) == encrypted(answered)
}

// known says that one of a stream's crypto lines is of a suite that we have.
func known(d *sdp.Description, t *sdp.Transport) bool {
	for _, line := range t.Crypto {
		if _, key, err := srtp.ParseCrypto(d.Slice(line)); err == nil && key.Suite != srtp.None {
			return true
		}
	}
	return false
}
