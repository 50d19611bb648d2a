package consul

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/hashicorp/consul/api"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// hostileAnswers are answers of 4 MiB by what is bad about them.
func hostileAnswers() map[string]func() string {
	const size = sourcetest.HostileSize
	answers := map[string]func() string{
		"valid": func() string {
			return "[" + sourcetest.Numbered(`{"Node":{"Node":"n"},"Service":{"ID":"%d","Address":"h","Port":1}}`, size) + "]"
		},
	}
	for what, fields := range map[string]string{
		"checks":    `"Checks":[%s]`,
		"ports":     `"Service":{"Ports":[%s]}`,
		"tags":      `"Service":{"Tags":[%s]}`,
		"upstreams": `"Service":{"Proxy":{"Upstreams":[%s]}}`,
		"meta":      `"Service":{"Meta":{%s}}`,
	} {
		value := "{}"
		if what == "tags" {
			value = `""`
		}
		inside := sourcetest.Repeated(value, 60_000)
		if what == "meta" {
			inside = sourcetest.Numbered(`"%d":""`, 60_000)
		}
		entry := "{" + fmt.Sprintf(fields, inside) + "}"
		answers[what] = func() string { return "[" + sourcetest.Repeated(entry, size) + "]" }
		answers["all "+what] = func() string {
			return "[{" + fmt.Sprintf(fields, sourcetest.Repeated(value, size)) + "}]"
		}
	}
	for what, entry := range sourcetest.HostileEntries {
		answers[what] = func() string { return "[" + sourcetest.Repeated(entry, size) + "]" }
	}
	return answers
}

func TestAHostileAnswerIsCheap(t *testing.T) {
	for what, text := range hostileAnswers() {
		t.Run(what, func(t *testing.T) {
			client, err := api.NewClient(&api.Config{HttpClient: &http.Client{Transport: fixedAnswer(text())}})
			if err != nil {
				t.Fatal(err)
			}
			s := &Source{Services: []string{"web"}}
			sourcetest.WantCheap(t, func() {
				a, _, err := s.ask(t.Context(), client, "web", 0)
				if err == nil {
					m := &merger{source: s, report: func(discovery.Answer) {}, answers: make([]*answer, 1)}
					m.setAnswer(0, a)
				}
			})
		})
	}
}
