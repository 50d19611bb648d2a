package discovery

import (
	"strings"
	"testing"
)

func TestEachOriginHasKeysOfItsOwn(t *testing.T) {
	seen := make(map[string]Origin)
	for _, pool := range []string{"web", "WEB", "../web", "w/eb", "", "ü", "ö", "..", strings.Repeat("w", 300)} {
		for _, o := range []Origin{
			{Instance: "a", Pool: pool, Source: "dns"}, {Shared: "a", Pool: pool, Source: "dns"},
			{Instance: "b", Pool: pool, Source: "dns"}, {Instance: "a", Pool: pool, Source: "../x"},
		} {
			for _, identity := range []string{"", "1", "2"} {
				key := o.Key(identity)
				if other, ok := seen[key]; ok {
					t.Errorf("%+v %q is at the key of %+v", o, identity, other)
				}
				if !strings.HasPrefix(key, RecordFolder+"/") || strings.Contains(key, "..") || len(key) > 200 {
					t.Errorf("%+v is at %s", o, key)
				}
				seen[key] = o
			}
		}
	}
}
