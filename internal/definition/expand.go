package definition

import (
	"bytes"
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
)

// Expand returns the JSON of a module with the placeholders of the config replaced, such as
// {env.NAME} and {file./run/secrets/token}. Placeholders that are not known, such as those of an
// endpoint, stay as they are. White space and the order of fields do not matter to the result.
// Fields of the module whose names are in without are left out.
func Expand(raw []byte, without ...string) []byte {
	module, ok := decode(raw)
	if !ok {
		return raw
	}
	if fields, isObject := module.(map[string]any); isObject {
		for _, name := range without {
			delete(fields, name)
		}
	}
	replacer := caddy.NewReplacer()
	expanded, _ := json.Marshal(replaceTexts(module, func(text string) string {
		return replacer.ReplaceKnown(text, "")
	}))
	return expanded
}

func decode(raw []byte) (value any, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return value, decoder.Decode(&value) == nil
}

// replaceTexts replaces each text of a decoded JSON value. Names of fields are not texts.
func replaceTexts(value any, replace func(string) string) any {
	switch value := value.(type) {
	case string:
		return replace(value)
	case []any:
		for i := range value {
			value[i] = replaceTexts(value[i], replace)
		}
	case map[string]any:
		for name := range value {
			value[name] = replaceTexts(value[name], replace)
		}
	}
	return value
}
