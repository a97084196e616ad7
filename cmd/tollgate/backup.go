package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"tollgate/internal/backup"
	"tollgate/internal/edge"
)

type backupCommand struct {
	File  string `arg:"" help:"The file to write, such as tollgate.tar.gz."`
	Force bool   `help:"Write over a file that is there."`
}

// backedUp is what a backup or a restore tells.
type backedUp struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
	backup.Manifest
	DataDir string `json:"data_dir,omitempty"` // into which it was restored
	Aside   string `json:"aside,omitempty"`    // the folder with what was there before
}

// Run writes a backup of the running node, or of the data folder of one that does not run.
func (c *backupCommand) Run(ctx context.Context, p *program) error {
	if _, err := os.Lstat(c.File); err == nil && !c.Force {
		return fmt.Errorf("%s is there already: choose another name, or --force", c.File)
	}
	write, err := p.backupSource(ctx)
	if err != nil {
		return err
	}
	done := &backedUp{File: c.File}
	if err := c.write(ctx, write, done); err != nil {
		return err
	}
	return p.print(done, func() {
		fmt.Fprintf(p.stdout, "written: %s, %s\n", plain(c.File), size(done.Bytes))
		p.parts(&done.Manifest)
		if done.Key == backup.KeyInEnvironment {
			fmt.Fprintln(p.stdout, "The key that seals the passwords is not in it: keep TOLLGATE_SECRET_KEY too, apart from the file.")
			return
		}
		fmt.Fprintln(p.stdout, "It holds every password and key of the node: keep it where nobody else can read it.")
	})
}

// backupSource gives what writes the backup.
func (p *program) backupSource(ctx context.Context) (func(context.Context, io.Writer) error, error) {
	if p.cli.Server == "" && p.cli.Token == "" {
		cfg, err := p.node()
		if err != nil {
			return nil, err
		}
		cfg.Version = programVersion()
		has, _ := backup.Holds(cfg.DataDir) // one that cannot be read is told of below
		if len(has) > 0 && errors.Is(local(cfg.DataDir).reach(ctx, cfg.DataDir), edge.ErrNoNode) {
			return func(ctx context.Context, w io.Writer) error { return edge.BackupStopped(ctx, &cfg, w) }, nil
		}
	}
	node, err := p.client(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, w io.Writer) error { return node.download(ctx, "/backup", w) }, nil
}

// write fills a new file beside the one that is meant, reads it back, and only then gives it its name.
func (c *backupCommand) write(ctx context.Context, fill func(context.Context, io.Writer) error, done *backedUp) (err error) {
	f, err := os.CreateTemp(filepath.Dir(c.File), "."+filepath.Base(c.File)+".") // mode 0600
	if err != nil {
		return folderFault(c.File, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(fill(ctx, f), f.Sync()); err != nil {
		return errors.Join(err, f.Close())
	}
	if done.Bytes, err = f.Seek(0, io.SeekEnd); err == nil {
		done.Manifest, err = backup.Check(io.NewSectionReader(f, 0, done.Bytes))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("read back what was written: %w", err)
	}
	return os.Rename(f.Name(), c.File)
}

func folderFault(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s cannot be written: its folder does not exist", file)
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err // the path is that of a file that nobody has heard of
	}
	return fmt.Errorf("%s cannot be written: %w", file, err)
}

// download copies the body of an answer, however long that takes.
func (c *client) download(ctx context.Context, path string, w io.Writer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/api/v1"+path, nil)
	if err != nil {
		return err
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	patient := *c.http
	patient.Timeout = 0
	resp, err := patient.Do(r)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		const limit = 1 << 20 // of a refusal
		data, err := io.ReadAll(io.LimitReader(resp.Body, limit))
		if err != nil {
			return fmt.Errorf("read the node's answer: %w", err)
		}
		return c.judge(resp, data)
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("the node's answer broke off: %w", err)
	}
	return nil
}

// parts prints what is in a backup.
func (p *program) parts(m *backup.Manifest) {
	fmt.Fprintf(p.stdout, "made %s by tollgate %s, schema %d:\n", m.Made.Format(time.RFC3339), plain(m.Tollgate), m.Schema)
	for _, part := range m.Parts {
		fmt.Fprintf(p.stdout, "  %-12s %s\n", part.Name, size(part.Size))
	}
}

// size writes bytes for people.
func size(n int64) string {
	const kilo = 1000
	value, unit := float64(n), 0
	for ; value >= kilo && unit < 4; unit++ {
		value /= kilo
	}
	if unit == 0 {
		return strconv.FormatInt(n, 10) + " bytes"
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + []string{"", "kB", "MB", "GB", "TB"}[unit]
}
