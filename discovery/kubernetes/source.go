// Package kubernetes is the source of pools that follows the EndpointSlices of a Kubernetes
// Service. It is a Go module of its own, because Kubernetes' client adds 8.2 MB to a Caddy binary:
//
//	xcaddy build --with github.com/caddy-balance/caddy-balance --with github.com/caddy-balance/caddy-balance/discovery/kubernetes
//
// source.go has the settings and settings.go their checks. access.go finds the API server and
// client.go connects to it. follow.go, resource.go and listen.go list and watch, and store.go keeps
// the objects, within limits.go. view.go, instance.go and port.go make the pool's list of them.
package kubernetes

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source follows the endpoints of one Kubernetes Service. It lists the Service and its
// EndpointSlices (discovery.k8s.io/v1) and then watches both. Changes arrive within moments,
// without polling. Choose it where the backends are pods and Caddy can reach their addresses:
// inside of the cluster, or outside of one whose pods are routed.
//
// An endpoint that is ready serves. One that terminates but still serves is `draining`: it finishes
// the requests that it has. If no endpoint is ready, the terminating ones go on serving, as with
// kube-proxy. All others are left out. With `publishNotReadyAddresses` all endpoints of a Service
// are ready, and only probes tell them apart.
//
// The `id` of an endpoint is the name of its pod, which the pods of a StatefulSet keep. Its `zone`
// is the endpoint's. Its `metadata` has `pod`, `node`, and the hints for topology aware routing as
// `for_zones` and `for_nodes`, separated by commas.
//
// By default the source uses the API server of the cluster that Caddy runs in, and the service
// account of Caddy's pod. The account's token is read again as it rotates. The account needs `get`,
// `list` and `watch` on `services` and on `endpointslices` of the group `discovery.k8s.io`, in the
// namespace of the Service. Pods are never read.
//
// If the API server cannot be reached or refuses a request, the pool keeps its last list, and the
// error names the permission that is missing. If the Service is deleted, its endpoints leave at
// once. If EndpointSlices vanish while the Service exists, or if the Service is missing after a
// connection was lost, the pool delays the loss as it does any sudden one. A Service that does not
// exist yet is reported as missing, and the source waits for it.
type Source struct {
	// The name of the Service. Required. Placeholders in this and all other texts are replaced when
	// the config is loaded.
	Service string `json:"service,omitempty"`

	// The name or number of a TCP port of the Service (not of its pods), as in an Ingress. For a
	// Service without ports, the number of a port of its pods. Default: the only TCP port. With
	// several ports, one must be named.
	Port string `json:"port,omitempty"`

	// The namespace of the Service. Default: that of Caddy's pod or of the kubeconfig's context,
	// else `default`.
	Namespace string `json:"namespace,omitempty"`

	// The addresses of a dual-stack Service to use, `ipv4` or `ipv6`. Default: the Service's first
	// family.
	Family string `json:"family,omitempty"`

	// The annotation that holds the weight of endpoints, from 0 to 65535. It is read from the
	// EndpointSlice, or else from the Service. Kubernetes does not copy annotations from Services
	// or pods to EndpointSlices. A value that is not such a number is reported and ignored.
	// Default: `caddy-balance/weight`.
	WeightAnnotation string `json:"weight_annotation,omitempty"`

	// The path of a kubeconfig file, for use outside of the cluster. Its credential plugins
	// (`exec`) run without a terminal. Default: the cluster that Caddy runs in.
	Kubeconfig string `json:"kubeconfig,omitempty"`

	// The context in the kubeconfig. Default: its current one.
	Context string `json:"context,omitempty"`

	// The URL of an API server, such as `https://10.0.0.1:6443`, instead of a kubeconfig. Default:
	// none.
	APIServer string `json:"api_server,omitempty"`

	// The bearer token for `api_server`. Use `{env.TOKEN}` or `{file./run/secrets/token}` to keep
	// it out of the config. Default: none.
	Token string `json:"token,omitempty" balance:"secret"`

	// The path of a file with the bearer token for `api_server`. Unlike `token`, it is read again
	// as it rotates. Default: none.
	TokenFile string `json:"token_file,omitempty"`

	// The TLS settings for `api_server`: how its certificate is verified, and which one Caddy
	// shows. Default: the system's authorities and no client certificate.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	access access
}

// families maps the values of family to the address types of slices. The third type, FQDN, is left
// out: Kubernetes deprecates it, and source dns resolves names.
var families = map[string]discoveryv1.AddressType{
	"ipv4": discoveryv1.AddressTypeIPv4,
	"ipv6": discoveryv1.AddressTypeIPv6,
}

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.kubernetes",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalJSON makes errors name the option.
func (s *Source) UnmarshalJSON(data []byte) error {
	type fields Source
	return options.Decode(data, (*fields)(s))
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

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Source      = (*Source)(nil)
)
