package api

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"tollgate/internal/login"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

const (
	cookieName = "tollgate_session"
	// actHeader marks requests that a person has caused: they renew the session. What a page asks by
	// itself does not.
	actHeader = "X-Tollgate-Action"
	// leftHeader tells how many seconds are left of the session, if its user does nothing.
	leftHeader = "X-Tollgate-Session-Seconds"
	// renewPatience is how long a request waits for somebody else's write, to renew its session.
	renewPatience = 2 * time.Second
	maxAgent      = 200
)

// visitor is what a request says of where it comes from.
type visitor struct {
	from    string // the address, or as the connection has it
	secure  bool   // the browser speaks TLS
	host    string // the Host that was asked, as it was sent
	agent   string // the browser, as it calls itself
	token   string // of the session cookie, "" where there is none that could be one
	act     bool
	session *store.Session // that the token stands for; nil: none
	key     tenant.KeyID   // of the API key that was used
}

func (s *server) visitor(r *http.Request) *visitor {
	v := &visitor{from: s.client(r), secure: s.overTLS(r), host: r.Host, act: r.Header.Get(actHeader) == "1"}
	v.agent = strings.ToValidUTF8(r.UserAgent(), "?")
	if utf8.RuneCountInString(v.agent) > maxAgent {
		v.agent = string([]rune(v.agent)[:maxAgent])
	}
	if c, err := r.Cookie(cookieName); err == nil && len(c.Value) == login.TokenLength {
		v.token = c.Value
	}
	return v
}

func visitorOf(ctx context.Context) *visitor {
	if v, ok := ctx.Value(visitorKey).(*visitor); ok {
		return v
	}
	return &visitor{}
}

// overTLS says whether the browser speaks TLS, to us or to a proxy that we trust.
func (s *server) overTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && s.trusted(host) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// used notes that a session or an API key was used.
func (s *server) used(r *http.Request, w http.ResponseWriter, v *visitor) {
	if v.session != nil {
		if v.act {
			ctx, cancel := context.WithTimeout(r.Context(), renewPatience)
			defer cancel()
			if err := s.store.Renew(ctx, v.session); err != nil {
				s.log.Warn("a session was not renewed", "error", err.Error())
			}
		}
		w.Header().Set(leftHeader, strconv.Itoa(secondsLeft(v.session)))
	}
	if v.key != 0 && s.keys.due(v.key, time.Now()) {
		if err := s.store.NoteKeyUse(r.Context(), v.key); err != nil {
			s.log.Warn("the use of an API key was not noted", "error", err.Error())
		}
	}
}

func secondsLeft(session *store.Session) int {
	return max(0, int(time.Until(session.Ends()).Seconds()))
}

// keyUses remembers when the use of a key was noted, so that it is once a minute.
type keyUses struct {
	mu   sync.Mutex // guards last
	last map[tenant.KeyID]time.Time
}

const noteEvery = time.Minute

// due says whether a use has to be noted. What is older than that is forgotten.
func (k *keyUses) due(id tenant.KeyID, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.last[id]) < noteEvery {
		return false
	}
	for old, at := range k.last {
		if now.Sub(at) >= noteEvery {
			delete(k.last, old)
		}
	}
	if k.last == nil {
		k.last = map[tenant.KeyID]time.Time{}
	}
	k.last[id] = now
	return true
}
