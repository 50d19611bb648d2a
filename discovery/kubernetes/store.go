package kubernetes

import (
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// store holds the objects of one kind. A reflector fills it. All methods implement
// cache.ReflectorStore.
type store[T metav1.Object] struct {
	lock    sync.Locker
	changed func() // called with the lock held

	byName  map[string]T // nil before the first list
	deleted bool         // the last change was a deletion that a watch reported
}

// Add adds an object.
func (s *store[T]) Add(object any) error { return s.Update(object) }

// Update replaces the object of the same name.
func (s *store[T]) Update(object any) error {
	return s.change(func() { s.put(object) })
}

// Delete removes an object that was deleted while the watch was open.
func (s *store[T]) Delete(object any) error {
	return s.change(func() {
		delete(s.byName, object.(T).GetName())
		s.deleted = true
	})
}

// Replace replaces all objects with a list. An object that is missing from it was not necessarily
// deleted, because the cluster may have lost it.
func (s *store[T]) Replace(objects []any, _ string) error {
	return s.change(func() {
		s.byName = make(map[string]T, len(objects))
		s.deleted = s.deleted && len(objects) == 0
		for _, object := range objects {
			s.put(object)
		}
	})
}

// Resync does nothing. It is for stores that drop objects by themselves.
func (s *store[T]) Resync() error { return nil }

// put stores an object. The lock is held.
func (s *store[T]) put(object any) {
	s.byName[object.(T).GetName()] = object.(T)
	s.deleted = false
}

// change calls update with the lock held and then reports the change.
func (s *store[T]) change(update func()) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	update()
	s.changed()
	return nil
}

var _ cache.ReflectorStore = (*store[metav1.Object])(nil)
