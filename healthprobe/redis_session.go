package healthprobe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// redisSession speaks version 2 of Redis' protocol. It is not a client for data: an answer is the
// first few strings of what comes, and the rest stays unread. A client library would allocate
// whatever length an endpoint announces.
type redisSession struct {
	w io.Writer
	r *bufio.Reader
}

const (
	maxRedisString  = 4096 // bytes
	maxRedisStrings = 2    // the host and the port that Sentinel names; ROLE begins with the role
)

var errNotRedis = errors.New("the answer is not one of Redis")

func newRedisSession(connected io.ReadWriter) *redisSession {
	return &redisSession{connected, bufio.NewReaderSize(connected, maxRedisString)}
}

// login logs in if there is a password. Its errors have only the code of the answer, such as
// WRONGPASS: a server that knows no AUTH repeats the password.
func (s *redisSession) login(ctx context.Context, username, password string) error {
	if password == "" {
		return nil
	}
	words := []string{"AUTH", username, password}
	if username == "" {
		words = []string{"AUTH", password}
	}
	_, err := s.command(ctx, words...)
	var refused redisError
	if errors.As(err, &refused) {
		code, _, _ := strings.Cut(string(refused), " ")
		return fmt.Errorf("AUTH: %w", redisError(code[:min(20, len(code))]))
	}
	return err
}

// redisError is an answer that is an error.
type redisError string

// Error implements error.
func (e redisError) Error() string { return fmt.Sprintf("the answer is the error %.100q", string(e)) }

// command sends a command and returns the first strings of the answer. An answer that is a list
// must be the last one. Errors name the command without its arguments.
func (s *redisSession) command(ctx context.Context, words ...string) ([]string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(&text, "$%d\r\n%s\r\n", len(word), word)
	}
	_, err := io.WriteString(s.w, text.String())
	var answer []string
	if err == nil {
		answer, err = s.read()
	}
	var refused redisError
	switch {
	case err == nil:
		return answer, nil
	case errors.As(err, &refused), errors.Is(err, errNotRedis):
		return nil, fmt.Errorf("%s: %w", words[0], err)
	}
	return nil, fmt.Errorf("%s: %w", words[0], Reason(ctx, err))
}

// read reads one string, or the first ones of a list. It returns none for what is null.
func (s *redisSession) read() (answer []string, err error) {
	kind, line, err := s.line()
	if err != nil {
		return nil, err
	}
	if kind != '*' {
		return s.value(kind, line)
	}
	length, err := strconv.Atoi(line)
	if err != nil {
		return nil, errNotRedis
	}
	for len(answer) < min(length, maxRedisStrings) {
		if kind, line, err = s.line(); err != nil {
			return nil, err
		}
		item, err := s.value(kind, line)
		if err != nil {
			return nil, err
		}
		if len(item) == 0 {
			break
		}
		answer = append(answer, item...)
	}
	return answer, nil
}

// value returns the string that begins with a line. It returns none for null, and for a list within
// a list.
func (s *redisSession) value(kind byte, line string) ([]string, error) {
	switch kind {
	case '+', ':':
		return []string{line}, nil
	case '-':
		return nil, redisError(line)
	case '*':
		return nil, nil
	case '$':
		length, err := strconv.Atoi(line)
		if err != nil || length > maxRedisString {
			return nil, errNotRedis
		}
		if length < 0 {
			return nil, nil
		}
		text := make([]byte, length+len("\r\n"))
		if _, err := io.ReadFull(s.r, text); err != nil {
			return nil, err
		}
		return []string{string(text[:length])}, nil
	}
	return nil, errNotRedis
}

// line reads a line and splits off its first character, which says of what kind it is.
func (s *redisSession) line() (kind byte, rest string, err error) {
	line, err := s.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return 0, "", errNotRedis
	case err != nil:
		return 0, "", err
	}
	text := strings.TrimRight(string(line), "\r\n")
	if text == "" {
		return 0, "", errNotRedis
	}
	return text[0], text[1:], nil
}

func quoteAnswer(answer []string) string { return fmt.Sprintf("%.60q", strings.Join(answer, " ")) }
