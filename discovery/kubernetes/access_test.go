package kubernetes

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

const kubeconfig = `
apiVersion: v1
kind: Config
clusters:
- name: near
  cluster: {server: %q, certificate-authority: ca.pem}
- name: far
  cluster: {server: "https://127.0.0.1:1"}
users:
- name: caddy
  user: {tokenFile: token}
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      interactiveMode: IfAvailable
      command: sh
      args: ["-c", 'echo "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"of-a-plugin\"}}"']
contexts:
- name: shop
  context: {cluster: near, user: caddy, namespace: shop}
- name: plugin
  context: {cluster: near, user: plugin, namespace: shop}
- name: elsewhere
  context: {cluster: far, user: caddy}
current-context: shop
`

// secureAPI returns a fake API server, and the path and text of a kubeconfig for it. The test
// writes the file.
func secureAPI(t *testing.T) (api *fakeAPI, path, text string) {
	api, authority := newSecureAPI(t)
	api.put(service(), slice("web-a", ready("10.0.0.1")))
	folder := filepath.Dir(authority)
	writeFile(t, filepath.Join(folder, "token"), "of-a-file")
	return api, filepath.Join(folder, "config"), fmt.Sprintf(kubeconfig, api.url)
}

func TestAKubeconfigHasTheServerAndTheCredentials(t *testing.T) {
	api, path, text := secureAPI(t)
	writeFile(t, path, text)
	for context, token := range map[string]string{"": "of-a-file", "plugin": "of-a-plugin"} {
		t.Run("context "+context, func(t *testing.T) {
			api.requireToken(token)
			runSource(t, &Source{Service: "web", Kubeconfig: path, Context: context}).wants("10.0.0.1:8080")
		})
	}
	for context, want := range map[string]string{
		"elsewhere": "cannot list",
		"nowhere":   `context was not found for specified context: nowhere`,
	} {
		t.Run("context "+context, func(t *testing.T) {
			err := runSource(t, &Source{Service: "web", Kubeconfig: path, Context: context}).wantsEnd()
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v; want %s", err, want)
			}
		})
	}
}

func TestEachRunReadsTheKubeconfig(t *testing.T) {
	_, path, text := secureAPI(t)
	s := &Source{Service: "web", Kubeconfig: path}
	if err := runSource(t, s).wantsEnd(); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
	writeFile(t, path, "clusters: 7")
	if err := runSource(t, s).wantsEnd(); err == nil {
		t.Error("an invalid file is no error")
	}
	writeFile(t, path, text)
	runSource(t, s).wants("10.0.0.1:8080")
}

func TestOutsideOfAClusterTheErrorNamesTheSettings(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	err := runSource(t, &Source{Service: "web"}).wantsEnd()
	if err == nil || !strings.Contains(err.Error(), "expected kubeconfig or api_server") {
		t.Errorf("got %v", err)
	}
}

func TestTLSVerifiesTheServer(t *testing.T) {
	api, authority := newSecureAPI(t)
	api.put(service(), slice("web-a", ready("10.0.0.1")))
	t.Run("unknown", func(t *testing.T) {
		err := runSource(t, &Source{Service: "web", Namespace: "shop", APIServer: api.url}).wantsEnd()
		if err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("trusted", func(t *testing.T) {
		pool := fmt.Sprintf(`{"provider": "file", "pem_files": [%q]}`, authority)
		tls := &reverseproxy.TLSConfig{CARaw: json.RawMessage(pool)}
		runSource(t, &Source{Service: "web", Namespace: "shop", APIServer: api.url, TLS: tls}).wants("10.0.0.1:8080")
	})
}

func TestImpossibleSettingsAreRefused(t *testing.T) {
	for want, s := range map[string]*Source{
		"service: is missing":                          {},
		`service: "shop/web" cannot be one`:            {Service: "shop/web"},
		`namespace: "Shop" cannot be one`:              {Service: "web", Namespace: "Shop"},
		`weight_annotation: "a/b/c" cannot be one`:     {Service: "web", WeightAnnotation: "a/b/c"},
		`family: "ipv5" is not ipv4 or ipv6`:           {Service: "web", Family: "ipv5"},
		"kubeconfig and api_server are both given":     {Service: "web", Kubeconfig: "a", APIServer: "https://b"},
		"context: is given without kubeconfig":         {Service: "web", Context: "a"},
		"token, token_file and tls need api_server":    {Service: "web", Token: "a"},
		"token and token_file are both given":          {Service: "web", APIServer: "https://a", Token: "a", TokenFile: "b"},
		`api_server: is not a URL such as`:             {Service: "web", APIServer: "10.0.0.1:6443"},
		"tls: is given, but api_server has http":       {Service: "web", APIServer: "http://a", TLS: new(reverseproxy.TLSConfig)},
		"token: unrecognized placeholder":              {Service: "web", APIServer: "https://a", Token: "{nonsense}"},
		"service: evaluated placeholder {env.CB_NONE}": {Service: "{env.CB_NONE}"},
	} {
		if err := s.Provision(caddy.Context{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}
