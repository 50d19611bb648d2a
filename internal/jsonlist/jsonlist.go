// Package jsonlist reads the entries of a list in JSON one after the other.
//
// encoding/json makes the whole list at once, in which an entry of two bytes takes the hundreds of
// bytes of its struct. A registry that is not trusted could fill the memory that way.
package jsonlist

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// Each visits the entries of a list, of which there may be limit. An entry is valid only during the
// visit. An error of visit ends the list. Null is a list without entries.
func Each(list io.Reader, limit int, visit func(entry []byte) error) error {
	decoder := json.NewDecoder(list)
	switch token, err := decoder.Token(); {
	case err != nil:
		return err
	case token == nil:
		return nil
	case token == json.Delim('{'):
		return errors.New("is an object; expected a list")
	case token != json.Delim('['):
		return fmt.Errorf("is %.100q; expected a list", fmt.Sprint(token))
	}
	var entry json.RawMessage // its memory is used again
	for n := 1; decoder.More(); n++ {
		if n > limit {
			return discovery.TooManyEndpoints(limit)
		}
		entry = entry[:0]
		if err := decoder.Decode(&entry); err != nil {
			return err
		}
		if err := visit(entry); err != nil {
			return err
		}
	}
	_, err := decoder.Token()
	return err
}

// Decode decodes the entries of a list, of which there may be limit, each into a T. An entry with
// more than size bytes is an error.
func Decode[T any](list []byte, limit, size int) (all []T, err error) {
	err = Each(bytes.NewReader(list), limit, func(entry []byte) error {
		if len(entry) > size {
			return fmt.Errorf("entry %d has %d bytes; expected at most %d", len(all)+1, len(entry), size)
		}
		all = append(all, *new(T))
		return json.Unmarshal(entry, &all[len(all)-1])
	})
	return all, err
}
