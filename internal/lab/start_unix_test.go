//go:build unix

package main

import (
	"strings"
	"testing"
)

func TestProxyThatEndsAtOnceIsAnErrorWithItsLog(t *testing.T) {
	folder := t.TempDir()
	p := installed{path: "/bin/sh", proxy: proxy{method: "none", program: &program{
		title: "Shell", binary: "sh",
		config: func(string, string, []string) string { return "echo wrong config; exit 3" },
		args:   func(config string) []string { return []string{config} },
	}}}
	_, err := startProxy(t.Context(), p, folder, nil)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"Shell `none`", "exit status 3", "wrong config"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %s", want, err)
		}
	}
}
