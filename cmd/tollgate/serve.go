package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"

	"tollgate/internal/config"
	"tollgate/internal/edge"
)

type serveCommand struct{}

// Run serves until a signal: the first one drains, the second one stops.
func (serveCommand) Run(p *program) error {
	node, err := p.node()
	if err != nil {
		return err
	}
	if err := edge.Vacant(&node); err != nil {
		return err
	}
	node.Version = programVersion()
	log := newLog(p.stderr, node.Log)
	for _, name := range node.Unknown {
		log.Warn("not a setting", "variable", name)
	}
	running, stop, release := signals(log, false)
	defer release()
	log.Info("starting", "version", node.Version, "data_dir", node.DataDir)
	err = serve(running, stop, node, log)
	if running.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was stopped while it started: no fault
	}
	return err
}

func serve(running, stop context.Context, node config.Node, log *slog.Logger) error {
	e, err := edge.New(running, node, log)
	if err != nil {
		return err
	}
	return e.Run(running, stop)
}

// signals gives two contexts: the first ends with the first SIGTERM or SIGINT, the second with the
// second. SIGHUP does nothing to a node, which a closing terminal or a habit of reloading should not
// end; what hangs on a terminal ends with it.
func signals(log *slog.Logger, onTerminal bool) (running, stop context.Context, release func()) {
	running, drain := context.WithCancel(context.Background())
	stop, end := context.WithCancel(context.Background())
	c := make(chan os.Signal, 4)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	quit := make(chan struct{})
	go func() {
		for {
			select {
			case <-quit:
				return
			case s := <-c:
				switch {
				case s == syscall.SIGHUP && !onTerminal:
					log.Info("nothing to reload: certificates are read again by themselves, and node.yaml at the next start")
				case running.Err() == nil:
					drain()
				default:
					end()
				}
			}
		}
	}()
	return running, stop, func() {
		signal.Stop(c)
		close(quit)
		drain()
		end()
	}
}

// newLog is the log as node.yaml says: coloured for a person at a terminal, key=value lines or JSON
// elsewhere. All three quote control characters.
func newLog(w io.Writer, cfg config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Level)) // config has judged it
	f, isFile := w.(*os.File)
	switch {
	case cfg.Format == "json":
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	case isFile && isatty.IsTerminal(f.Fd()):
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly, ReplaceAttr: plainAttr}))
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// plainAttr escapes what tint would let through: it quotes most of what is not printable, and not all.
func plainAttr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(plain(v.String()))
	case slog.KindAny:
		switch x := v.Any().(type) {
		case error:
			a.Value = slog.StringValue(plain(x.Error()))
		case fmt.Stringer:
			a.Value = slog.StringValue(plain(x.String()))
		}
	}
	return a
}
