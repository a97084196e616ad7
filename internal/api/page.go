package api

import (
	_ "embed"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed page.html
var pageHTML []byte

// panelPolicy is what the panel's pages may load: their own files and nothing else. Its component
// library sets style attributes, hence unsafe-inline for styles, never for scripts.
const panelPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// website serves what is not the API: the panel, whose pages are all / (the rest is behind #), and its
// files; while it was not built, a page that says so.
func website(panel fs.FS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			http.NotFound(w, r)
		case panel != nil:
			panelFile(w, r, panel, name)
		case name == "":
			w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(pageHTML)
		default:
			http.NotFound(w, r)
		}
	})
}

// panelFile serves a file of the panel; "" is index.html. Those under assets have a hash of what is in
// them as their name, so they never change.
func panelFile(w http.ResponseWriter, r *http.Request, panel fs.FS, name string) {
	h := w.Header()
	if name == "" {
		name = "index.html"
		h.Set("Content-Security-Policy", panelPolicy)
	} else if name == "index.html" || strings.HasPrefix(path.Base(name), ".") || !fs.ValidPath(name) {
		http.NotFound(w, r)
		return
	}
	if !isFile(panel, name) {
		http.NotFound(w, r)
		return
	}
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Content-Type", contentType(name))
	send(w, r, panel, name)
}

func isFile(panel fs.FS, name string) bool {
	info, err := fs.Stat(panel, name)
	return err == nil && info.Mode().IsRegular()
}

// contentType is that of the files that a build makes; what the machine's own tables say varies.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	case ".svg":
		return "image/svg+xml"
	case ".webmanifest":
		return "application/manifest+json"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// send writes a file, compressed where the build has left it so and the browser takes it.
func send(w http.ResponseWriter, r *http.Request, panel fs.FS, name string) {
	h := w.Header()
	for _, way := range []struct{ coding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if !isFile(panel, name+way.suffix) {
			continue
		}
		h.Set("Vary", "Accept-Encoding")
		if accepts(r, way.coding) {
			h.Set("Content-Encoding", way.coding)
			name += way.suffix
			break
		}
	}
	f, err := panel.Open(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = io.Copy(w, f) // a browser that goes away
}

// accepts reads Accept-Encoding (RFC 9110 12.5.3).
func accepts(r *http.Request, coding string) bool {
	for item := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(item, ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
			return strings.TrimSpace(weight) == "" || err == nil && q > 0
		}
	}
	return false
}
