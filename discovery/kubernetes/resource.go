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

// listTimeout is as long as an API server itself works on one request.
const listTimeout = time.Minute

// resource is what is followed: some objects of one kind in one namespace.
type resource struct {
	client     *rest.RESTClient
	namespace  string
	name       string         // as in the API's paths
	kind, list runtime.Object // empty ones
	only       metav1.ListOptions
}

// request asks once. client-go would try again by itself, out of sight.
func (r resource) request(options metav1.ListOptions) *rest.Request {
	options.FieldSelector, options.LabelSelector = r.only.FieldSelector, r.only.LabelSelector
	return r.client.Get().MaxRetries(0).Namespace(r.namespace).Resource(r.name).VersionedParams(&options, metav1.ParameterCodec)
}

func (r resource) fetch(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	if options.ResourceVersion == "0" {
		// A reflector starts with whatever a server of the API has in its cache. That may be
		// older than the list that the pool already has.
		options.ResourceVersion = ""
	}
	list := r.list.DeepCopyObject()
	err := r.request(options).Do(ctx).Into(list)
	return list, r.explain("list", err)
}

func (r resource) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	options.Watch = true
	events, err := r.request(options).Watch(ctx)
	return events, r.explain("watch", err)
}

func (r resource) explain(verb string, err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return fmt.Errorf("may not %s %s in namespace %s; expected a role with get, list and watch on them: %w", verb, r.name, r.namespace, err)
	default:
		return fmt.Errorf("cannot %s %s in namespace %s: %w", verb, r.name, r.namespace, err)
	}
}
