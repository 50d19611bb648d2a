package healthprobe

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// compileEscapedTemplate compiles a setting that may have escapes for bytes that cannot be typed,
// such as \r\n. Escapes are replaced before placeholders, so that the value of a placeholder is
// taken literally.
func compileEscapedTemplate(field, given string) (template, error) {
	plain, err := unescape(given)
	if err != nil {
		return template{}, fmt.Errorf("%s: %w", field, err)
	}
	return compileTemplate(field, plain)
}

// unescape is strconv.Unquote for text without quotes around it, so that quotes within the text
// need no escape.
func unescape(given string) (string, error) {
	var plain []byte
	for rest := given; rest != ""; {
		char, multibyte, tail, err := strconv.UnquoteChar(rest, 0)
		if err != nil {
			return "", fmt.Errorf("%.20q does not begin with an escape such as \\r, \\n, \\x00 or \\\\", rest)
		}
		if rest = tail; multibyte {
			plain = utf8.AppendRune(plain, char)
		} else {
			plain = append(plain, byte(char))
		}
	}
	return string(plain), nil
}
