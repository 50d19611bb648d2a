package load

import (
	"strings"
	"testing"
)

func TestWhatVariesInASegmentFolds(t *testing.T) {
	for _, c := range []struct{ kind, segment, folded string }{
		{"an empty segment", "", ""},
		{"a word", "users", "users"},
		{"a word of hexadecimal digits", "facade", "facade"},
		{"a word with a dash", "sign-in", "sign-in"},
		{"a word in another script", "благодаря", "благодаря"},
		{"a name in camel case", "getUserProfile", "getUserProfile"},

		{"a version", "v2", "v2"},
		{"a version of two digits", "v10", "v10"},
		{"a version with a point", "v2.1", "v*"},
		{"a short name", "s3", "s3"},
		{"a format", "mp4", "mp4"},

		{"a number", "17", "*"},
		{"one digit", "7", "*"},
		{"a long number", "18446744073709551616", "*"},
		{"a date", "2024-05-17", "*"},
		{"hexadecimal digits", "4f3a91", "*"},
		{"hexadecimal digits in capitals", "DEADBEEF01", "*"},
		{"a SHA-256", strings.Repeat("9e107d9d", 8), "*"},
		{"a UUID", "123e4567-e89b-12d3-a456-426614174000", "*"},
		{"a ULID", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "*"},
		{"a base64url identifier", "dQw4w9WgXcQ", "*"},
		{"an identifier of Kubernetes", "web-7d4b9c6f5-x2k8q", "*"},
		{"a segment of 33 letters", strings.Repeat("a", 33), "*"},
		{"a segment of 32 letters", strings.Repeat("a", 32), strings.Repeat("a", 32)},

		{"a word with a number", "order17", "order*"},
		{"a word with a number after a dash", "order-17", "order-*"},
		{"a word with few hexadecimal digits", "add1", "add*"},

		{"a file", "app.js", "app.js"},
		{"a file with a varying name", "4f3a91.png", "*.png"},
		{"a numbered file", "17.html", "*.html"},
		{"a font", "4f3a91.woff2", "*.woff2"},
		{"a long title with an extension", strings.Repeat("word-", 9) + ".html", "*.html"},
		{"a file that starts with a dot", ".env", ".env"},
		{"an IPv4 address", "10.0.0.1", "*"},
		{"a decimal fraction", "1732.50", "*"},
		{"a name with a number for an extension", "backup.17", "backup.*"},
		{"a name that ends with a dot", "a1b2c3.", "*"},
	} {
		if got := foldedName(c.segment); got != c.folded {
			t.Errorf("%s: %q folds to %q, want %q", c.kind, c.segment, got, c.folded)
		}
	}
}

// keptPart is what a fold keeps of a segment. Segments with the same one are the same to a route.
type keptPart struct {
	kept, extension string
	folded          bool
}

func keptOf(segment string) keptPart {
	kept, extension := fold(segment)
	return keptPart{kept, extension, len(kept) < len(segment)}
}

func FuzzFoldKeepsPartsOfTheSegment(f *testing.F) {
	for _, s := range []string{"", "users", "4f3a91.png", "v2.1", "order17", "\xff\xfe1", "10.0.0.1", "a1b2c3.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, segment string) {
		kept, extension := fold(segment)
		if !strings.HasPrefix(segment, kept) || !strings.HasSuffix(segment, extension) {
			t.Fatalf("%q keeps %q and %q", segment, kept, extension)
		}
		if len(extension) > maxExtension || len(kept) > longSegment+maxExtension {
			t.Fatalf("%q keeps too much: %q and %q", segment, kept, extension)
		}
	})
}

// FuzzAFoldedNumberDoesNotMatter replaces each digit by another one. A segment of which no digit is
// kept must stay the same to a route.
func FuzzAFoldedNumberDoesNotMatter(f *testing.F) {
	for _, s := range []string{"17", "order17", "4f3a91.png", "123e4567-e89b", "dQw4w9WgXcQ", "2024-05-17"} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, segment string, by uint8) {
		before := keptOf(segment)
		if strings.ContainsAny(before.kept+before.extension, "0123456789") {
			return
		}
		other := []byte(segment)
		for i, c := range other {
			if c >= '0' && c <= '9' {
				other[i] = '0' + (c-'0'+by%10)%10
			}
		}
		if after := keptOf(string(other)); before != after {
			t.Fatalf("%q keeps %+v, and %q keeps %+v", segment, before, other, after)
		}
	})
}
