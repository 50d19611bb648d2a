package kubernetes

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// storable is a Service or an EndpointSlice.
type storable interface {
	metav1.Object
	Size() int // in the encoding of the API
}

// trimService removes what nothing reads of a Service. It may be most of it, and values without
// content take far more in memory than in the encoding of the API.
func (w *selection) trimService(s *corev1.Service) {
	s.ObjectMeta, s.Status = w.trimmed(&s.ObjectMeta), corev1.ServiceStatus{}
	spec := corev1.ServiceSpec{Type: s.Spec.Type, Ports: s.Spec.Ports}
	if len(s.Spec.IPFamilies) > 0 {
		spec.IPFamilies = []corev1.IPFamily{s.Spec.IPFamilies[0]}
	}
	s.Spec = spec
}

// trimSlice is trimService for an EndpointSlice.
func (w *selection) trimSlice(s *discoveryv1.EndpointSlice) {
	s.ObjectMeta = w.trimmed(&s.ObjectMeta)
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		e.Hostname, e.DeprecatedTopology = nil, nil
		if len(e.Addresses) > 1 {
			e.Addresses = []string{e.Addresses[0]} // the API gives the others no meaning
		}
		if e.TargetRef != nil {
			e.TargetRef = &corev1.ObjectReference{Kind: e.TargetRef.Kind, Name: e.TargetRef.Name}
		}
	}
}

func (w *selection) trimmed(m *metav1.ObjectMeta) metav1.ObjectMeta {
	kept := metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name, ResourceVersion: m.ResourceVersion}
	if weight, ok := m.Annotations[w.annotation]; ok {
		kept.Annotations = map[string]string{w.annotation: weight}
	}
	return kept
}

// measure returns how many objects, endpoints and ports an object is, and its size. It takes both,
// because an endpoint without a field has two bytes in the encoding of the API and hundreds in
// memory.
func measure(o storable) (count, size int) {
	count = 1
	switch o := o.(type) {
	case *corev1.Service:
		count += len(o.Spec.Ports)
	case *discoveryv1.EndpointSlice:
		count += len(o.Ports) + len(o.Endpoints)
		for i := range o.Endpoints {
			if hints := o.Endpoints[i].Hints; hints != nil {
				count += (len(hints.ForZones) + len(hints.ForNodes)) / hintsPerEndpoint
			}
		}
	}
	return count, o.Size()
}
