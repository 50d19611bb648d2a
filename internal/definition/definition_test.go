package definition

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write writes a file and returns its path.
func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestADigestChangesWithWhatTheDefinitionStandsFor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for name, raw := range map[string]string{
		"an environment variable":       `{"token": "{env.DEFINITION_TEST}"}`,
		"a part of a text":              `{"headers": {"A": ["Bearer {env.DEFINITION_TEST}"]}}`,
		"the content of a placeholder":  `{"token": "{file.` + file + `}"}`,
		"a file that a field names":     `{"tls": {"ca": {"provider": "file", "pem_files": ["` + file + `"]}}}`,
		"a path that has a placeholder": `{"token_file": "{env.DEFINITION_DIR}/file"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DEFINITION_TEST", "old")
			t.Setenv("DEFINITION_DIR", filepath.Dir(file))
			write(t, file, "old")
			old := Of([]byte(raw))
			if Of([]byte(raw)) != old {
				t.Fatal("two digests of the same differ")
			}
			t.Setenv("DEFINITION_TEST", "new")
			write(t, file, "new")
			if Of([]byte(raw)) == old {
				t.Error("the digest is that of the old value")
			}
		})
	}
}

func TestADigestDoesNotDependOnWhiteSpaceAndOrder(t *testing.T) {
	if Of([]byte(`{"a": 1, "b": ["{x.y}"]}`)) != Of([]byte(`{"b":["{x.y}"],"a":1}`)) {
		t.Error("the digests differ")
	}
}

func TestADigestTellsDefinitionsApart(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "file"), "content")
	seen := make(map[Sum]string)
	for _, raw := range []string{
		``, `{}`, `{"a": ""}`, `{"a": "{endpoint.host}"}`, `{"a": "{endpoint.port}"}`, `{"a": 1}`, `{"a": 1.0}`,
		`{"a": ["b", "c"]}`, `{"a": ["bc"]}`, `{"a": "` + file + `"}`, `{"a": "` + file + `x"}`, `{"a": "` + os.TempDir() + `"}`,
	} {
		sum := Of([]byte(raw))
		if other, ok := seen[sum]; ok {
			t.Errorf("%s has the digest of %s", raw, other)
		}
		seen[sum] = raw
	}
}

func TestExpandLeavesFieldsOut(t *testing.T) {
	t.Setenv("DEFINITION_TEST", "canary")
	got := string(Expand([]byte(`{"b": {"token": 1}, "token": "{env.DEFINITION_TEST}", "a": "{env.DEFINITION_TEST}s"}`), "token"))
	if want := `{"a":"canarys","b":{"token":1}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDifferencesNameFieldsAndNoValues(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{`{"token": "canary1"}`, `{"token": "canary2"}`, "token"},
		{`{"token": "canary"}`, `{}`, "token"},
		{`{"sources": [{"source": "http", "token": "canary"}]}`, `{"sources": [{"source": "http", "token": "x"}]}`, "sources[0].token"},
		{`{"sources": [{"a": "canary"}]}`, `{"sources": [{"a": "canary"}, {}]}`, "sources"},
		{`{"health": {"probe": {"headers": {"X": ["canary"]}}}}`, `{"health": {"probe": {}}}`, "health.probe.headers"},
		{`{"a": 1, "b": 2, "c": "canary"}`, `{"a": 2, "b": 1, "c": "canary"}`, "a, b"},
		{`{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1}`, `{}`, "a, b, c, d, e and 2 more"},
		{`{"a": {"b": "canary"}}`, `{"a": ["canary"]}`, "a"},
		{`{"a": 1, "b": 2}`, `{"b": 2, "a": 1}`, ""},
		{`canary1`, `canary2`, "the whole definition"},
		{`"canary1"`, `"canary2"`, "the whole definition"},
	} {
		for _, got := range []string{Differences([]byte(c.a), []byte(c.b)), Differences([]byte(c.b), []byte(c.a))} {
			if got != c.want || strings.Contains(got, "canary") {
				t.Errorf("%s and %s: got %q, want %q", c.a, c.b, got, c.want)
			}
		}
	}
}

func BenchmarkOf(b *testing.B) {
	raw := fmt.Appendf(nil, `{"source": "http", "url": "https://example.com/list", "bearer_token": "{env.HOME}", "tls": {}}`)
	for b.Loop() {
		Of(raw)
	}
}
