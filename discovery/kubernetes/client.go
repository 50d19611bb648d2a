package kubernetes

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"k8s.io/client-go/util/connrotation"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// client sends requests to one API server over its own connections. client-go would share them
// among all its users and never close them, nor a goroutine for each client certificate.
type client struct {
	transport       *http.Transport
	connections     *connrotation.Dialer
	core, discovery *rest.RESTClient
	sent            atomic.Pointer[string] // the credentials of the last request
}

// withoutToken returns an error without the token that was sent, which a server may repeat.
func (c *client) withoutToken(err error) error {
	sent := c.sent.Load()
	if sent == nil {
		return err
	}
	_, token, _ := strings.Cut(*sent, " ")
	return discovery.WithoutSecrets(err, token)
}

// dialer has the settings of the one in http.DefaultTransport, which does not export it.
var dialer = net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}

// connect makes a client for both groups of the API. It opens no connection yet. limit is the
// maximum number of endpoints.
func connect(to server, limit int) (*client, error) {
	c := &client{connections: connrotation.NewDialer(dialer.DialContext)}
	authenticated, err := c.makeTransport(to, limit)
	if err != nil {
		return nil, err
	}
	c.core, err = groupClient(to.config, authenticated, "/api", corev1.SchemeGroupVersion,
		&corev1.Service{}, &corev1.ServiceList{})
	if err != nil {
		return nil, err
	}
	c.discovery, err = groupClient(to.config, authenticated, "/apis", discoveryv1.SchemeGroupVersion,
		&discoveryv1.EndpointSlice{}, &discoveryv1.EndpointSliceList{})
	return c, err
}

// makeTransport sets the client's transport, and returns it with the credentials around it.
func (c *client) makeTransport(to server, limit int) (http.RoundTripper, error) {
	settings, err := to.config.TransportConfig()
	if err != nil {
		return nil, err
	}
	if to.tls == nil {
		if to.tls, err = transport.TLSConfigFor(settings); err != nil {
			return nil, err
		}
	}
	// The defaults are HTTP/2 with pings. They tell a dead connection from an idle one within 45
	// seconds.
	c.transport = utilnet.SetTransportDefaults(&http.Transport{
		TLSClientConfig: to.tls.Clone(), Proxy: to.config.Proxy, DialContext: c.connections.DialContext,
	})
	return transport.HTTPWrappersForConfig(settings, limitedTransport{c.transport, roomFor(limit), &c.sent})
}

// groupClient makes a client for one group of the API. It knows only the given types, because those
// of the whole API would make a Caddy binary half as large again.
func groupClient(
	config *rest.Config, authenticated http.RoundTripper, path string, version schema.GroupVersion,
	types ...runtime.Object,
) (*rest.RESTClient, error) {
	known := runtime.NewScheme()
	known.AddKnownTypes(version, types...)
	metav1.AddToGroupVersion(known, version)
	config = rest.CopyConfig(config)
	config.APIPath = path
	config.GroupVersion = &version
	config.NegotiatedSerializer = serializer.NewCodecFactory(known).WithoutConversion()
	config.WarningHandler = rest.NoWarnings{} // they concern clients that write objects
	return rest.RESTClientForConfigAndClient(config, &http.Client{Transport: authenticated})
}

// close closes the idle connections, and has those that are still being made closed once they are
// idle. It then closes the others, because a watch that just ended keeps its HTTP/2 connection busy
// for a moment.
func (c *client) close() {
	c.transport.CloseIdleConnections()
	c.connections.CloseAll()
}

// service returns the one Service of that name as a resource.
func (c *client) service(namespace, name string) resource {
	return resource{
		client: c.core, namespace: namespace, name: "services",
		kind: &corev1.Service{}, list: &corev1.ServiceList{},
		// With the name in the request, a Role may be limited to it.
		only: metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()},
	}
}

// slices returns the EndpointSlices of a Service as a resource.
func (c *client) slices(namespace, service string) resource {
	return resource{
		client: c.discovery, namespace: namespace, name: "endpointslices",
		kind: &discoveryv1.EndpointSlice{}, list: &discoveryv1.EndpointSliceList{},
		only: metav1.ListOptions{LabelSelector: labels.Set{discoveryv1.LabelServiceName: service}.String()},
	}
}
