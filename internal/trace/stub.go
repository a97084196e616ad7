package trace

import (
	"context"
	"io"

	"tollgate/internal/transport"
)

// Config says what a Recorder is made of.
type Config struct{}

// Recorder keeps cases.
type Recorder struct{}

// New makes a recorder.
func New(Config) (*Recorder, error) { return &Recorder{}, nil }

// Message keeps a message that came (in) or went.
func (r *Recorder) Message(in bool, f transport.Flow, callID, data []byte) {}

// Run starts the drain; Close ends it once all is in the files.
func (r *Recorder) Run() {}

// Close ends what Run started.
func (r *Recorder) Close() {}

// Stats counts.
func (r *Recorder) Stats() Stats { return Stats{} }

// Find gives cases, those that changed last first, and where to go on; a zero next means
// that there are no more. What happened until now is included.
func (r *Recorder) Find(ctx context.Context, q Query) (list []Decision, next Place, err error) {
	return nil, Place{}, nil
}

// Get gives a case and its messages, of both legs, by time; or ErrNotFound.
func (r *Recorder) Get(ctx context.Context, id ID) (Decision, []Message, error) {
	return Decision{}, nil, ErrNotFound
}

// Watch gives decisions as they are made and calls as they end, as far as filter (nil = all)
// takes them and the channel, which holds 64, has room; others are counted in
// Stats.Unwatched. stop must be called; it closes the channel.
func (r *Recorder) Watch(filter func(*Decision) bool) (events <-chan *Decision, stop func()) {
	ch := make(chan *Decision)
	return ch, func() { close(ch) }
}

// Ladder writes a case as text for a terminal, whatever its messages hold.
func Ladder(w io.Writer, d *Decision, m []Message) error { return nil }

// Pcap writes messages as a capture file that Wireshark reads.
func Pcap(w io.Writer, m []Message) error { return nil }
