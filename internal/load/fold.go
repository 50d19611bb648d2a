package load

import "strings"

// fold returns what does not vary in a segment of a path: all of it if it is a word, the part
// before the first digit if it is a word with a number, and nothing if it is an identifier. An
// extension is what follows a name that varies, as in /img/4f3a91.png.
//
// Numbers, hexadecimal digits, UUIDs, long segments, and letters and digits in random order are
// identifiers. Words that vary, such as the titles of articles, cannot be told from those that do
// not; the size of the table bounds them.
func fold(segment string) (kept, extension string) {
	name := segment
	if i := strings.LastIndexByte(segment, '.'); i > 0 && isExtension(segment[i:]) {
		name, extension = segment[:i], segment[i:]
	}
	if len(name) > longSegment {
		return "", extension
	}
	var digits, firstDigit, notHex, changes int
	for i := range len(name) {
		switch c := name[i]; {
		case c >= '0' && c <= '9':
			if digits++; digits == 1 {
				firstDigit = i
			}
			if i > 0 && isLetter(name[i-1]) {
				changes++
			}
		case c >= 'a' && c <= 'f', c >= 'A' && c <= 'F', c == '-':
		default:
			notHex++
		}
	}
	switch {
	case digits == 0, digits < len(name) && len(name) <= shortName:
		return segment, ""
	case digits == len(name), len(name) >= shortID && (notHex == 0 || changes >= 2):
		return "", extension
	}
	return name[:firstDigit], extension
}

const (
	// longSegment is the length beyond which a segment is taken to be an identifier or a title.
	longSegment = 32

	// shortName is the length up to which digits belong to a name, as in v2, s3 and mp4.
	shortName = 3

	// shortID is the length from which hexadecimal digits are an identifier, rather than a word
	// such as add1, and from which digits between letters are random.
	shortID = 6

	// maxExtension is the length of a file's extension with its dot, up to .woff2 and .xhtml.
	maxExtension = 6
)

// isExtension reports whether what follows the last dot is an extension. A number is none: that of
// 10.0.0.1 and 1732.5 varies as much as the rest.
func isExtension(s string) bool { return len(s) > 1 && len(s) <= maxExtension && isLetter(s[1]) }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// foldedName returns a segment with * for what varies.
func foldedName(segment string) string {
	kept, extension := fold(segment)
	if len(kept) == len(segment) {
		return segment
	}
	return kept + "*" + extension
}
