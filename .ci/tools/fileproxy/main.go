// Fileproxy packs one module into a file-system module proxy, and prints its lines for a go.sum.
// The release uses it because the checksum of a version is needed before the version can be
// downloaded. The gate uses it to build a release that is not public.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("usage: fileproxy <module> <version> <folder of the module> <folder of the proxy>")
	}
	version := module.Version{Path: os.Args[1], Version: os.Args[2]}
	sums, err := pack(version, os.Args[3], os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(sums)
}

// pack writes the files that `go mod download` asks a proxy for, and returns the lines for a
// go.sum. Nested modules are not part of the zip file.
func pack(version module.Version, source, proxy string) (sums string, err error) {
	path, err := module.EscapePath(version.Path)
	if err != nil {
		return "", err
	}
	base := filepath.Join(proxy, filepath.FromSlash(path), "@v")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	file := func(extension string) string { return filepath.Join(base, version.Version+extension) }

	archive, err := os.Create(file(".zip"))
	if err != nil {
		return "", err
	}
	if err := zip.CreateFromDir(archive, version, source); err != nil {
		return "", err
	}
	if err := archive.Close(); err != nil {
		return "", err
	}
	mod, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return "", err
	}
	info := fmt.Sprintf("{\"Version\": %q, \"Time\": %q}\n", version.Version, time.Now().UTC().Format(time.RFC3339))
	for name, content := range map[string][]byte{
		file(".mod"):                mod,
		file(".info"):               []byte(info),
		filepath.Join(base, "list"): []byte(version.Version + "\n"),
	} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return "", err
		}
	}

	zipSum, err := dirhash.HashZip(file(".zip"), dirhash.DefaultHash)
	if err != nil {
		return "", err
	}
	modSum, err := goModSum(file(".mod"))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%[1]s %[2]s %[3]s\n%[1]s %[2]s/go.mod %[4]s\n",
		version.Path, version.Version, zipSum, modSum), nil
}

// goModSum returns the checksum that a go.sum has for the go.mod alone.
func goModSum(name string) (string, error) {
	return dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return os.Open(name) })
}
