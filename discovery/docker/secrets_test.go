package docker_test

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestASecretShowsNowhere(t *testing.T) {
	caddytest.WantCanaryHidden(t, func(secret string) string {
		return "source docker web {\nhost tcp://caddy:" + secret + "@127.0.0.1:1\n}"
	})
}
