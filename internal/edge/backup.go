package edge

import (
	"context"
	"io"

	"tollgate/internal/backup"
	"tollgate/internal/config"
)

// Backup is api.Node.
func (e *Edge) Backup(ctx context.Context, w io.Writer) error {
	return backup.Write(ctx, w, source(&e.cfg, e.journal.Snapshot))
}

// BackupStopped writes a backup of a data folder whose node does not run. Should one start
// meanwhile, both are right: the journal refuses one of them.
func BackupStopped(ctx context.Context, cfg *config.Node, w io.Writer) error {
	return backup.Write(ctx, w, source(cfg, backup.Journal(cfg.DataDir)))
}

func source(cfg *config.Node, journal func(io.Writer) error) backup.Source {
	return backup.Source{Dir: cfg.DataDir, Version: version(cfg), KeyInEnvironment: cfg.SecretKey != nil, Journal: journal}
}
