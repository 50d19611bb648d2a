package kubernetes

import (
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// store holds the objects of one kind as a reflector hands them over.
type store[T metav1.Object] struct {
	lock    sync.Locker
	changed func() // called with the lock held

	byName  map[string]T // nil until there was a list
	deleted bool         // the last that happened was a deletion, seen as it happened
}

func (s *store[T]) Add(object any) error { return s.Update(object) }

func (s *store[T]) Update(object any) error {
	return s.change(func() { s.put(object) })
}

func (s *store[T]) Delete(object any) error {
	return s.change(func() {
		delete(s.byName, object.(T).GetName())
		s.deleted = true
	})
}

func (s *store[T]) Replace(objects []any, _ string) error {
	return s.change(func() {
		s.byName = make(map[string]T, len(objects))
		s.deleted = s.deleted && len(objects) == 0
		for _, object := range objects {
			s.put(object)
		}
	})
}

// Resync is for stores that were told to forget.
func (s *store[T]) Resync() error { return nil }

func (s *store[T]) put(object any) {
	s.byName[object.(T).GetName()] = object.(T)
	s.deleted = false
}

func (s *store[T]) change(how func()) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	how()
	s.changed()
	return nil
}

var _ cache.ReflectorStore = (*store[metav1.Object])(nil)
