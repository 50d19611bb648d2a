package pool

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/caddy-balance/caddy-balance/discovery/dns"
	_ "github.com/caddy-balance/caddy-balance/discovery/http"
)

func TestAKeyIsThatOfTheValuesWithoutSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for name, c := range map[string]struct {
		raw  string
		same bool
	}{
		"a name that stands for another one": {`{"source":"dns","name":"{env.SOURCE_REF_TEST}"}`, false},
		"a file that stands for a name":      {`{"source":"dns","name":"{file.` + file + `}"}`, false},
		"a token from the environment":       {`{"source":"http","url":"http://a/","bearer_token":"{env.SOURCE_REF_TEST}"}`, true},
		"a header from a file":               {`{"source":"http","url":"http://a/","headers":{"A":"{file.` + file + `}"}}`, true},
		"a certificate":                      {`{"source":"http","url":"https://a/","tls":{"client_certificate_file":"` + file + `"}}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			var keys []string
			for _, value := range []string{"old", "new"} {
				t.Setenv("SOURCE_REF_TEST", value)
				if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
					t.Fatal(err)
				}
				keys = append(keys, sourceKey(json.RawMessage(c.raw)))
			}
			if got := keys[0] == keys[1]; got != c.same {
				t.Errorf("the key stays: %v", got)
			}
		})
	}
	if sourceKey([]byte(`{"source":"dns","name":"a"}`)) != sourceKey([]byte(`{"name": "a", "source": "dns"}`)) {
		t.Error("white space and order make another source")
	}
}

func TestSourcesThatDifferInSecretsAreTwo(t *testing.T) {
	refs := sourceRefs([]json.RawMessage{
		[]byte(`{"source":"http","url":"http://a/","bearer_token":"one"}`),
		[]byte(`{"source":"http","url":"http://a/","bearer_token":"two"}`),
		[]byte(`{"source":"http","url":"http://b/","bearer_token":"two"}`),
	})
	if refs[0].key == refs[1].key || refs[0].key == refs[2].key || refs[1].key == refs[2].key {
		t.Errorf("the keys are %q, %q and %q", refs[0].key, refs[1].key, refs[2].key)
	}
}
