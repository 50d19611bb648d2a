package definition

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
)

// Sum is a digest. Sums of equal values are equal.
type Sum [sha256.Size]byte

// Digest sums up what modules of a definition stand for. It keeps neither values nor contents.
type Digest struct{ hash hash.Hash }

// NewDigest returns the digest of nothing.
func NewDigest() *Digest { return &Digest{sha256.New()} }

// Sum returns the digest of what was added so far.
func (d *Digest) Sum() Sum { return Sum(d.hash.Sum(nil)) }

// Of returns the digest of a module by its JSON.
func Of(raw []byte) Sum {
	digest := NewDigest()
	digest.AddValues(raw)
	digest.AddFiles(raw)
	return digest.Sum()
}

// AddValues adds a module by its JSON, with the values of its placeholders.
func (d *Digest) AddValues(raw []byte) {
	expanded := Expand(raw)
	fmt.Fprintf(d.hash, "%d:%s", len(expanded), expanded)
}

// AddFiles adds the contents of the files that the texts of a module name. Any text that is the
// path of a file counts, because only the module itself knows which of its texts are paths. At
// worst a change of a file that does not matter counts too.
func (d *Digest) AddFiles(raw []byte) {
	module, _ := decode(Expand(raw))
	var texts []string
	replaceTexts(module, func(text string) string {
		texts = append(texts, text)
		return text
	})
	slices.Sort(texts) // the fields of an object have no order
	for _, text := range slices.Compact(texts) {
		d.addFile(text)
	}
}

// maxFile is the maximum number of bytes of a file that count. Certificates, keys and tokens are
// far smaller.
const maxFile = 16 << 20

// addFile adds the content of a file, if there is a regular one of that name: reading anything else
// may never end. A file that cannot be read is an error of the module that needs it.
func (d *Digest) addFile(path string) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return
	}
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	content := sha256.New()
	if _, err := io.Copy(content, io.LimitReader(file, maxFile)); err == nil {
		fmt.Fprintf(d.hash, "%q:%x", path, content.Sum(nil))
	}
}
