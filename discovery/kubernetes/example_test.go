package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/caddy-balance/caddy-balance/internal/golden"
)

const example = "../../examples/kubernetes/"

func TestTheExampleLoadsWithoutACluster(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	golden.Example(t, example+"Caddyfile")
}

// manifests maps the kinds in the example's manifests to their types.
var manifests = map[string]func() any{
	"v1 Service":                               func() any { return new(corev1.Service) },
	"v1 ServiceAccount":                        func() any { return new(corev1.ServiceAccount) },
	"apps/v1 Deployment":                       func() any { return new(appsv1.Deployment) },
	"rbac.authorization.k8s.io/v1 Role":        func() any { return new(rbacv1.Role) },
	"rbac.authorization.k8s.io/v1 RoleBinding": func() any { return new(rbacv1.RoleBinding) },
}

func TestTheExamplesManifestsHaveOnlyFieldsThatExist(t *testing.T) {
	found := make(map[string]bool)
	documents := yaml.NewDecoder(strings.NewReader(golden.Read(t, example+"manifests.yaml")))
	for {
		var document map[string]any
		if err := documents.Decode(&document); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		kind := document["apiVersion"].(string) + " " + document["kind"].(string)
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		found[kind] = true
		make, ok := manifests[kind]
		if !ok {
			t.Fatalf("unknown kind %s", kind)
		}
		into := make()
		strict := json.NewDecoder(bytes.NewReader(text))
		strict.DisallowUnknownFields()
		if err := strict.Decode(into); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if role, ok := into.(*rbacv1.Role); ok {
			wantsGrants(t, role)
		}
	}
	if len(found) != len(manifests) {
		t.Errorf("found only %v", slices.Sorted(maps.Keys(found)))
	}
}

// wantsGrants checks that the role permits every request of the source.
func wantsGrants(t *testing.T, role *rbacv1.Role) {
	for group, resource := range map[string]string{"": "services", "discovery.k8s.io": "endpointslices"} {
		if !slices.ContainsFunc(role.Rules, func(r rbacv1.PolicyRule) bool {
			return slices.Equal(r.APIGroups, []string{group}) &&
				slices.Equal(r.Resources, []string{resource}) &&
				slices.Equal(r.Verbs, []string{"get", "list", "watch"})
		}) {
			t.Errorf("the role lacks %s in group %q", resource, group)
		}
	}
}
