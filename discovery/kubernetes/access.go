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
	tls       *tls.Config // if nil, it is made from config
	namespace string      // used if the settings name none
}

// access finds an API server. Each Run calls it, because files may have been repaired or renewed
// since the last one.
type access func() (server, error)

const (
	defaultNamespace = "default"
	podNamespace     = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
)

// inCluster returns the API server of the cluster that Caddy runs in, with the service account of
// Caddy's pod.
func inCluster() (server, error) {
	config, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		return server{}, errors.New(
			"not in a cluster (KUBERNETES_SERVICE_HOST is not set); expected kubeconfig or api_server")
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

// byKubeconfig reads the server from one file. It does not use kubectl's loader, which tries
// $KUBECONFIG, the home folder and the cluster next: a missing file would then mean another
// cluster.
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
			config.ExecProvider.StdinUnavailableMessage = "Caddy has no terminal"
		}
		namespace, _, err := chosen.Namespace()
		return server{config: config, namespace: namespace}, err
	}
}

// byURL returns the server that Caddy's config describes. If tls is nil, the system's authorities
// verify its certificate.
func byURL(url, token, tokenFile string, tls *tls.Config) access {
	return func() (server, error) {
		config := &rest.Config{Host: url, BearerToken: token, BearerTokenFile: tokenFile}
		return server{config, tls, defaultNamespace}, nil
	}
}
