package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"tollgate/internal/login"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

type contextKey int

const (
	localKey contextKey = iota
	principalKey
	visitorKey
	languageKey
)

// WithLocal marks the connections of the node's own unix socket: whoever may open it is the
// platform's admin; name is his login name.
func WithLocal(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, localKey, name)
}

func principalOf(ctx context.Context) tenant.Principal {
	p, _ := ctx.Value(principalKey).(tenant.Principal) // the zero one may nothing
	return p
}

// maxKey is longer than any API key.
const maxKey = 256

// open are the operations for which nobody has to be known: they are how one becomes known.
func open(path string) bool {
	switch strings.TrimPrefix(path, root) {
	case "/session", passkeySession, passkeySession + "/begin", "/setup":
		return true
	}
	return false
}

// principal lets nobody through of whom it is not known who he is.
func (s *server) principal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.visitor(r)
		p, err := s.identify(r, v)
		switch {
		case errors.Is(err, tenant.ErrNotFound) && open(r.URL.Path):
			p = tenant.Principal{From: v.from}
		case errors.Is(err, tenant.ErrNotFound):
			w.Header().Set("WWW-Authenticate", `Bearer realm="tollgate"`)
			writeProblem(w, problem(http.StatusUnauthorized, "log in, or send an API key: Authorization: Bearer KEY"))
			return
		case err != nil:
			writeProblem(w, s.refused(r.Context(), err))
			return
		case p.Only == tenant.OnlyWall && !onWall(r):
			writeProblem(w, problem(http.StatusForbidden, "this key is a wall board's: it reads the overview, calls, destinations and events"))
			return
		}
		s.used(r, w, v)
		ctx := context.WithValue(context.WithValue(r.Context(), principalKey, p), visitorKey, v)
		ctx = context.WithValue(ctx, languageKey, accepted(r.Header))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// onWall is what a wall board reads.
func onWall(r *http.Request) bool {
	switch strings.TrimPrefix(r.URL.Path, root) {
	case "/session", "/overview", "/calls", "/destinations", "/events":
		return r.Method == http.MethodGet
	}
	return false
}

// whoIs is identify for whoever asks again while a request runs.
func (s *server) whoIs(r *http.Request) (tenant.Principal, error) { return s.identify(r, s.visitor(r)) }

// identify finds who sends a request: the unix socket's peer, the holder of an API key, or the user
// of a session. tenant.ErrNotFound: nobody who is known.
func (s *server) identify(r *http.Request, v *visitor) (tenant.Principal, error) {
	if name, ok := r.Context().Value(localKey).(string); ok {
		return tenant.Local(name), nil
	}
	if len(r.Header.Values("Authorization")) == 0 && v.token != "" {
		session, user, err := s.store.SessionOf(r.Context(), login.TokenHash(v.token))
		if err != nil {
			return tenant.Principal{}, err
		}
		v.session = &session
		p := store.UserPrincipal(&user)
		p.From = v.from
		return p, nil
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	key = strings.TrimSpace(key)
	if !strings.EqualFold(scheme, "Bearer") || key == "" || len(key) > maxKey {
		return tenant.Principal{}, tenant.ErrNotFound
	}
	from, _ := netip.ParseAddr(v.from)
	p, id, err := s.store.Authenticate(r.Context(), key, from)
	v.key, p.From, p.Via = id, v.from, "api"
	return p, err
}

// client is the address of whoever sent the request: the last one in X-Forwarded-For that no
// trusted proxy of ours has, where a trusted proxy brought it.
func (s *server) client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(host); i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		host = a.Unmap().WithZone("").String()
	}
	return host
}

func (s *server) trusted(host string) bool {
	a, err := netip.ParseAddr(host)
	for _, p := range s.proxies {
		if err == nil && p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// sees gives a function that says which customers the scope holds; it may be called under a lock.
func (s *server) sees(ctx context.Context, scope tenant.Scope) (func(tenant.CustomerID) bool, error) {
	switch scope.Role() {
	case tenant.RolePlatform:
		return func(tenant.CustomerID) bool { return true }, nil
	case tenant.RoleCustomer:
		own := scope.Customer()
		return func(id tenant.CustomerID) bool { return id == own && id != 0 }, nil
	}
	customers, err := s.customers(ctx, scope)
	return func(id tenant.CustomerID) bool { return customers[id] }, err
}
