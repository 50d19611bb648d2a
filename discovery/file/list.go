package file

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// fileList is one file and the last good list that it held.
type fileList struct {
	path    string
	list    []listing.Info // nil before the first good one
	problem string         // why the file as it is now could not be taken

	info    fs.FileInfo // of the content that sum is of; nil if the file could not be read
	settled bool
	sum     [sha256.Size]byte
}

// timestampGrain is the coarsest step in which file systems date a change (FAT: 2 s). Two
// changes within one step can look like one, so a file younger than this is read again.
const timestampGrain = 2 * time.Second

// look reads the file if it may have changed. It returns an error once, when it is new.
func (f *fileList) look(now time.Time) (changed bool, err error) {
	info, err := os.Stat(f.path)
	if err == nil && f.settled && sameFile(f.info, info) {
		return false, nil
	}
	var data []byte
	if err == nil {
		data, err = readFile(f.path, info)
	}
	if err != nil {
		f.info, f.settled, f.sum = nil, false, [sha256.Size]byte{}
		return false, f.fail(err)
	}
	f.info, f.settled = info, now.Sub(info.ModTime()) > timestampGrain
	if sum := sha256.Sum256(data); sum != f.sum {
		f.sum = sum
		return f.take(data)
	}
	return false, nil
}

func (f *fileList) take(data []byte) (changed bool, err error) {
	recovers := f.problem != ""
	f.problem = ""
	list, err := listing.DecodeList(f.path, data)
	if err != nil {
		return false, f.fail(err)
	}
	changed = recovers || f.list == nil || !reflect.DeepEqual(f.list, list)
	f.list = list
	return changed, nil
}

func (f *fileList) fail(err error) error {
	if err.Error() == f.problem {
		return nil
	}
	f.problem = err.Error()
	if f.list != nil {
		return fmt.Errorf("%w; keeps the %d endpoints it had", err, len(f.list))
	}
	return err
}

func sameFile(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// readFile reads no more than DecodeList may take, and one byte to show that there was more.
func readFile(path string, info fs.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() { // a pipe would never end
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("is not a regular file")}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, listing.MaxListSize+1))
}
