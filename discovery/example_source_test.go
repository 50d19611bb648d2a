package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
)

func init() { caddy.RegisterModule(new(Inventory)) }

// Inventory follows a URL that lists one endpoint in each line: a name and an address.
type Inventory struct {
	// The URL of the list. Placeholders are replaced when the config is loaded. Required.
	URL string `json:"url"`

	// The time between two requests. A change takes effect after this time at the latest.
	// Default: 30s.
	Interval caddy.Duration `json:"interval,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Inventory) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.inventory",
		New: func() caddy.Module { return new(Inventory) },
	}
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source inventory <url> {
//	    interval <duration>
//	}
func (s *Inventory) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.String("url", &s.URL),
		caddyfile.Block(caddyfile.Duration("interval", &s.Interval)),
	)
}

// Provision implements caddy.Provisioner.
func (s *Inventory) Provision(caddy.Context) error {
	if s.URL == "" {
		return errors.New("url: is missing; expected the URL of a list")
	}
	if s.Interval == 0 {
		s.Interval = caddy.Duration(30 * time.Second)
	}
	return discovery.Resolve("url", &s.URL)
}

// Run implements discovery.Source.
func (s *Inventory) Run(ctx context.Context, report discovery.Report) error {
	return discovery.Poll(ctx, time.Duration(s.Interval), report, s.lookup)
}

// lookup returns the list as it is now. An error keeps the endpoints; an empty list removes them.
func (s *Inventory) lookup(ctx context.Context) (discovery.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return discovery.Answer{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return discovery.Answer{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return discovery.Answer{}, fmt.Errorf("status is %d; expected 200", response.StatusCode)
	}
	const maxSize = 1 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, maxSize+1))
	if err != nil {
		return discovery.Answer{}, err
	}
	if len(body) > maxSize { // a list that is cut off would remove endpoints
		return discovery.Answer{}, fmt.Errorf("list has more than %d bytes", maxSize)
	}
	return parseInventory(body), nil
}

// parseInventory leaves checks of the address to the builder.
func parseInventory(body []byte) discovery.Answer {
	var answer discovery.AnswerBuilder
	for line := range strings.Lines(string(body)) {
		name, address, _ := strings.Cut(strings.TrimSpace(line), " ")
		answer.Add(name, discovery.Endpoint{Address: address, Weight: 1, ID: name})
	}
	return answer.Answer()
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Inventory)(nil)
	_ caddyfile.Unmarshaler = (*Inventory)(nil)
	_ discovery.Source      = (*Inventory)(nil)
)

// A whole source: it polls an inventory over HTTP. A pool runs it as this example does, and keeps
// running it again after errors.
func ExampleSource() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "web-1 10.0.0.1:80\nweb-2 10.0.0.2:80\nweb-3 10.0.0.3\n")
	}))
	defer server.Close()
	source := &Inventory{URL: server.URL}
	if err := source.Provision(caddy.Context{}); err != nil {
		fmt.Println(err)
		return
	}

	ctx, cancel := context.WithCancel(context.Background())
	err := source.Run(ctx, func(a discovery.Answer) {
		for _, e := range a.Endpoints {
			fmt.Println(e.ID, "is at", e.Address)
		}
		for _, d := range a.Dropped {
			fmt.Println(d.Key, "is dropped:", d.Err)
		}
		cancel()
	})
	fmt.Println("ended with", err)
	// Output:
	// web-1 is at 10.0.0.1:80
	// web-2 is at 10.0.0.2:80
	// web-3 is dropped: address: "10.0.0.3" has no port; expected a host and port such as 10.0.0.7:8080
	// ended with <nil>
}
