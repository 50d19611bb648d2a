package healthprobe

import (
	"os"
	"path/filepath"
	"testing"
)

var web7 = &Endpoint{
	Address: "10.0.0.7:8080", ID: "web-7", Zone: "eu-1",
	Metadata: map[string]string{"version": "v2", "a.b/c-d": "{endpoint.id}"},
}

func TestPlaceholdersAreReplaced(t *testing.T) {
	t.Setenv("PROBE_SECRET", "{endpoint.id}")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{
		"":                   "",
		"plain":              "plain",
		"{endpoint.address}": "10.0.0.7:8080",
		"{endpoint.host}|{endpoint.port}|{endpoint.id}|{endpoint.zone}": "10.0.0.7|8080|web-7|eu-1",
		"<{endpoint.metadata.version}>":                                 "<v2>",
		"<{endpoint.metadata.missing}>":                                 "<>",
		"{endpoint.metadata.a.b/c-d}":                                   "{endpoint.id}", // a value is taken literally
		"{env.PROBE_SECRET}{endpoint.id}":                               "{endpoint.id}web-7",
		"{env.PROBE_UNSET_THING}x":                                      "",
		"a {file." + file + "} b":                                       "a t0ken b",
		`{"a":{"b":1.5}}`:                                               `{"a":{"b":1.5}}`,
		"{}{x}{ a.b }":                                                  "{}{x}{ a.b }",
	} {
		compiled, err := compileTemplate("field", given)
		if want == "" && given != "" {
			if wantError(t, given, err, "field: evaluated placeholder {env.PROBE_UNSET_THING} is empty"); err == nil {
				t.Error(compiled)
			}
			continue
		}
		if got := compiled.expand(web7); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", given, got, err, want)
		}
	}
}

func TestOnlyPlaceholdersOfEndpointsVary(t *testing.T) {
	t.Setenv("PROBE_SECRET", "s3cret")
	for given, want := range map[string]bool{"": false, "x": false, "{env.PROBE_SECRET}": false, "{endpoint.id}": true, "x{endpoint.id}": true} {
		if compiled, err := compileTemplate("field", given); err != nil || compiled.varies() != want {
			t.Errorf("%s: got %v, %v", given, compiled.varies(), err)
		}
	}
}

func TestUnknownPlaceholdersAreAnError(t *testing.T) {
	const known = "is not known; expected endpoint.address, endpoint.host, endpoint.port, endpoint.id, endpoint.zone or endpoint.metadata.<key>"
	for given, want := range map[string]string{
		"{endpoint.name}":      "field: {endpoint.name}: " + known,
		"{endpoint.metadata.}": "field: {endpoint.metadata.}: " + known,
		"{endpoint.}":          "field: {endpoint.}: " + known,
		"{http.request.host}":  "field: unrecognized placeholder {http.request.host}",
	} {
		_, err := compileTemplate("field", given)
		wantError(t, given, err, want)
	}
}

func TestTheHostOfAUnixSocketIsLocalhost(t *testing.T) {
	compiled, err := compileTemplate("field", "{endpoint.host}|{endpoint.port}|{endpoint.address}")
	if got := compiled.expand(&Endpoint{Address: "unix//run/app.sock"}); err != nil || got != "localhost||unix//run/app.sock" {
		t.Errorf("got %s, %v", got, err)
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{"{endpoint.host}:{endpoint.metadata.port}", "{{endpoint.id}}", "{env.HOME}{", `{"a.b":{}}`, "}{."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		compiled, err := compileTemplate("field", given)
		if err == nil && !placeholder.MatchString(given) && compiled.expand(web7) != given {
			t.Errorf("%q became %q", given, compiled.expand(web7))
		}
	})
}
