package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tollgate/internal/backup"
	"tollgate/internal/config"
	"tollgate/internal/edge"
)

type restoreCommand struct {
	File  string `arg:"" help:"The file that backup wrote."`
	Force bool   `help:"Also into a data folder that is in use: what is there is moved aside, not deleted."`
}

// Run puts a backup into the data folder of a node that does not run. The whole file is judged
// before anything in the folder is touched.
func (c *restoreCommand) Run(ctx context.Context, p *program) error {
	if p.cli.Server != "" || p.cli.Token != "" {
		return misuse("restore works on a data folder of this machine, not with --server")
	}
	node, err := p.node()
	if err != nil {
		return err
	}
	done := &backedUp{File: c.File}
	if done.DataDir, err = filepath.Abs(node.DataDir); err != nil {
		return err
	}
	if err := c.restore(ctx, &node, done); err != nil {
		return err
	}
	return p.print(done, func() {
		fmt.Fprintf(p.stdout, "restored into %s from %s, %s\n", plain(done.DataDir), plain(c.File), size(done.Bytes))
		p.parts(&done.Manifest)
		if done.Aside != "" {
			fmt.Fprintf(p.stdout, "What was there lies in %s now.\n", plain(done.Aside))
		}
		fmt.Fprintln(p.stdout, "Start the node with tollgate serve and the same -c, as the user that owns the data folder.")
	})
}

func (c *restoreCommand) restore(ctx context.Context, node *config.Node, done *backedUp) (err error) {
	f, err := os.Open(c.File)
	if err != nil {
		return err // names the file
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", c.File)
	}
	if err != nil {
		return err
	}
	done.Bytes = info.Size()
	release, err := c.occupy(ctx, node.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release(err != nil)) }()
	stage, err := backup.Open(ctx, f, node.DataDir, node.SecretKey)
	if err != nil {
		return fmt.Errorf("%s is not restored, and nothing was changed: %w", c.File, err)
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	done.Manifest = stage.Manifest
	return c.install(stage, node.DataDir, done)
}

// install moves the parts into place, and what was there beside the folder itself, wherever a link may lead.
func (c *restoreCommand) install(stage *backup.Stage, dir string, done *backedUp) error {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	if real, err = filepath.Abs(real); err != nil {
		return err
	}
	old, err := backup.Holds(dir)
	if err != nil {
		return err
	}
	aside := real + ".before-restore-" + time.Now().UTC().Format("20060102T150405Z")
	if err := stage.Install(aside); err != nil {
		return fmt.Errorf("%s is not restored, and nothing was changed: %w", c.File, err)
	}
	if len(old) > 0 {
		done.Aside = aside
	}
	return nil
}

// occupy takes the data folder as a node does, so that none starts meanwhile, and makes it where it
// is missing. What it gives undoes that; failed: a folder that was made goes again.
func (c *restoreCommand) occupy(ctx context.Context, dir string) (release func(failed bool) error, err error) {
	_, err = os.Stat(dir)
	made := errors.Is(err, fs.ErrNotExist)
	if !made {
		if err := c.mayTake(ctx, dir); err != nil {
			return nil, err
		}
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ln, err := edge.ListenControl(dir)
	if err != nil {
		return nil, err
	}
	return func(failed bool) error {
		err := ln.Close()
		if made && failed {
			err = errors.Join(err, os.Remove(dir))
		}
		return err
	}, nil
}

// mayTake refuses a folder whose node runs, and one that holds a node's data unless it was forced.
func (c *restoreCommand) mayTake(ctx context.Context, dir string) error {
	switch err := local(dir).reach(ctx, dir); {
	case err == nil:
		return fmt.Errorf("a node is running with the data folder %s: stop it first", dir)
	case !errors.Is(err, edge.ErrNoNode):
		return err
	}
	old, err := backup.Holds(dir)
	if err != nil {
		return err
	}
	if len(old) > 0 && !c.Force {
		return fmt.Errorf("the data folder %s holds a node's data already (%s): name another one with -c, or --force to move it aside", dir, strings.Join(old, ", "))
	}
	return nil
}
