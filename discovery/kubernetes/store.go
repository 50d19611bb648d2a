package kubernetes

import (
	"fmt"
	"sync"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/client-go/tools/cache"
)

// store holds the objects of one kind, up to a limit. A reflector fills it. The exported methods
// implement cache.ReflectorStore.
type store[T storable] struct {
	lock    sync.Locker
	changed func()      // called with the lock held
	full    func(error) // called with the lock held, once
	trim    func(T)     // removes what nothing reads
	room    int         // see roomFor

	byName  map[string]T // nil before the first list, and when it was full
	isFull  bool         // for ever
	deleted bool         // the last change was a deletion that a watch reported

	count, size int // of all objects, see measure
}

// whenFull sets the function to call when the store is full.
func (s *store[T]) whenFull(full func(error)) { s.full = full }

// Add adds an object.
func (s *store[T]) Add(object any) error { return s.Update(object) }

// Update replaces the object of the same name.
func (s *store[T]) Update(object any) error {
	return s.change(func() { s.put(object) })
}

// Delete removes an object that was deleted while the watch was open.
func (s *store[T]) Delete(object any) error {
	return s.change(func() {
		s.drop(object.(T).GetName())
		s.deleted = true
	})
}

// Replace replaces all objects with a list. An object that is missing from it was not necessarily
// deleted, because the cluster may have lost it.
func (s *store[T]) Replace(objects []any, _ string) error {
	return s.change(func() {
		s.byName, s.count, s.size = make(map[string]T, len(objects)), 0, 0
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
	o := object.(T)
	s.trim(o)
	s.drop(o.GetName())
	s.byName[o.GetName()] = o
	s.deleted = false
	count, size := measure(o)
	s.count, s.size = s.count+count, s.size+size
}

// drop removes an object, if it is there. The lock is held.
func (s *store[T]) drop(name string) {
	o, ok := s.byName[name]
	if !ok {
		return
	}
	delete(s.byName, name)
	count, size := measure(o)
	s.count, s.size = s.count-count, s.size-size
}

// change calls update with the lock held and then reports the change, or that the store is full.
func (s *store[T]) change(update func()) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.isFull {
		return nil
	}
	update()
	if s.count > storedPerEndpoint*s.room || s.size > storedSizePerEndpoint*s.room {
		s.full(fmt.Errorf("more than %d objects, or %d bytes of them; max_endpoints of the pool allows more",
			storedPerEndpoint*s.room, storedSizePerEndpoint*s.room))
		s.byName, s.isFull = nil, true
		return nil
	}
	s.changed()
	return nil
}

var _ cache.ReflectorStore = (*store[*discoveryv1.EndpointSlice])(nil)
