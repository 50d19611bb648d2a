package sourcetest

import (
	"fmt"
	"strings"
)

// HostileEntries are entries of a list in JSON that are small as text and large in memory, or that
// are many values in one, by what they are. Repeated fills a list with them.
var HostileEntries = map[string]string{
	"numbers":                  "0",
	"nulls":                    "null",
	"empty texts":              `""`,
	"empty lists":              "[]",
	"empty fields":             "{}",
	"entries of 1,000 numbers": "[" + Repeated("0", 2000) + "]",
	"entries of 1,000 objects": "[" + Repeated("{}", 3000) + "]",
}

// Repeated returns an entry again and again, with commas in between, until the text is about as
// long as size.
func Repeated(entry string, size int) string {
	n := max(1, size/(len(entry)+1))
	return strings.Repeat(entry+",", n-1) + entry
}

// Numbered returns the texts of format with the numbers from 0 on, with commas in between, until
// the text is about as long as size.
func Numbered(format string, size int) string {
	var text strings.Builder
	for i := 0; text.Len() < size; i++ {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, format, i)
	}
	return text.String()
}
