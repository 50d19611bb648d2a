package kubernetes

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// listTimeout limits the time of a list. An API server gives up on a request after the same time.
const listTimeout = time.Minute

// resource is a set of objects to follow, of one kind and in one namespace.
type resource struct {
	client     *rest.RESTClient
	namespace  string
	name       string             // as in the API's paths
	kind, list runtime.Object     // empty; they stand for their types
	only       metav1.ListOptions // the selectors
}

// request makes a request that is sent once. client-go would repeat it without reporting an error.
func (r resource) request(options metav1.ListOptions) *rest.Request {
	options.FieldSelector, options.LabelSelector = r.only.FieldSelector, r.only.LabelSelector
	return r.client.Get().MaxRetries(0).
		Namespace(r.namespace).Resource(r.name).
		VersionedParams(&options, metav1.ParameterCodec)
}

// fetch returns a list, or a page of one.
func (r resource) fetch(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	if options.ResourceVersion == "0" {
		// A reflector starts with the list in the cache of any API server, which may be older than
		// the one that the pool already has. An empty version stands for the newest list.
		options.ResourceVersion = ""
	}
	list := r.list.DeepCopyObject()
	err := r.request(options).Do(ctx).Into(list)
	return list, r.explain("list", err)
}

// watch opens a watch.
func (r resource) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	options.Watch = true
	events, err := r.request(options).Watch(ctx)
	return events, r.explain("watch", err)
}

// explain adds to an error what was attempted, and the permission that is missing.
func (r resource) explain(verb string, err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return fmt.Errorf("may not %s %s in namespace %s; expected a role with get, list and watch on them: %w",
			verb, r.name, r.namespace, err)
	default:
		return fmt.Errorf("cannot %s %s in namespace %s: %w", verb, r.name, r.namespace, err)
	}
}
