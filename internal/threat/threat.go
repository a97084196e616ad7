// Package threat sees who attacks: strangers who go on asking, scanners by their marks, and
// whoever guesses passwords or users. It counts what others tell it of, and has the sources
// banned. It also keeps who the strangers were, for people who wonder why a phone is not heard.
//
// All its memory is taken when it is made: attackers choose the keys, so the tables are of
// a fixed size, hashed with a secret, and give up the quietest first.
//
// Not its job: to decide about a request (package gate), or to keep bans (package ban).
//
// RFC 3261 22; RFC 7616 3.3 (stale).
package threat

import "time"

// Stranger is a source whose requests nobody could be found for.
type Stranger struct {
	Source      string    // address and port of the last request
	Transport   string    // of the last: udp, tcp or tls
	First, Last time.Time // of its requests
	Count       uint64    // of them
	RequestLine string    // of the last, as it came from the wire; cut to what is kept
	UserAgent   string    // of the last, likewise; "" = it said none
	Host        string    // that the last one asked for; "" = none that can be read
	DidYouMean  string    // the domain of ours that is most like Host; "" = none is
	Banned      bool      // by now
}
