package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// backupPatience is how long a client may leave a part of a backup unread.
const backupPatience = time.Minute

// backup is the operation that gives all of a node.
func (s *server) backup() {
	huma.Register(s.huma, huma.Operation{
		Method: http.MethodGet, Path: root + "/backup", OperationID: "backup", Tags: []string{"node"},
		Summary: "All of this node as one file, secrets and keys included, for an admin of the platform",
		Responses: map[string]*huma.Response{"200": {
			Description: "A backup, for `tollgate restore`.",
			Content:     map[string]*huma.MediaType{"application/gzip": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
		}},
	}, s.giveBackup)
}

func (s *server) giveBackup(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	p := principalOf(ctx)
	if err := s.store.NoteBackup(ctx, p); err != nil {
		return nil, s.refused(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		out := &patientWriter{w: w, control: http.NewResponseController(w)}
		err := s.node.Backup(ctx, out)
		switch {
		case err == nil:
			s.log.Info("backup given", "who", p.Email, "from", p.From, "bytes", out.written)
		case out.written == 0:
			s.log.Error("backup", "error", err.Error())
			writeProblem(w, problem(http.StatusInternalServerError, "no backup could be made: "+err.Error())) // an admin of the platform may know
		default:
			s.log.Warn("backup broke off", "who", p.Email, "from", p.From, "error", err.Error())
			panic(http.ErrAbortHandler) // so that the client knows that it has half of it
		}
	}}, nil
}

// patientWriter gives each write its own time, and none to the whole, which may be large.
type patientWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	written int64
}

var _ io.Writer = (*patientWriter)(nil)

// Write is io.Writer.
func (p *patientWriter) Write(b []byte) (int, error) {
	if p.written == 0 {
		p.w.Header().Set("Content-Type", "application/gzip")
		p.w.Header().Set("Content-Disposition", `attachment; filename="tollgate-backup.tar.gz"`)
	}
	_ = p.control.SetWriteDeadline(time.Now().Add(backupPatience)) // a test's writer has none
	n, err := p.w.Write(b)
	p.written += int64(n)
	return n, err
}
