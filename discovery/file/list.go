package file

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// listFile is one file and the last valid list that it held.
type listFile struct {
	path    string
	limit   int                 // the maximum number of entries
	list    []listing.Info      // nil before the first valid one
	dropped []discovery.Dropped // targets that the list repeats
	problem string              // the error of the current content, or ""

	info   fs.FileInfo // as the file was read; nil if it could not be read
	stable bool        // the file was old enough that a later change has another time
	sum    [sha256.Size]byte
}

// timestampResolution is the coarsest resolution of modification times (FAT: 2 s). Two changes
// within that time can have the same one, so a younger file is read again at each look.
const timestampResolution = 2 * time.Second

// look reads the file if it may have changed, and reports whether the list changed. It returns each
// error once.
func (f *listFile) look(now time.Time) (changed bool, err error) {
	info, err := os.Stat(f.path)
	if err == nil && f.stable && sameFile(f.info, info) {
		return false, nil
	}
	var data []byte
	if err == nil {
		data, err = readFile(f.path, info)
	}
	if err != nil {
		f.info, f.stable, f.sum = nil, false, [sha256.Size]byte{}
		return false, f.failOnce(err)
	}
	f.info, f.stable = info, now.Sub(info.ModTime()) > timestampResolution
	if sum := sha256.Sum256(data); sum != f.sum {
		f.sum = sum
		return f.update(data)
	}
	return false, nil
}

// update decodes a content that differs from the last one.
func (f *listFile) update(data []byte) (changed bool, err error) {
	recovers := f.problem != ""
	f.problem = ""
	list, repeated, err := listing.DecodeFile(f.path, data, f.limit)
	if err != nil {
		return false, f.failOnce(err)
	}
	dropped := f.droppedEntries(repeated)
	changed = recovers || f.list == nil || !reflect.DeepEqual(f.list, list) || !reflect.DeepEqual(f.dropped, dropped)
	f.list, f.dropped = list, dropped
	return changed, nil
}

// droppedEntries returns the entries that mistakes describe, each with its place as its key.
func (f *listFile) droppedEntries(mistakes []error) (all []discovery.Dropped) {
	for _, err := range mistakes {
		place, reason, _ := strings.Cut(strings.TrimPrefix(err.Error(), f.path), ": ")
		all = append(all, discovery.Dropped{Key: f.path + place, Err: errors.New(reason)})
	}
	return all
}

// failOnce returns an error unless it is the same as the last one.
func (f *listFile) failOnce(err error) error {
	if err.Error() == f.problem {
		return nil
	}
	f.problem = err.Error()
	if f.list != nil {
		return fmt.Errorf("%w; keeps the %s it had", err, count.Of(len(f.list), "endpoint"))
	}
	return err
}

func sameFile(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// readFile reads one byte more than the maximum size of a list, so that DecodeList refuses a larger
// file.
func readFile(path string, info fs.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() { // reading a pipe might never end
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("is not a regular file")}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, listing.MaxListSize+1))
}
