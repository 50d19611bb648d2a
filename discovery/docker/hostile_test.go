package docker

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestAHostileAnswerOfTheEngineIsCheap(t *testing.T) {
	const size = sourcetest.HostileSize
	lists := map[string]string{
		"mounts": sourcetest.Repeated(`{"Id":"a","Mounts":[`+sourcetest.Repeated("{}", 60_000)+`]}`, size),
	}
	for what, entry := range sourcetest.HostileEntries {
		lists[what] = sourcetest.Repeated(entry, size)
	}
	for what, list := range lists {
		t.Run(what, func(t *testing.T) {
			one := `{"Id":"a","Mounts":[` + list + `]}`
			list := "[" + list + "]"
			engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/containers/json"):
					_, _ = w.Write([]byte(list))
				case strings.HasSuffix(r.URL.Path, "/json"):
					_, _ = w.Write([]byte(one))
				default:
					w.Header().Set("Api-Version", "1.44")
				}
			}))
			t.Cleanup(engine.Close)
			s := &Source{Host: "tcp://" + strings.TrimPrefix(engine.URL, "http://")}
			c, closeIdle, err := s.connect(discovery.DefaultMaxEndpoints)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(closeIdle)
			sourcetest.WantCheap(t, func() {
				_, _ = c.ContainerList(t.Context(), client.ContainerListOptions{})
				if _, err := c.ContainerInspect(t.Context(), "a", client.ContainerInspectOptions{}); err == nil {
					t.Error("the answer about one container is not refused")
				}
			})
		})
	}
}
