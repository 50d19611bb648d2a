package caddyfile_test

import (
	"encoding/json"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	caddytext "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-balance/caddy-balance/caddyfile"
)

// Cache is a module with two arguments, of which one is optional, and a block.
type Cache struct {
	Key      string         `json:"key"`
	Size     int            `json:"size"`
	Lifetime caddy.Duration `json:"lifetime"`
	Hosts    []string       `json:"hosts"`
}

// UnmarshalCaddyfile sets up the module from Caddyfile tokens. Syntax:
//
//	cache <key> [<size>] {
//	    lifetime <duration>
//	    hosts    <names...>
//	}
func (c *Cache) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.String("key", &c.Key),
		caddyfile.Optional(caddyfile.Int("size", &c.Size, 1, 1000)),
		caddyfile.Block(
			caddyfile.Duration("lifetime", &c.Lifetime),
			caddyfile.Strings("hosts", &c.Hosts),
		),
	)
}

func ExampleParse() {
	for _, text := range []string{
		"cache {path} 500 {\n lifetime 10s\n hosts a.test b.test\n}",
		"cache {path} 5000",
		"cache {path} {\n lifetime soon\n}",
		"cache {path} {\n lifetiem 10s\n}",
	} {
		cache := Cache{Size: 100}
		if err := cache.UnmarshalCaddyfile(caddytext.NewTestDispenser(text)); err != nil {
			fmt.Println(err)
			continue
		}
		asJSON, _ := json.Marshal(cache)
		fmt.Println(string(asJSON))
	}
	// Output:
	// {"key":"{path}","size":500,"lifetime":10000000000,"hosts":["a.test","b.test"]}
	// cache: size: '5000' is not a whole number from 1 to 1000, at Testfile:1
	// cache: lifetime: 'soon' is not a duration of 0s or more, such as 500ms, 10s or 2m, at Testfile:2
	// cache: unknown option 'lifetiem'; expected lifetime or hosts, at Testfile:2
}
