package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tollgate/internal/login"
	"tollgate/internal/policy"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// Config says what the API works on.
type Config struct {
	Store          *store.Store
	Node           Node
	Log            *slog.Logger
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	Panel          fs.FS          // the panel as it was built; nil: it was not
	Address        string         // http://host:port of the panel, for links that the unix socket asks for
	Contact        string         // of the operator, for people
}

// server is the API of one node.
type server struct {
	store   *store.Store
	node    Node
	log     *slog.Logger
	proxies []netip.Prefix
	huma    huma.API
	address string
	contact string

	hasher   *login.Hasher
	throttle *login.Throttle
	passkeys *login.Passkeys
	keys     keyUses
	undoes   map[tenant.Kind]undoer
}

const (
	root = "/api/v1"
	// applyLimit is how long a write waits for this node's traffic to obey it.
	applyLimit = 10 * time.Second
)

// New gives the handler of everything under /: the API, its description, and the page.
func New(cfg Config) http.Handler {
	settleHuma()
	s := &server{
		store: cfg.Store, node: cfg.Node, log: cfg.Log, proxies: cfg.TrustedProxies, address: cfg.Address, contact: cfg.Contact,
		hasher: login.NewHasher(), throttle: login.NewThrottle(nil), passkeys: login.NewPasskeys(), undoes: map[tenant.Kind]undoer{},
	}
	operations := http.NewServeMux()
	s.huma = humago.New(operations, describe(cfg.Node.Info().Version))
	s.sessions()
	s.me()
	s.links()
	s.requests()
	s.nouns()
	s.audit()
	s.passwords()
	s.live()
	s.bindings()
	s.messages()
	s.bans()
	s.antifraud()
	s.transparent()
	s.decisions()
	s.events()
	s.strangers()
	s.limits()
	s.cdrs()
	s.deadLetters()
	s.tools()
	s.dns()
	s.files()
	s.pending()
	s.imports()
	s.backup()
	s.panel()

	mux := http.NewServeMux()
	mux.Handle(root+"/", s.principal(s.known(operations)))
	mux.Handle("GET /api/openapi.json", description(s.huma.OpenAPI()))
	mux.Handle("/api/", http.HandlerFunc(noOperation))
	mux.Handle("/", website(cfg.Panel))
	return s.recovered(crossOrigin(s.secured(mux)))
}

// describe is the head of the OpenAPI document, and how bodies are written.
func describe(version string) huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	for from, to := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[tenant.Timers]():    reflect.TypeFor[timers](),
		reflect.TypeFor[policy.Reason]():    reflect.TypeFor[string](),
		reflect.TypeFor[policy.Direction](): reflect.TypeFor[string](),
		reflect.TypeFor[policy.How]():       reflect.TypeFor[string](),
	} {
		registry.RegisterTypeAlias(from, to)
	}
	asJSON := huma.Format{Marshal: writeJSON, Unmarshal: json.Unmarshal}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Tollgate", Version: version,
				Description: "Every operation works within the scope of its key; what belongs to another tenant is 404. " +
					"A write returns once this node's traffic obeys it. Accept-Language: it gives the sentences of reasons, and what is wrong with a request, in Italian, else they are English.",
			},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"key":     {Type: "http", Scheme: "bearer", Description: "An API key."},
					"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "A panel user's session."},
				},
			},
			Security: []map[string][]string{{"key": {}}, {"session": {}}},
		},
		Formats:                      map[string]huma.Format{"application/json": asJSON, "json": asJSON},
		DefaultFormat:                "application/json",
		Transformers:                 []huma.Transformer{retold},
		RejectUnknownQueryParameters: true,
	}
}

// writeJSON escapes < > & too, so that a browser that guesses never sees markup.
func writeJSON(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

// timers is tenant.Timers as JSON has it.
type timers struct {
	Initial string `json:"initial" example:"5s"`
	Invite  string `json:"invite" example:"2m"`
	MaxCall string `json:"max_call" example:"12h"`
}

// settleHuma changes the two settings of huma that are variables of its package: errors in our
// form, and keys compared exactly. The same for every server, so once.
var settleHuma = sync.OnceFunc(func() {
	huma.NewError = newError
	huma.ValidateStrictCasing = true
})

// description serves the OpenAPI document; it is no secret.
func description(doc *huma.OpenAPI) http.Handler {
	text, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("OpenAPI: %v", err)) // a fault of the types above
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(text)
	})
}

// known answers what no operation has, in the form of the others.
func (s *server) known(operations *http.ServeMux) http.Handler {
	operations.HandleFunc(root+"/", noOperation)
	return operations
}

func noOperation(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, problem(http.StatusNotFound, "there is no such operation; /api/openapi.json lists all"))
}

// crossOrigin refuses what another site's page makes a browser send.
func crossOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problem(http.StatusForbidden, "a page of another site may not send this"))
	}))
	return protection.Handler(next)
}

// secured tells browsers to trust nothing of what they get.
func (s *server) secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
		if s.overTLS(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// recovered keeps a fault of ours from ending more than its own request.
func (s *server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v) // the server's own way to cut a connection
			}
			if v != nil {
				s.log.Error("API fault", "method", r.Method, "path", r.URL.Path, "fault", fmt.Sprint(v), "stack", string(debug.Stack()))
				writeProblem(w, problem(http.StatusInternalServerError, internalFault))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// write changes the store as the request's principal, and returns once this node's traffic obeys.
func (s *server) write(ctx context.Context, fn func(tx *store.Tx) error) error {
	return s.writeAs(ctx, principalOf(ctx), fn)
}

// writeAs is write for whoever acts on what is his own.
func (s *server) writeAs(ctx context.Context, p tenant.Principal, fn func(tx *store.Tx) error) error {
	revision, err := s.store.Write(ctx, p, p.Scope(), fn)
	if err != nil {
		return s.refused(ctx, err)
	}
	return s.applied(ctx, revision)
}

// applied waits for the node. The change is stored, so a client that hangs up changes nothing.
func (s *server) applied(ctx context.Context, revision int64) error {
	ctx, cancel := context.WithTimeout(ctx, applyLimit)
	defer cancel()
	if err := s.node.Applied(ctx, revision); err != nil {
		s.log.Error("change not in force yet", "revision", revision, "error", err.Error())
		return problem(http.StatusGatewayTimeout, "the change is stored, but this node's traffic does not obey it yet; its log says why")
	}
	return nil
}
