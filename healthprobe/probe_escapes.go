package healthprobe

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// compileEscaped takes bytes that cannot be typed, such as \r\n. Escapes come before placeholders: a
// value from elsewhere means itself.
func compileEscaped(field, given string) (text, error) {
	plain, err := unescape(given)
	if err != nil {
		return text{}, fmt.Errorf("%s: %w", field, err)
	}
	return compile(field, plain)
}

// unescape is strconv.Unquote for text that has no quotes around it, so that those inside need no escape.
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
