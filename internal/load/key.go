package load

import (
	"hash/maphash"
	"strings"
)

// Key names the route of a request, from the finest name to the coarsest.
type Key struct{ exact, section, method uint64 }

// Kind tells requests apart that take different times under one path.
type Kind uint8

// The kinds of requests.
const (
	Plain   Kind = iota
	Stream       // the client asked for a stream of events
	Call         // a call of gRPC, whose path is a method of a service
	Upgrade      // the client asked for another protocol, such as a websocket
)

// seed keeps clients from choosing paths that collide. Keys therefore differ between processes.
var seed = maphash.MakeSeed()

// KeyOf returns the key of a request for a path. What varies in the path is left out, so that
// /users/17/orders and /users/42/orders are one route. It does not allocate.
func KeyOf(kind Kind, method, path string) Key {
	base := mix(maphash.String(seed, method) + uint64(kind))
	k := Key{exact: base, section: base, method: base}
	if kind == Call {
		k.exact = mix(base ^ maphash.String(seed, path))
		return k
	}
	for n := 0; n < maxSegments && path != ""; n++ {
		var segment string
		segment, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		k.exact = mix(k.exact ^ hashSegment(segment))
		if n == 0 && path != "" {
			k.section = mix(k.exact + 1)
		}
	}
	return k
}

// maxSegments is the number of segments that tell routes apart. A longer path costs a pick no more.
const maxSegments = 8

// TextKey returns the key of requests that share a text.
func TextKey(text string) Key {
	base := mix(maphash.String(seed, text) + 1)
	return Key{exact: base, section: textKey, method: textKey}
}

// textKey is the coarse route of all texts.
const textKey = 1

// AnyKey is the key of all requests, where routes are not told apart.
var AnyKey = Key{exact: 2, section: 2, method: 2}

// hashSegment returns the hash of a segment of a path without what varies in it.
func hashSegment(s string) uint64 {
	name, extension := s, ""
	if i := strings.LastIndexByte(s, '.'); i > 0 && len(s)-i <= maxExtension {
		name, extension = s[:i], s[i:]
	}
	switch folds(name) {
	case foldNothing:
		return maphash.String(seed, s)
	case foldDigits:
		i := strings.IndexAny(name, "0123456789")
		return mix(maphash.String(seed, name[:i]) ^ maphash.String(seed, extension))
	}
	return mix(maphash.String(seed, extension) + 1)
}

// maxExtension is the length of a file's extension with its dot, up to .woff2 and .xhtml.
const maxExtension = 6

const (
	foldNothing = iota
	foldDigits  // all from the first digit on
	foldAll
)

const (
	// longSegment is the length from which a segment is taken to be an identifier or a title.
	longSegment = 32

	// shortName is the length up to which digits belong to a name, as in v2, s3 and mp4.
	shortName = 3

	// shortID is the length from which hexadecimal digits are an identifier, rather than a word
	// such as add1, and from which a change between letters and digits is random.
	shortID = 6
)

// folds returns what of a segment varies: identifiers are numbers, hexadecimal, UUIDs, or letters
// and digits in random order. Words of letters alone do not vary, as far as one can tell.
func folds(s string) int {
	if len(s) > longSegment {
		return foldAll
	}
	var digits, notHex, changes int
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
			if i > 0 && isLetter(s[i-1]) {
				changes++
			}
		case c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		case c != '-':
			notHex++
		}
	}
	switch {
	case digits == 0:
		return foldNothing
	case digits == len(s):
		return foldAll
	case len(s) <= shortName:
		return foldNothing
	case len(s) >= shortID && (notHex == 0 || changes >= 2):
		return foldAll
	}
	return foldDigits
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
