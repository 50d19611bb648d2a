package kubernetes

import (
	"crypto/tls"
	"errors"
	"os"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// server is an API server and the credentials for it.
type server struct {
	config    *rest.Config
	tls       *tls.Config // nil to make it from config
	namespace string      // to use if none was named
}

// access finds an API server. It is called on each Run, so that what was wrong with a file can be
// put right, and what was renewed is used.
type access func() (server, error)

const (
	defaultNamespace = "default"
	podNamespace     = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
)

// inCluster uses the service account of the pod that Caddy runs in.
func inCluster() (server, error) {
	config, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		return server{}, errors.New("not in a cluster (KUBERNETES_SERVICE_HOST is not set); expected kubeconfig or api_server")
	}
	if err != nil {
		return server{}, err
	}
	namespace, err := os.ReadFile(podNamespace)
	if err != nil {
		return server{config: config, namespace: defaultNamespace}, nil
	}
	return server{config: config, namespace: strings.TrimSpace(string(namespace))}, nil
}

// byKubeconfig uses one file alone. The loader that kubectl has would go on to $KUBECONFIG, the
// home folder and the cluster, so that a missing file could mean another cluster.
func byKubeconfig(path, context string) access {
	return func() (server, error) {
		file, err := clientcmd.LoadFromFile(path)
		if err != nil {
			return server{}, err
		}
		if err := clientcmd.ResolveLocalPaths(file); err != nil {
			return server{}, err
		}
		chosen := clientcmd.NewNonInteractiveClientConfig(*file, context, &clientcmd.ConfigOverrides{}, nil)
		config, err := chosen.ClientConfig()
		if err != nil {
			return server{}, err
		}
		if config.ExecProvider != nil {
			config.ExecProvider.StdinUnavailable = true
			config.ExecProvider.StdinUnavailableMessage = "a server has nobody to ask"
		}
		namespace, _, err := chosen.Namespace()
		return server{config: config, namespace: namespace}, err
	}
}

// byURL uses what the config of Caddy says. tls is nil for the system's authorities.
func byURL(url, token, tokenFile string, tls *tls.Config) access {
	return func() (server, error) {
		config := &rest.Config{Host: url, BearerToken: token, BearerTokenFile: tokenFile}
		return server{config, tls, defaultNamespace}, nil
	}
}
