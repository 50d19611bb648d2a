package databases_test

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/docs"
)

func TestThePageOfTheProbesAgreesWithThem(t *testing.T) {
	docs.Check(t, "../..", "docs/database-probes.md")
}
