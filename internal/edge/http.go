package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"os/user"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
	"golang.org/x/sys/unix"

	"tollgate/internal/api"
	"tollgate/internal/config"
	"tollgate/internal/record"
	"tollgate/web"
)

// maxHTTPConns is how many connections each HTTP listener has at once; more wait in the kernel.
const maxHTTPConns = 1024

// httpServers are the node's three doors beside SIP: the API (http.listen), the control socket in
// the data folder, which is the same API for the platform's admin, and the metrics (http.metrics).
type httpServers struct {
	edge    *Edge
	log     *slog.Logger
	servers []*http.Server
	done    sync.WaitGroup
}

func newHTTPServers(e *Edge) *httpServers {
	return &httpServers{edge: e, log: e.log}
}

// start binds all three and serves them; of what it could not bind it says so in one sentence,
// and close takes down the rest.
func (h *httpServers) start() error {
	e := h.edge
	handler := api.New(api.Config{
		Store: e.store, Node: e, Log: e.log, TrustedProxies: e.cfg.HTTP.TrustedProxies,
		Panel: web.Panel(), Address: e.panelAddress(), Contact: e.cfg.Platform.Contact,
	})
	control, err := ListenControl(e.cfg.DataDir)
	if err != nil {
		return err
	}
	h.serve(control, &http.Server{Handler: handler, ConnContext: localPeer})
	if at := e.cfg.HTTP.Metrics; at != "" {
		if err := h.listen("http.metrics", at, &http.Server{Handler: h.metrics()}, nil); err != nil {
			return err
		}
	}
	if at := e.cfg.HTTP.Listen; at != "" {
		pairs, err := loadKeyPairs(e.cfg.HTTP.Certificates, h.log)
		if err != nil {
			return err
		}
		if err := h.listen("http.listen", at, &http.Server{Handler: handler}, pairs); err != nil {
			return err
		}
	}
	return nil
}

// Vacant says whether nobody else holds the data folder and the HTTP addresses of a node that is
// about to start: its SIP sockets are bound first, and would have told of other things by then.
func Vacant(cfg *config.Node) error {
	if c, err := DialControl(context.Background(), cfg.DataDir); err == nil {
		return errors.Join(errAnotherNode(cfg.DataDir), c.Close())
	}
	for _, door := range []struct{ key, at string }{{"http.listen", cfg.HTTP.Listen}, {"http.metrics", cfg.HTTP.Metrics}} {
		if door.at == "" {
			continue
		}
		ln, err := listenTCP(door.key, door.at)
		if err != nil {
			return err
		}
		if err := ln.Close(); err != nil {
			return fmt.Errorf("%s: %w", door.key, err)
		}
	}
	return nil
}

// listenTCP binds one address; its error says which key of node.yaml names it.
func listenTCP(key, at string) (net.Listener, error) {
	ln, err := net.Listen("tcp", at)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is in use by another program: end it, or choose another port in node.yaml", key, at)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s: %s is no address of this machine", key, at)
	case errors.Is(err, unix.EACCES):
		return nil, fmt.Errorf("%s: %s may not be bound by this user: choose a port above 1023, or give the capability CAP_NET_BIND_SERVICE", key, at)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return ln, nil
}

// listen serves one TCP address, with TLS where there are key pairs.
func (h *httpServers) listen(key, at string, s *http.Server, pairs *keyPairs) error {
	ln, err := listenTCP(key, at)
	if err != nil {
		return err
	}
	scheme := "http"
	if pairs != nil {
		s.TLSConfig, scheme = pairs.config(), "https"
	}
	h.log.Info("listening", key, scheme+"://"+ln.Addr().String())
	h.serve(netutil.LimitListener(ln, maxHTTPConns), s)
	return nil
}

func (h *httpServers) serve(ln net.Listener, s *http.Server) {
	// A write is as long as the longest apply, whose body has its own time.
	s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout = 10*time.Second, time.Minute, 10*time.Minute, 2*time.Minute
	s.MaxHeaderBytes = 64 << 10
	s.ErrorLog = slog.NewLogLogger(h.log.Handler(), slog.LevelDebug)
	h.servers = append(h.servers, s)
	h.done.Go(func() {
		var err error
		if s.TLSConfig != nil {
			err = s.ServeTLS(ln, "", "")
		} else {
			err = s.Serve(ln)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			h.log.Error("HTTP server ended", "address", ln.Addr().String(), "error", err.Error())
		}
	})
}

// close lets running requests finish within two seconds.
func (h *httpServers) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, s := range h.servers {
		if s.Shutdown(ctx) != nil {
			_ = s.Close() // whoever still hangs is cut off
		}
	}
	h.done.Wait()
}

// metrics is the handler of http.metrics.
func (h *httpServers) metrics() http.Handler {
	e := h.edge
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		e.recorder.Collector(
			record.Gauge{Name: "calls", Help: "Calls that are up or being set up.", Value: func() float64 { return float64(e.calls.Live()) }},
			record.Gauge{Name: "bindings", Help: "Phones that have registered.", Value: func() float64 { return float64(e.registrar.Len()) }},
			record.Gauge{Name: "subscriptions", Help: "Subscriptions that stand, but for those of transfers.", Value: func() float64 { return float64(e.calls.Subscriptions()) }},
			record.Gauge{Name: "journal_bytes", Help: "Disk that the journal takes, reserved space included.", Value: func() float64 { return float64(e.journal.Stats().Bytes) }},
			record.Gauge{Name: "journal_records_total", Help: "Records that were written to the journal.", Counter: true, Value: e.journalRecords},
			record.Gauge{Name: "cdrs_waiting", Help: "Call records that the database does not have yet.", Value: func() float64 { return float64(e.cdrs.Stats().Waiting) }},
			record.Gauge{Name: "cdrs_stored_total", Help: "Call records that were stored.", Counter: true, Value: func() float64 { return float64(e.cdrs.Stats().Stored) }},
			record.Gauge{Name: "cdrs_lost_total", Help: "Records of refused attempts that nothing could keep.", Counter: true, Value: func() float64 { return float64(e.cdrs.Stats().Lost) }},
			record.Gauge{Name: "cdrs_repeated_total", Help: "Refused attempts that another's record stands for.", Counter: true, Value: func() float64 { return float64(e.cdrs.Stats().Repeated) }},
			record.Gauge{Name: "webhook_waiting", Help: "Call records that the webhook's receiver does not have yet.", Value: func() float64 { return float64(e.webhookStats().Waiting) }},
			record.Gauge{Name: "webhook_failed_total", Help: "Requests of the webhook that its receiver did not take.", Counter: true, Value: func() float64 { return float64(e.webhookStats().Failed) }},
			record.Gauge{Name: "webhook_dead_letters", Help: "Call records that its receiver would not have.", Value: func() float64 { return float64(e.webhookStats().Dead) }},
			record.Gauge{Name: "bans", Help: "Bans that stand, or are remembered for a day after their end.", Value: e.bansStanding},
			record.Gauge{Name: "banned_dropped_total", Help: "What was dropped because its source is banned.", Counter: true, Value: e.bannedDropped},
			record.Gauge{Name: "kernel_bans_possible", Help: "1 where bans for everybody drop in the kernel, 0 where only Tollgate drops.", Value: e.kernelBansPossible},
			record.Gauge{Name: "kernel_bans", Help: "Bans for which the kernel drops.", Value: func() float64 { return float64(e.kernel.info().Bans) }},
			record.Gauge{Name: "kernel_bans_interfaces", Help: "Network interfaces on which it does; none while there are no such bans.", Value: func() float64 { return float64(e.kernel.info().Interfaces) }},
			record.Gauge{Name: "transactions", Help: "Transactions that are alive, both sides.", Value: e.transactions},
			record.Gauge{Name: "retransmissions_total", Help: "Requests and responses that we sent again.", Counter: true, Value: e.retransmissions},
			record.Gauge{Name: "revision", Help: "Revision of the configuration that traffic obeys.", Value: func() float64 { return float64(e.follower.seen.Load()) }},
		),
	)
	registry.MustRegister(newThreatMetrics(e.guard))
	registry.MustRegister(e.antifraudMetrics()...)
	registry.MustRegister(traceMetrics{e.traces}, mediaMetrics{e.media}, kernelWay{e.kernel})
	registry.MustRegister(e.overloadMetrics()...)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelWarn)}))
	// Profiles, for this machine only, wherever the metrics are served; heap?gc=1 collects first.
	mux.HandleFunc("GET /debug/pprof/", fromHere(pprof.Index))
	mux.HandleFunc("GET /debug/pprof/profile", fromHere(pprof.Profile))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if e.gate.Draining() {
			say(w, http.StatusServiceUnavailable, "draining: no new calls are taken")
			return
		}
		say(w, http.StatusOK, "ready")
	})
	return mux
}

// fromHere serves clients on this machine, and nobody else.
func fromHere(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if at, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || !at.Addr().Unmap().IsLoopback() {
			say(w, http.StatusForbidden, "profiles are served to this machine only: ask 127.0.0.1")
			return
		}
		next(w, r)
	}
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text)
}

// localPeer notes who is at the other end of the control socket: whoever may open it is the
// platform's admin, and his login name is what the audit shows.
func localPeer(ctx context.Context, c net.Conn) context.Context {
	name := "local"
	if u, ok := c.(*net.UnixConn); ok {
		if raw, err := u.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
					name = loginName(cred.Uid)
				}
			})
		}
	}
	return api.WithLocal(ctx, name)
}

func loginName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}
