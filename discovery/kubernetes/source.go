// Package kubernetes is the source of a pool that follows the EndpointSlices of a Kubernetes
// Service. It is a Go module of its own, because Kubernetes' client adds 8.2 MB to a Caddy binary:
//
//	xcaddy build --with github.com/caddy-balance/caddy-balance --with github.com/caddy-balance/caddy-balance/discovery/kubernetes
package kubernetes

import (
	"cmp"
	"context"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source follows the endpoints of one Kubernetes Service: it lists the Service and its
// EndpointSlices (discovery.k8s.io/v1) and then watches both, so that changes arrive within moments
// and nothing is polled. Choose it when the backends are pods and Caddy can reach their addresses:
// inside the cluster, or outside of one whose pods are routed.
//
// An endpoint that is ready serves. One that is terminating but still serving finishes what it has
// (`draining`); if no endpoint is ready, those go on serving, as kube-proxy does it. All others are
// left out. A Service with `publishNotReadyAddresses` has all of its endpoints ready, so let probes
// tell them apart. `zone` is the endpoint's, `id` the pod's name, which a StatefulSet's pods keep,
// and `metadata` has `pod`, `node`, and the hints for topology aware routing as `for_zones` and
// `for_nodes`, comma-separated.
//
// By default the API server is that of the cluster that Caddy runs in, with the pod's service
// account, whose token is read anew as it rotates. The account needs `get`, `list` and `watch` on
// `services` and on `endpointslices` of the group `discovery.k8s.io` in the Service's namespace;
// pods are never read.
//
// When the API server cannot be reached or refuses, the last list stays and the error says which
// permission is missing. Deleting the Service takes its endpoints away at once. EndpointSlices that
// vanish while the Service exists, and a Service that is missing after a connection was lost, are
// only believed after a while, like any sudden loss. A Service that does not exist yet is told as
// missing, and waited for.
type Source struct {
	// The name of the Service. Required. Placeholders in this and all other texts are replaced when
	// the config is loaded.
	Service string `json:"service,omitempty"`

	// The port: the name or number of a port of the Service (not of its pods), as in an Ingress.
	// For a Service without ports, the number of a port of its pods. Default: the only TCP port;
	// with several, one must be named.
	Port string `json:"port,omitempty"`

	// The namespace of the Service. Default: that of the pod that Caddy runs in or of the
	// kubeconfig's context, else `default`.
	Namespace string `json:"namespace,omitempty"`

	// Which addresses of a dual-stack Service to use, `ipv4` or `ipv6`. Default: the Service's
	// first family.
	Family string `json:"family,omitempty"`

	// The annotation that holds the weight of endpoints, from 0 to 65535. It is looked for on the
	// EndpointSlice, and then on the Service; Kubernetes copies no annotations from the one to the
	// other, nor from pods. A weight that is not a number is reported and counts as missing.
	// Default: `caddy-balance/weight`.
	WeightAnnotation string `json:"weight_annotation,omitempty"`

	// The path of a kubeconfig file, for use outside of the cluster. Its credential plugins
	// (`exec`) are run without a terminal.
	Kubeconfig string `json:"kubeconfig,omitempty"`

	// The context in the kubeconfig. Default: its current one.
	Context string `json:"context,omitempty"`

	// The URL of an API server, such as `https://10.0.0.1:6443`, instead of a kubeconfig.
	APIServer string `json:"api_server,omitempty"`

	// The bearer token for `api_server`, best given as `{env.TOKEN}` or
	// `{file./run/secrets/token}`.
	Token string `json:"token,omitempty"`

	// The path of a file with the bearer token for `api_server`. Unlike `token` it is read anew as
	// it rotates.
	TokenFile string `json:"token_file,omitempty"`

	// How the certificate of `api_server` is verified, and the client's own. Default: the system's
	// authorities.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	access access
}

// families are the address types that a pool can balance over. The third, FQDN, is deprecated, and
// names are what source dns is for.
var families = map[string]discoveryv1.AddressType{"ipv4": discoveryv1.AddressTypeIPv4, "ipv6": discoveryv1.AddressTypeIPv6}

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.kubernetes",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source kubernetes <service> [<port>] {
//	    namespace         <namespace>
//	    family            ipv4|ipv6
//	    weight_annotation <key>
//	    kubeconfig        <path>
//	    context           <name>
//	    api_server        <url>
//	    token             <token>
//	    token_file        <path>
//	    tls
//	    tls_server_name          <name>
//	    tls_trust_pool           <module> ...
//	    tls_client_auth          <cert_file> <key_file>
//	    tls_insecure_skip_verify
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.String("service", &s.Service),
		caddyfile.Optional(caddyfile.String("port", &s.Port)),
		caddyfile.Block(
			caddyfile.String("namespace", &s.Namespace),
			caddyfile.Func("family", "ipv4 or ipv6", func(text string) bool {
				s.Family = text
				return families[text] != ""
			}),
			caddyfile.String("weight_annotation", &s.WeightAnnotation),
			caddyfile.String("kubeconfig", &s.Kubeconfig),
			caddyfile.String("context", &s.Context),
			caddyfile.String("api_server", &s.APIServer),
			caddyfile.String("token", &s.Token),
			caddyfile.String("token_file", &s.TokenFile),
			caddyfile.TLS(&s.TLS),
		),
	)
}

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	server, err := s.access()
	if err != nil {
		return err
	}
	client, err := connect(server)
	if err != nil {
		return err
	}
	defer client.close()
	namespace := cmp.Or(s.Namespace, server.namespace)
	v := newView(wanted{
		namespace:  namespace,
		service:    s.Service,
		port:       s.Port,
		family:     families[s.Family],
		annotation: s.WeightAnnotation,
	}, report)
	return follow(ctx,
		reflection{client.service(namespace, s.Service), v.services},
		reflection{client.slices(namespace, s.Service), v.slices},
	)
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Source      = (*Source)(nil)
)
