package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func loadJSON(t *testing.T, snippet string) error {
	text := []byte(withSurroundings(t, snippet))
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		return loadList(t, text)
	}
	config, err := wholeConfig(text)
	if err != nil {
		return err
	}
	if err := load(t, config); err != nil {
		return fmt.Errorf("%w, in\n%s", err, config)
	}
	return nil
}

// wholeConfig puts an object where it belongs, by the keys that it has.
func wholeConfig(text []byte) ([]byte, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, err
	}
	has := func(key string) bool { return keys[key] != nil }
	is := func(key, value string) bool { return string(keys[key]) == `"`+value+`"` }
	isText := func(key string) bool { return bytes.HasPrefix(keys[key], []byte(`"`)) }
	inner := string(text)
	wrap := func(before, after string) { inner = before + inner + after }
	pool := func(before, after string) {
		wrap(`{"source":"pool","name":"snippet",`+before, after+`}`)
	}
	const static = `"sources":[{"source":"static","endpoints":[{"address":"10.0.0.1:80"}]}]`
	switch {
	case has("mode"):
		return []byte("{}"), nil // an answer of the admin API
	case has("apps"), has("admin"), has("logging"):
		return text, nil
	case is("handler", "pool"):
		wrap(`{"apps":{"layer4":{"servers":{"snippet":{"listen":["127.0.0.1:0"],"routes":[{"handle":[`, `]}]}}}}}`)
		return []byte(inner), nil
	case is("handler", "reverse_proxy"), is("handler", "pool_status"):
	case is("source", "pool"):
		wrap(`{"handler":"reverse_proxy","dynamic_upstreams":`, `}`)
	case has("policy"):
		wrap(`{"handler":"reverse_proxy",
			"upstreams":[{"dial":"10.0.0.1:80"},{"dial":"10.0.0.2:80"},{"dial":"10.0.0.3:80"}],
			"load_balancing":{"selection_policy":`, `}}`)
	default:
		switch {
		case has("source"):
			pool(`"sources":[`, `]`)
		case isText("probe"):
			pool(static+`,"health":{"probe":`, `}`)
		case has("probe"), has("probes"):
			pool(static+`,"health":`, ``)
		case has("consecutive_failures"), has("failure_percentage"), has("latency"):
			pool(static+`,"outlier":`, ``)
		case has("address"):
			pool(`"sources":[{"source":"static","endpoints":[`, `]}]`)
		case slices.ContainsFunc(inPool, has): // settings of a pool
			inner = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(inner), "{"), "}")
			pool(static+`,`, ``)
		default:
			return nil, fmt.Errorf("is JSON of a kind that no test knows")
		}
		wrap(`{"handler":"reverse_proxy","dynamic_upstreams":`, `}`)
	}
	wrap(`{"apps":{"http":{"servers":{"snippet":{"listen":["127.0.0.1:0"],"routes":[{"handle":[`, `]}]}}}}}`)
	return []byte(inner), nil
}
