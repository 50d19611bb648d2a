package status

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/cespare/xxhash/v2"
)

//go:embed page/*
var pageFiles embed.FS

// pageName is the file of the page itself. The others are served beside it.
const pageName = "index.html"

// pageHandlers returns the handlers of the live page. With control its buttons are shown.
//
// The files of the page are in the folder "-". A pool of that name is not affected, because no part
// of a pool is called as they are.
func pageHandlers(control bool) map[string]caddy.AdminHandlerFunc {
	routes := make(map[string]caddy.AdminHandlerFunc)
	for name, content := range readPage() {
		if name == pageName {
			page := newPageFile(name, bytes.Replace(content, []byte("data-control"), controlAttribute(control), 1))
			routes["GET /pools/{$}"] = page.forBrowsers(listPools)
		} else {
			routes["GET /pools/-/"+name] = newPageFile(name, content).serve
		}
	}
	return routes
}

func controlAttribute(control bool) []byte { return fmt.Appendf(nil, "data-control=\"%t\"", control) }

func readPage() map[string][]byte {
	files := make(map[string][]byte)
	err := fs.WalkDir(pageFiles, "page", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path.Base(name)], err = pageFiles.ReadFile(name)
		return err
	})
	if err != nil {
		panic(err) // the files are part of the binary
	}
	return files
}

// contentTypes does not depend on the system, as package mime does.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
}

// pageFile is a file of the page, as it is served.
type pageFile struct {
	name, contentType, etag string
	content                 []byte
}

func newPageFile(name string, content []byte) *pageFile {
	return &pageFile{
		name: name, contentType: contentTypes[path.Ext(name)],
		etag: fmt.Sprintf("\"%x\"", xxhash.Sum64(content)), content: content,
	}
}

// pagePolicy lets the page load nothing but its own files, run no script within its HTML, be in no
// frame, and send forms nowhere.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// serve answers with the file. A browser asks again each time, and gets no content if it has it.
func (f *pageFile) serve(w http.ResponseWriter, r *http.Request) error {
	for name, value := range map[string]string{
		"Content-Type":                 f.contentType,
		"Content-Security-Policy":      pagePolicy,
		"X-Content-Type-Options":       "nosniff",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-cache",
		"Etag":                         f.etag,

		// Caddy's admin endpoint refuses requests of browsers that do not say where they are from.
		"Referrer-Policy": "same-origin",
	} {
		w.Header().Set(name, value)
	}
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(f.content))
	return nil
}

// forBrowsers returns a handler that serves the file to browsers, and leaves other clients to next.
func (f *pageFile) forBrowsers(next caddy.AdminHandlerFunc) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Vary", "Accept")
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			return f.serve(w, r)
		}
		return next(w, r)
	}
}
