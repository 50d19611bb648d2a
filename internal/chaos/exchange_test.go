package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
)

func TestWhatBecameOfARequestDecidesWhetherItHasFailed(t *testing.T) {
	const get, post = http.MethodGet, http.MethodPost
	unread := errors.New("unexpected EOF")
	for name, c := range map[string]struct {
		method string
		status int
		text   string
		err    error
		want   result
	}{
		"an answer":                        {get, 200, "...", nil, answered},
		"an answer that breaks off":        {get, 200, "..", unread, broken},
		"refused connections":              {post, 502, "dialing backend: dial tcp 127.0.0.1:1: connection refused", nil, failed},
		"no usable backend":                {post, 503, "no upstreams available", nil, rejected},
		"a GET without an answer":          {get, 504, "net/http: timeout awaiting response headers", nil, failed},
		"a POST without an answer":         {post, 504, "net/http: timeout awaiting response headers", nil, broken},
		"a POST whose connection is reset": {post, 502, "read: connection reset by peer", nil, broken},
	} {
		if e := (exchange{method: c.method}).withAnswer(c.status, []byte(c.text), c.err); e.result != c.want {
			t.Errorf("%s is %d, want %d", name, e.result, c.want)
		}
	}
}

func TestARequestThatNoBackendSawWasDropped(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		err    error
		seen   bool
		want   result
	}{
		"no proxy":                  {http.MethodGet, errors.New("dial unix: connection refused"), false, dropped},
		"unread by a server":        {http.MethodPost, io.EOF, false, dropped},
		"lost with its answer":      {http.MethodGet, io.EOF, true, failed},
		"a POST lost with it":       {http.MethodPost, io.EOF, true, broken},
		"a client without patience": {http.MethodGet, context.DeadlineExceeded, false, failed},
	} {
		if e := (exchange{method: c.method}).withoutAnswer(c.err, c.seen); e.result != c.want {
			t.Errorf("%s is %d, want %d", name, e.result, c.want)
		}
	}
}
