package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// list is the list at a URL: the last answer, and the validators of its version for conditional
// requests.
type list struct {
	source *Source
	client *http.Client
	limit  int // the maximum number of entries

	answer       *discovery.Answer // nil before the first one
	etag         string
	lastModified string
}

// busyError is the error of a server that says after which pause to ask again.
type busyError struct {
	error
	pause time.Duration
}

// get requests the list once.
func (l *list) get(ctx context.Context) (discovery.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.source.Timeout))
	defer cancel()
	response, err := l.client.Do(l.request(ctx))
	if err == nil {
		defer response.Body.Close()
		err = l.read(response)
	}
	if err != nil {
		return discovery.Answer{}, fmt.Errorf("%s: %w", redacted(l.source.url), withoutURL(err))
	}
	// An unchanged list is reported again, because the pool then knows that it is still right.
	answer := *l.answer
	answer.Endpoints = slices.Clone(answer.Endpoints)
	return answer, nil
}

func (l *list) request(ctx context.Context) *http.Request {
	request := (&http.Request{
		Method: http.MethodGet,
		URL:    l.source.url,
		Header: l.source.headers.Clone(),
	}).WithContext(ctx)
	request.Host = request.Header.Get("Host")
	if l.etag != "" {
		request.Header.Set("If-None-Match", l.etag)
	}
	if l.lastModified != "" {
		request.Header.Set("If-Modified-Since", l.lastModified)
	}
	return request
}

func (l *list) read(response *http.Response) error {
	switch {
	case response.StatusCode == http.StatusNotModified && l.answer != nil:
		return nil
	case response.StatusCode != http.StatusOK:
		return statusError(response, time.Now())
	}
	size := l.source.MaxSize
	body, err := io.ReadAll(io.LimitReader(response.Body, size+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading the list: %w", err)
	case int64(len(body)) > size:
		return fmt.Errorf(
			"the list has more than %s; max_size allows more, up to %d", count.Of(size, "byte"), listing.MaxListSize,
		)
	}
	answer, err := decode(body, l.limit)
	if err != nil {
		return err
	}
	l.answer, l.etag, l.lastModified = &answer, response.Header.Get("ETag"), response.Header.Get("Last-Modified")
	return nil
}

// decode reads the list of a body. Entries with a mistake are dropped.
func decode(body []byte, limit int) (discovery.Answer, error) {
	text := bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\uFEFF")), " \t\r\n")
	if len(text) > 0 && text[0] != '[' && text[0] != '{' {
		return discovery.Answer{}, fmt.Errorf("the list is not JSON; it starts with %.20q", text)
	}
	entries, err := listing.DecodeEntries("the list", body, limit)
	if err != nil {
		return discovery.Answer{}, fmt.Errorf("the list: %w", err)
	}
	answer := discovery.Answer{Endpoints: entries.Infos, Omitted: entries.Invalid - len(entries.Mistakes)}
	for _, mistake := range entries.Mistakes {
		key, reason, _ := strings.Cut(mistake.Error(), ": ")
		answer.Dropped = append(answer.Dropped, discovery.Dropped{Key: key, Err: errors.New(reason)})
	}
	return answer, nil
}

// statusError describes a response that has no list.
func statusError(response *http.Response, now time.Time) error {
	status := strconv.Itoa(response.StatusCode) + " " + http.StatusText(response.StatusCode)
	if to, err := response.Location(); err == nil && response.StatusCode/100 == 3 {
		return fmt.Errorf("status %s redirects to %s; follow_redirects allows it", status, redacted(to))
	}
	start, _ := io.ReadAll(io.LimitReader(response.Body, maxExcerpt))
	err := fmt.Errorf("status %s", status)
	if text := excerpt(start); text != "" {
		err = fmt.Errorf("status %s: %s", status, text)
	}
	if response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable {
		if pause, ok := retryAfter(response.Header.Get("Retry-After"), now); ok {
			return &busyError{err, pause}
		}
	}
	return err
}

// retryAfter reads a Retry-After field: a number of seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(text string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	date, err := http.ParseTime(text)
	return date.Sub(now), err == nil
}

const maxExcerpt = 100

// excerpt quotes the start of a body if it is text.
func excerpt(text []byte) string {
	text = bytes.TrimSpace(text[:min(len(text), maxExcerpt)])
	for cut := 0; cut < utf8.UTFMax && !utf8.Valid(text); cut++ { // the cut may be inside of a character
		text = text[:max(0, len(text)-1)]
	}
	binary := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) && !unicode.IsSpace(r) }
	if len(text) == 0 || bytes.ContainsFunc(text, binary) {
		return ""
	}
	return strconv.Quote(string(text))
}
