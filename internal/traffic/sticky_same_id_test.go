package traffic

import (
	"strings"
	"testing"
)

func TestTheLogWarnsOfEndpointsWhoseSessionsCannotBeToldApart(t *testing.T) {
	const line = "endpoints have the same id"
	fleet := startBackends(t, 4)
	for name, site := range map[string]func(lines string) string{
		"pool": func(lines string) string { return poolWith(lines, "lb_policy sticky") },
		"multi": func(lines string) string {
			return "reverse_proxy {\ndynamic multi {\npool web {\n" + lines + "\n}\n}\nlb_policy sticky\n}"
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, site(staticEndpoints(fleet, "id one", "id two", "", "id one")))
			expectOK(t)(p.client().get("/"))
			warnings := logged.With(line)
			if len(warnings) != 1 {
				t.Fatalf("got the log lines %q", warnings)
			}
			for _, part := range []string{`"id":"one"`, `"pool":"web"`, fleet[0].address, fleet[3].address} {
				if !strings.Contains(warnings[0], part) {
					t.Errorf("%s does not have %s", warnings[0], part)
				}
			}
			if strings.Contains(warnings[0], fleet[1].address) {
				t.Errorf("%s has an endpoint with another id", warnings[0])
			}
			for _, id := range []string{"id one", "id four"} {
				if err := p.reload(site(staticEndpoints(fleet, "id one", "id two", "", id))); err != nil {
					t.Fatal(err)
				}
				expectOK(t)(p.client().get("/"))
			}
			if n := logged.Count(line); n != 1 {
				t.Errorf("got %d log lines after reloads", n)
			}
		})
	}
}
