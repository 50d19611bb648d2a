package load

import (
	"cmp"
	"hash/maphash"
	"strings"
)

// Kind tells requests apart that take different times under one path.
type Kind uint8

// The kinds of requests.
const (
	Plain   Kind = iota
	Stream       // the client asks for a stream of events
	Call         // a call of gRPC, whose path is a method of a service
	Upgrade      // the client asks for another protocol, such as that of a websocket
	Text         // the config names the route by a text
)

// Key names the route of a request: exactly, by the first segment of its path, which is the service
// of a call, and by its method.
type Key struct {
	exact, section, method uint64

	kind       Kind
	name, path string // the method and the path, or the text
}

// seed keeps clients from choosing paths whose keys collide. Keys differ from process to process.
var seed = maphash.MakeSeed()

// KeyOf returns the key of a request. What varies in the path does not count, so that
// /users/17/orders and /users/42/orders are one route. It does not allocate.
func KeyOf(kind Kind, method, path string) Key {
	base := mix(maphash.String(seed, method) + uint64(kind))
	k := Key{exact: base, section: base, method: base, kind: kind, name: method, path: path}
	if kind == Call {
		k.exact = mix(base ^ maphash.String(seed, path))
		if service, rest := nextSegment(path); rest != "" {
			k.section = mix(base ^ maphash.String(seed, service) + 1)
		}
		return k
	}
	for n := 0; n < maxSegments && path != ""; n++ {
		var segment string
		segment, path = nextSegment(path)
		k.exact = mix(k.exact ^ hashSegment(segment))
		if n == 0 && path != "" {
			k.section = mix(k.exact + 1)
		}
	}
	return k
}

// TextKey returns the key of all requests with a text.
func TextKey(text string) Key {
	k := KeyOf(Text, "", "")
	k.exact, k.name = mix(k.exact^maphash.String(seed, text)), text
	return k
}

// maxSegments is the number of segments that tell routes apart. A longer path costs a pick no more.
const maxSegments = 8

// nextSegment splits the first segment off a path. Its parameters do not count, because many are
// the number of a session, as in /cart;jsessionid=4f2a.web-7.
func nextSegment(path string) (segment, rest string) {
	segment = strings.TrimPrefix(path, "/")
	if i := strings.IndexByte(segment, '/'); i >= 0 {
		segment, rest = segment[:i], segment[i:]
	}
	if i := strings.IndexByte(segment, ';'); i >= 0 {
		segment = segment[:i]
	}
	return segment, rest
}

// hashSegment returns a hash of what does not vary in a segment of a path.
func hashSegment(segment string) uint64 {
	kept, extension := fold(segment)
	h := maphash.String(seed, kept)
	if len(kept) < len(segment) {
		h = mix(h + 1 ^ maphash.String(seed, extension))
	}
	return h
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// maxName bounds the name of a route, which is for people. With dots at its end it has 64 bytes.
const maxName = 61

// exactName, sectionName and methodName return the name of a route for people, with * for what
// varies.
func (k *Key) exactName() string {
	if k.kind == Text {
		return limited(cmp.Or(k.name, "all"))
	}
	name := kindNames[k.kind] + k.name + " "
	if k.kind == Call {
		return limited(name + k.path)
	}
	path := k.path
	for n := 0; n < maxSegments && path != "" && len(name) < maxName; n++ {
		var segment string
		segment, path = nextSegment(path)
		name += "/" + foldedName(segment)
	}
	if path != "" {
		name += "/..."
	}
	return limited(name)
}

func (k *Key) sectionName() string {
	segment, _ := nextSegment(k.path)
	return limited(kindNames[k.kind] + k.name + " /" + foldedName(segment) + "/...")
}

func (k *Key) methodName() string {
	if k.kind == Text {
		return "others"
	}
	return limited(kindNames[k.kind] + k.name + " ...")
}

var kindNames = [...]string{Stream: "stream ", Call: "", Upgrade: "upgrade ", Text: ""}

// limited returns a name that is short and valid UTF-8, whatever the client sent.
func limited(name string) string {
	if len(name) > maxName {
		return strings.ToValidUTF8(name[:maxName], "") + "..."
	}
	return strings.Clone(strings.ToValidUTF8(name, "")) // the request's own memory must not live on
}
