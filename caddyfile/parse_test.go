package caddyfile

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestEachKindStoresItsValue(t *testing.T) {
	for text, want := range map[string]string{
		"guest k":                                  `{"key":"k"}`,
		"guest k {\n}":                             `{"key":"k"}`,
		`guest "a b"`:                              `{"key":"a b"}`,
		"guest {client_ip}":                        `{"key":"{client_ip}"}`,
		"guest k 1.25":                             `{"key":"k","factor":1.25}`,
		"guest k 2 0 65535":                        `{"key":"k","factor":2,"weights":[0,65535]}`,
		"guest k {\ndecay 10s\nrise 10\n}":         `{"key":"k","decay":10000000000,"rise":10}`,
		"guest k {\ndecay 1d\n}":                   `{"key":"k","decay":86400000000000}`,
		"guest k {\ndecay 0s\n}":                   `{"key":"k"}`,
		"guest k {\nlimit 9223372036854775807\n}":  `{"key":"k","limit":9223372036854775807}`,
		"guest k {\nshare 0.5\n}":                  `{"key":"k","share":0.5}`,
		"guest k {\nchoices auto\n}":               `{"key":"k","choices":"auto"}`,
		"guest k {\ntags a b\n}":                   `{"key":"k","tags":["a","b"]}`,
		"guest k {\ndraining\n}":                   `{"key":"k","draining":true}`,
		"guest k {\nloss 0%\n}":                    `{"key":"k","loss":0}`,
		"guest k {\nloss 12.5%\n}":                 `{"key":"k","loss":12.5}`,
		"guest k {\nmetadata a 1\nmetadata b 2\n}": `{"key":"k","metadata":{"a":"1","b":"2"}}`,
		"guest k {\nheaders a 1 2\nheaders a 3\n}": `{"key":"k","headers":{"a":["1","2","3"]}}`,
		"guest k {\nfallback guest x 2 {\nrise 2\n}\nrise 3\n}": `{"key":"k","rise":3,` +
			`"fallback":{"factor":2,"guest":"guest","key":"x","rise":2}}`,
		"guest k {\nsource guest a\nsource guest b {\n}\n}": `{"key":"k",` +
			`"sources":[{"key":"a","source":"guest"},{"key":"b","source":"guest"}]}`,
		"guest k {\ntimed guest a\ntimed guest b {\nevery 1s\n}\n}": `{"key":"k",` +
			`"timed":[{"guest":{"guest":"guest","key":"a"}},{"guest":{"guest":"guest","key":"b"},"every":1000000000}]}`,
		"guest k {\ntimed guest a 2 {\nrise 2\ntimes 3\nfallback guest x {\nrise 4\n}\nevery 1s\n}\nrise 5\n}": `{"key":"k","rise":5,` +
			`"timed":[{"guest":{"factor":2,"fallback":{"guest":"guest","key":"x","rise":4},"guest":"guest","key":"a","rise":2},"every":1000000000,"times":3}]}`,
		"guest k {\nmember a:1\nmember b:1 {\nweight 0\n}\nmember c:1 {\n}\nrise 1\n}": `{"key":"k","rise":1,` +
			`"members":[{"address":"a:1","weight":1},{"address":"b:1","weight":0},{"address":"c:1","weight":1}]}`,
	} {
		var g guest
		if err := g.UnmarshalCaddyfile(caddyfile.NewTestDispenser(text)); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got, _ := json.Marshal(&g); string(got) != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestErrorsNamePlaceValueAndExpectation(t *testing.T) {
	const options = "decay, rise, share, limit, choices, tags, draining, loss, metadata, headers, fallback, source, timed or member"
	for text, want := range map[string]string{
		"":                                                     "unexpected EOF, at :0",
		"guest":                                                "guest: key: missing value; expected text of one character or more, at Testfile:1",
		"guest {\n}":                                           "guest: key: missing value; expected text of one character or more, at Testfile:1",
		`guest ""`:                                             "guest: key: '' is not text of one character or more, at Testfile:1",
		"guest k 0.5":                                          "guest: factor: '0.5' is not a number from 1 to 100, at Testfile:1",
		"guest k NaN":                                          "guest: factor: 'NaN' is not a number from 1 to 100, at Testfile:1",
		"guest k Inf":                                          "guest: factor: 'Inf' is not a number from 1 to 100, at Testfile:1",
		"guest k 2 3 -1":                                       "guest: weights: '-1' is not a whole number from 0 to 65535, at Testfile:1",
		"guest k 2 65536":                                      "guest: weights: '65536' is not a whole number from 0 to 65535, at Testfile:1",
		"guest k {\nd 1\n}":                                    "guest: unknown option 'd'; expected " + options + ", at Testfile:2",
		"guest k {\n{\n}\n}":                                   "guest: unknown option '{'; expected " + options + ", at Testfile:2",
		"guest k {\ndecay 1s\n\ndecay 1s\n}":                   "guest: decay: already given at Testfile:2, at Testfile:4",
		"guest k {\ndecay\n}":                                  "guest: decay: missing value; expected a duration of 0s or more, such as 500ms, 10s or 2m, at Testfile:2",
		"guest k {\ndecay 10\n}":                               "guest: decay: '10' is not a duration of 0s or more, such as 500ms, 10s or 2m, at Testfile:2",
		"guest k {\ndecay -1s\n}":                              "guest: decay: '-1s' is not a duration of 0s or more, such as 500ms, 10s or 2m, at Testfile:2",
		"guest k {\ndecay 999999999h\n}":                       "guest: decay: '999999999h' is not a duration of 0s or more, such as 500ms, 10s or 2m, at Testfile:2",
		"guest k {\ndecay 1s 2s\n}":                            "guest: decay: unexpected argument '2s', at Testfile:2",
		"guest k {\ndecay 1s {\n}\n}":                          "guest: decay: takes no block, at Testfile:2",
		"guest k {\ndecay 1s {\nx\n}\n}":                       "guest: decay: takes no block, at Testfile:2",
		"guest k {\nrise 0\n}":                                 "guest: rise: '0' is not a whole number from 1 to 10, at Testfile:2",
		"guest k {\nrise 1.5\n}":                               "guest: rise: '1.5' is not a whole number from 1 to 10, at Testfile:2",
		"guest k {\nshare half\n}":                             "guest: share: 'half' is not a number from 0 to 1, at Testfile:2",
		"guest k {\nlimit -1\n}":                               "guest: limit: '-1' is not a whole number of at least 0, at Testfile:2",
		"guest k {\nlimit 9223372036854775808\n}":              "guest: limit: '9223372036854775808' is not a whole number of at least 0, at Testfile:2",
		"guest k {\nchoices some\n}":                           "guest: choices: 'some' is not auto or all, at Testfile:2",
		"guest k {\ntags\n}":                                   "guest: tags: missing value; expected text of one character or more, at Testfile:2",
		"guest k {\ntags a \"\"\n}":                            "guest: tags: '' is not text of one character or more, at Testfile:2",
		"guest k {\ntags a\ntags b\n}":                         "guest: tags: already given at Testfile:2, at Testfile:3",
		"guest k {\ndraining yes\n}":                           "guest: draining: unexpected argument 'yes', at Testfile:2",
		"guest k {\nloss 80\n}":                                "guest: loss: '80' is not a percentage from 0% to 100%, such as 80%, at Testfile:2",
		"guest k {\nloss 101%\n}":                              "guest: loss: '101%' is not a percentage from 0% to 100%, such as 80%, at Testfile:2",
		"guest k {\nloss -1%\n}":                               "guest: loss: '-1%' is not a percentage from 0% to 100%, such as 80%, at Testfile:2",
		"guest k {\nloss NaN%\n}":                              "guest: loss: 'NaN%' is not a percentage from 0% to 100%, such as 80%, at Testfile:2",
		"guest k {\nloss\n}":                                   "guest: loss: missing value; expected a percentage from 0% to 100%, such as 80%, at Testfile:2",
		"guest k {\nmetadata a\n}":                             "guest: metadata: missing value; expected a key and a value, at Testfile:2",
		"guest k {\nmetadata a b c\n}":                         "guest: metadata: unexpected argument 'c', at Testfile:2",
		"guest k {\nmetadata a 1\nmetadata a 2\n}":             "guest: metadata: 'a' is given twice, at Testfile:3",
		"guest k {\nheaders a\n}":                              "guest: headers: missing value; expected a key and one value or more, at Testfile:2",
		"guest k {\nheaders\n}":                                "guest: headers: missing value; expected a key and one value or more, at Testfile:2",
		"guest k {\nfallback\n}":                               "guest: fallback: missing value; expected guest or mute, at Testfile:2",
		"guest k {\nfallback x\n}":                             "guest: fallback: module 'x' is unknown or not built in; expected guest or mute, at Testfile:2",
		"guest k {\nfallback mute\n}":                          "guest: fallback: module 'mute' cannot be written in a Caddyfile, at Testfile:2",
		"guest k {\nfallback guest k {\nrise x\n}\n}":          "guest: fallback: guest: rise: 'x' is not a whole number from 1 to 10, at Testfile:3",
		"guest k {\nfallback guest k\nfallback guest k\n}":     "guest: fallback: already given at Testfile:2, at Testfile:3",
		"guest k {\ntimed guest a {\ntimes 0\n}\n}":            "guest: timed: times: '0' is not a whole number from 1 to 10, at Testfile:3",
		"guest k {\ntimed guest a {\ntimes 1 2\n}\n}":          "guest: timed: times: unexpected argument '2', at Testfile:3",
		"guest k {\ntimed guest a {\ntimes 1 {\n}\n}\n}":       "guest: timed: times: takes no block, at Testfile:3",
		"guest k {\ntimed guest a {\ntimes 1\n\ntimes 2\n}\n}": "guest: timed: times: already given at Testfile:3, at Testfile:5",
		"guest k {\ntimed guest a {\nrise x\ntimes 1\n}\n}":    "guest: timed: guest: rise: 'x' is not a whole number from 1 to 10, at Testfile:3",
		"guest k {\ntimed guest a {\ntimes 1\nd 1\n}\n}":       "guest: timed: guest: unknown option 'd'; expected " + options[:len(options)-len(" or member")] + ", member, every or times, at Testfile:4",
		"guest k {\ntimed\n}":                                  "guest: timed: missing value; expected guest or mute, at Testfile:2",
		"guest k {\nmember\n}":                                 "guest: member: address: missing value; expected text of one character or more, at Testfile:2",
		"guest k {\nmember a b\n}":                             "guest: member: unexpected argument 'b'; expected a block with weight, at Testfile:2",
		"guest k {\nmember a {\nweight x\n}\n}":                "guest: member: weight: 'x' is not a whole number from 0 to 65535, at Testfile:3",
		"guest k {\nmember a {\nrise 1\n}\n}":                  "guest: member: unknown option 'rise'; expected weight, at Testfile:3",
		"guest k {\nrise 1":                                    "guest: missing '}', at Testfile:2",
		"guest k {\ntimed guest a {\nfallback guest x {\nmember a {\nd 1\n}\n}\n}\n}": "guest: timed: guest: fallback: guest: member: unknown option 'd'; expected weight, at Testfile:5",
	} {
		err := new(guest).UnmarshalCaddyfile(caddyfile.NewTestDispenser(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestModulesWithoutBlockOrArgumentsTakeNone(t *testing.T) {
	for text, want := range map[string]string{
		"plain":           "",
		"plain x":         "plain: unexpected argument 'x', at Testfile:1",
		"plain {\n}":      "plain: takes no block, at Testfile:1",
		"plain {\nx y\n}": "plain: takes no block, at Testfile:1",
	} {
		got := ""
		if err := Parse(caddyfile.NewTestDispenser(text)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestAModuleThatHasNoJSONIsAnError(t *testing.T) {
	var raw json.RawMessage
	err := Parse(caddyfile.NewTestDispenser("host {\nguest unwritable\n}"), Block(Module("guest", guests+".odd", "guest", &raw)))
	if err == nil || !strings.HasPrefix(err.Error(), "host: guest: unwritable cannot be written as JSON: ") || raw != nil {
		t.Errorf("got %s and %v", raw, err)
	}
}

func TestFieldsThatAreNotWrittenKeepWhatTheyHold(t *testing.T) {
	g := guest{Factor: 3, Rise: 4}
	if err := g.UnmarshalCaddyfile(caddyfile.NewTestDispenser("guest k {\nlimit 1\n}")); err != nil {
		t.Fatal(err)
	}
	if g.Factor != 3 || g.Rise != 4 {
		t.Errorf("factor %v, rise %v; want 3 and 4", g.Factor, g.Rise)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"guest k 1.25 1 2 {\n\tdecay 10s\n\trise 2\n\tlimit 3\n\tchoices auto\n\ttags a b\n\tdraining\n}",
		"guest k {\n\tmetadata a b\n\tmember a:1 {\n\t\tweight 3\n\t}\n\tmember b:1\n}",
		"guest k {\n\tfallback guest x {\n\t\tsource guest y\n\t}\n\tsource guest a {\n\t}\n}",
		"guest k {\n\tfallback guest x {\n\t} rise 2\n}\n}", "guest {\n{\n}\n", "guest k { }", "guest } {", "{", "}", "guest `}` {\n}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := caddyfile.Tokenize([]byte(text), "Caddyfile")
		if err != nil {
			return // Caddy's own lexer takes care of these
		}
		var g guest
		err = g.UnmarshalCaddyfile(caddyfile.NewDispenser(tokens))
		if err != nil && !strings.Contains(err.Error(), ", at ") {
			t.Errorf("%q: %v names no line", text, err)
		}
		if _, jsonErr := json.Marshal(&g); err == nil && jsonErr != nil {
			t.Errorf("%q: %v", text, jsonErr)
		}
	})
}
