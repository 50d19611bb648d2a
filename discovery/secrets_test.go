package discovery_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/caddy-balance/caddy-balance/discovery"
)

func TestAnErrorHasNoSecrets(t *testing.T) {
	const secret = "p/w \"1\""
	for text, want := range map[string]string{
		"wrong: " + secret:                   "wrong: [secret]",
		"wrong: p%2Fw%20%221%22.":            "wrong: [secret].",
		"wrong: p%2Fw+%221%22.":              "wrong: [secret].",
		"wrong: p/w \\\"1\\\".":              "wrong: [secret].",
		"wrong: cC93ICIxIg==.":               "wrong: [secret].",
		"cut off: p/w \"1":                   "cut off: [secret]",
		"a long body that ends with its p/w": "a long body that ends with its p/w",
		"abc stays: abc":                     "abc stays: abc",
	} {
		if plain := discovery.WithoutSecrets(errors.New(text), secret, "abc"); plain.Error() != want {
			t.Errorf("%s: got %s; want %s", text, plain, want)
		}
	}
	if got := discovery.WithoutSecrets(fmt.Errorf("%s: %w", secret, io.EOF), secret); !errors.Is(got, io.EOF) {
		t.Error("the cause is lost")
	}
	if discovery.WithoutSecrets(nil, secret) != nil {
		t.Error("no error becomes one")
	}
}
