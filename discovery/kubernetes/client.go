package kubernetes

import (
	"net"
	"net/http"
	"strings"
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
)

// largestList holds ten times the endpoints of the largest clusters (a thousand take half a megabyte), so that
// whatever else answers at that address cannot fill the memory. A watch limits each event by itself.
const largestList = 64 << 20

// client asks one API server over connections of its own. The ones that client-go would share
// among all its users are never closed, and with them a goroutine for each client certificate.
type client struct {
	transport       *http.Transport
	connections     *connrotation.Dialer
	core, discovery *rest.RESTClient
}

// The dialer of http.DefaultTransport, which cannot be asked for it.
var dialer = net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}

func connect(to server) (*client, error) {
	c := &client{connections: connrotation.NewDialer(dialer.DialContext)}
	authenticated, err := c.open(to)
	if err != nil {
		return nil, err
	}
	if c.core, err = group(to.config, authenticated, "/api", corev1.SchemeGroupVersion, &corev1.Service{}, &corev1.ServiceList{}); err != nil {
		return nil, err
	}
	c.discovery, err = group(to.config, authenticated, "/apis", discoveryv1.SchemeGroupVersion, &discoveryv1.EndpointSlice{}, &discoveryv1.EndpointSliceList{})
	return c, err
}

func (c *client) open(to server) (http.RoundTripper, error) {
	settings, err := to.config.TransportConfig()
	if err != nil {
		return nil, err
	}
	if to.tls == nil {
		if to.tls, err = transport.TLSConfigFor(settings); err != nil {
			return nil, err
		}
	}
	// The defaults are HTTP/2 with pings, which tell a dead connection from an idle one within 45 seconds.
	c.transport = utilnet.SetTransportDefaults(&http.Transport{
		TLSClientConfig: to.tls.Clone(), Proxy: to.config.Proxy, DialContext: c.connections.DialContext,
	})
	return transport.HTTPWrappersForConfig(settings, limited{c.transport})
}

// group is a client for one group of the API, which knows no other types: those of the whole API would
// add half again to the size of a Caddy binary.
func group(config *rest.Config, authenticated http.RoundTripper, path string, version schema.GroupVersion, types ...runtime.Object) (*rest.RESTClient, error) {
	known := runtime.NewScheme()
	known.AddKnownTypes(version, types...)
	metav1.AddToGroupVersion(known, version)
	config = rest.CopyConfig(config)
	config.APIPath = path
	config.GroupVersion = &version
	config.NegotiatedSerializer = serializer.NewCodecFactory(known).WithoutConversion()
	config.WarningHandler = rest.NoWarnings{} // they are for those who write objects
	return rest.RESTClientForConfigAndClient(config, &http.Client{Transport: authenticated})
}

// close closes the idle connections, and those still being made once they are idle; and
// then the others, because a watch that was just left keeps one of HTTP/2 busy for a moment.
func (c *client) close() {
	c.transport.CloseIdleConnections()
	c.connections.CloseAll()
}

func (c *client) service(namespace, name string) resource {
	return resource{
		client: c.core, namespace: namespace, name: "services",
		kind: &corev1.Service{}, list: &corev1.ServiceList{},
		// A Role may then be limited to this name.
		only: metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()},
	}
}

func (c *client) slices(namespace, service string) resource {
	return resource{
		client: c.discovery, namespace: namespace, name: "endpointslices",
		kind: &discoveryv1.EndpointSlice{}, list: &discoveryv1.EndpointSliceList{},
		only: metav1.ListOptions{LabelSelector: labels.Set{discoveryv1.LabelServiceName: service}.String()},
	}
}

// limited bounds the size of whatever is not a stream.
type limited struct{ http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.RoundTripper.RoundTrip(r)
	if err == nil && !strings.Contains(r.URL.RawQuery, "watch=true") {
		response.Body = http.MaxBytesReader(nil, response.Body, largestList)
	}
	return response, err
}
