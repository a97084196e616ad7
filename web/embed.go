// Package web holds the panel as `npm run build` has left it in dist, so that the program is one file.
//
// It is not its job to serve it (package api). A checkout without Node builds, too: then there is no
// panel in it.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Panel gives the panel's files, index.html at the root; nil where it was not built.
func Panel() fs.FS {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil
	}
	if _, err := fs.Stat(built, "index.html"); err != nil {
		return nil
	}
	return built
}
