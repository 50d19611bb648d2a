package e2e

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "github.com/caddy-balance/caddy-balance/discovery/kubernetes"
	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

// kubernetesRegistry has a Service. The test writes its EndpointSlices, as the controllers of a
// cluster would.
type kubernetesRegistry struct {
	t *testing.T
	*servers.Kubernetes
	admin *http.Client
	link  *link
	ports map[string][]entry // endpoints by port; those of one port share slices and so have one weight
}

func TestKubernetes(t *testing.T) {
	build(t, servers.EtcdBinary, servers.KubeAPIServerBinary)
	inNetworkNamespace(t, func(t *testing.T) { runScenarios(t, startKubernetes) })
}

// build builds servers for tests that run in a network of their own, from which nothing can be
// downloaded.
func build(t *testing.T, binaries ...servers.Binary) {
	t.Helper()
	for _, b := range binaries {
		if _, err := b.Path(); err != nil {
			t.Fatal(err)
		}
	}
}

func startKubernetes(t *testing.T) *kubernetesRegistry {
	t.Helper()
	s := servers.StartKubernetes(t)
	k := &kubernetesRegistry{t: t, Kubernetes: s, admin: s.Client(servers.AdminToken), link: startLink(t, s.Address)}
	k.begin()
	return k
}

// begin prepares an empty cluster.
func (k *kubernetesRegistry) begin() {
	k.ports = make(map[string][]entry)
	k.grant()
	k.createService()
}

func (k *kubernetesRegistry) source() string {
	return fmt.Sprintf("kubernetes web {\napi_server https://%s\ntoken %s\ntls_trust_pool file %s\n}",
		k.link.address, servers.CaddyToken, k.Authority())
}

func (k *kubernetesRegistry) registryLink() *link { return k.link }
func (k *kubernetesRegistry) kill()               { k.Kill() }
func (k *kubernetesRegistry) restart()            { k.Restart() }

// restartEmpty grants the permissions again, because the source would get no answer without them.
// It does not create the Service.
func (k *kubernetesRegistry) restartEmpty() {
	k.RestartEmpty()
	k.ports = make(map[string][]entry)
	k.grant()
}

func (k *kubernetesRegistry) put(entries ...entry) {
	k.createService()
	for _, e := range entries {
		k.forget(e)
		port := portOf(e)
		k.ports[port] = append(k.ports[port], e)
	}
	k.writeSlices(entries)
}

func (k *kubernetesRegistry) remove(entries ...entry) {
	for _, e := range entries {
		k.forget(e)
	}
	k.writeSlices(entries)
}

// forget removes the endpoint from the slices that writeSlices writes.
func (k *kubernetesRegistry) forget(e entry) {
	port := portOf(e)
	k.ports[port] = slices.DeleteFunc(k.ports[port], func(other entry) bool { return other.address == e.address })
}

func portOf(e entry) string {
	return strconv.Itoa(int(netip.MustParseAddrPort(e.address).Port()))
}

// writeSlices writes the slices that contain, or contained, one of the entries.
func (k *kubernetesRegistry) writeSlices(entries []entry) {
	written := make(map[string]bool)
	for _, e := range entries {
		port := portOf(e)
		if written[port] {
			continue
		}
		written[port] = true
		i := 0
		for part := range slices.Chunk(k.ports[port], 1000) { // the maximum of a slice
			k.apply("discovery.k8s.io/v1", "EndpointSlice", fmt.Sprintf("web-%s-%d", port, i), slice(port, part))
			i++
		}
		if i == 0 {
			k.delete("discovery.k8s.io/v1", "EndpointSlice", "web-"+port+"-0")
		}
	}
}

func slice(port string, entries []entry) object {
	number, _ := strconv.Atoi(port)
	var endpoints []object
	for _, e := range entries {
		endpoints = append(endpoints, object{
			"addresses":  []string{netip.MustParseAddrPort(e.address).Addr().String()},
			"conditions": object{"ready": !e.draining, "serving": true, "terminating": e.draining},
		})
	}
	return object{
		"metadata": object{
			"labels":      object{"kubernetes.io/service-name": "web"},
			"annotations": object{"caddy-balance/weight": strconv.Itoa(entries[0].weight)},
		},
		"addressType": "IPv4",
		"endpoints":   endpoints,
		"ports":       []object{{"name": "http", "port": number, "protocol": "TCP"}},
	}
}

func (k *kubernetesRegistry) createService() {
	k.apply("v1", "Service", "web", object{"spec": object{
		"clusterIP": "None", "ports": []object{{"name": "http", "port": 80, "protocol": "TCP"}},
	}})
}

// grant gives the source the permissions that its documentation asks for, and no others.
func (k *kubernetesRegistry) grant() {
	k.apply("rbac.authorization.k8s.io/v1", "Role", "caddy", object{"rules": []object{
		{"apiGroups": []string{""}, "resources": []string{"services"}, "verbs": []string{"get", "list", "watch"}},
		{"apiGroups": []string{"discovery.k8s.io"}, "resources": []string{"endpointslices"}, "verbs": []string{"get", "list", "watch"}},
	}})
	k.apply("rbac.authorization.k8s.io/v1", "RoleBinding", "caddy", object{
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "caddy"},
		"subjects": []object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "caddy"}},
	})
}

func (k *kubernetesRegistry) revoke() {
	k.delete("rbac.authorization.k8s.io/v1", "RoleBinding", "caddy")
}

// apply creates the object or changes it.
func (k *kubernetesRegistry) apply(version, kind, name string, o object) {
	k.t.Helper()
	o["apiVersion"], o["kind"] = version, kind
	if o["metadata"] == nil {
		o["metadata"] = object{}
	}
	o["metadata"].(object)["name"] = name
	if err := send(k.admin, http.MethodPatch, k.url(version, kind, name)+"?fieldManager=e2e&force=true", o); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kubernetesRegistry) delete(version, kind, name string) {
	k.t.Helper()
	if err := send(k.admin, http.MethodDelete, k.url(version, kind, name), nil); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kubernetesRegistry) url(version, kind, name string) string {
	group := "apis"
	if version == "v1" {
		group = "api"
	}
	return fmt.Sprintf("https://%s/%s/%s/namespaces/default/%ss/%s", k.Address, group, version, strings.ToLower(kind), name)
}
