package kubernetes

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fakeAPI answers lists and watches over HTTP as an API server does. It keeps every event, because
// a watch may begin at any version that was not compacted.
type fakeAPI struct {
	t      *testing.T
	url    string
	server *httptest.Server

	mu        sync.Mutex
	changed   chan struct{} // closed and replaced on each change
	version   int
	compacted int
	pageSize  int
	objects   map[string]map[string]object // by resource and name
	events    []event
	ends      int      // how many times all watches were ended
	requests  []string // such as `list endpointslices from ""`
	instead   func(w http.ResponseWriter, r *http.Request) (done bool)
}

type object interface {
	metav1.Object
	SetResourceVersion(string)
}

type event struct {
	resource string
	version  int
	bookmark bool
	line     []byte
}

// newFakeAPI starts a server that speaks HTTP/1 without TLS.
func newFakeAPI(t *testing.T) *fakeAPI {
	f := unstarted(t)
	f.server.Start()
	f.url = f.server.URL
	return f
}

// newSecureAPI starts a server that speaks HTTP/2 over TLS, as API servers do. It also returns the
// path of a file with its authority.
func newSecureAPI(t *testing.T) (f *fakeAPI, authority string) {
	f = unstarted(t)
	f.server.EnableHTTP2 = true
	f.server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it cause errors
	f.server.StartTLS()
	f.url = f.server.URL
	authority = filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, authority, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.server.Certificate().Raw})))
	return f, authority
}

// unstarted makes a server that listens but does not answer yet. The test closes it.
func unstarted(t *testing.T) *fakeAPI {
	f := &fakeAPI{
		t: t, version: 10, changed: make(chan struct{}),
		objects: map[string]map[string]object{"services": {}, "endpointslices": {}},
	}
	f.server = httptest.NewUnstartedServer(f)
	t.Cleanup(f.close)
	return f
}

func (f *fakeAPI) close() {
	f.server.Listener.Close() // before the connections, so that no client connects again
	f.server.CloseClientConnections()
	f.server.Close()
}

func (f *fakeAPI) breakConnections() { f.server.CloseClientConnections() }

func resourceOf(o object) string {
	if _, ok := o.(*corev1.Service); ok {
		return "services"
	}
	return "endpointslices"
}

// put creates or replaces objects.
func (f *fakeAPI) put(objects ...object) {
	for _, o := range objects {
		f.change(func() {
			all := f.objects[resourceOf(o)]
			kind := "MODIFIED"
			if all[o.GetName()] == nil {
				kind = "ADDED"
			}
			f.version++
			o.SetResourceVersion(strconv.Itoa(f.version))
			all[o.GetName()] = o
			f.emit(kind, resourceOf(o), o)
		})
	}
}

// remove deletes an object.
func (f *fakeAPI) remove(o object) {
	f.change(func() {
		f.version++
		o.SetResourceVersion(strconv.Itoa(f.version))
		delete(f.objects[resourceOf(o)], o.GetName())
		f.emit("DELETED", resourceOf(o), o)
	})
}

// lose removes an object without an event, as if it had never existed.
func (f *fakeAPI) lose(o object) {
	f.change(func() { delete(f.objects[resourceOf(o)], o.GetName()) })
}

// bookmark raises the version without a change, and sends a bookmark to the watches of
// EndpointSlices.
func (f *fakeAPI) bookmark() {
	f.change(func() {
		f.version++
		f.emit("BOOKMARK", "endpointslices", &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{ResourceVersion: strconv.Itoa(f.version)}})
	})
}

// compact forgets all events.
func (f *fakeAPI) compact() {
	f.change(func() { f.version++; f.compacted = f.version })
}

func (f *fakeAPI) endWatches() { f.change(func() { f.ends++ }) }

// emitLine puts a line into the watches of EndpointSlices.
func (f *fakeAPI) emitLine(line string) {
	f.change(func() {
		f.version++
		f.events = append(f.events, event{resource: "endpointslices", version: f.version, line: []byte(line)})
	})
}

// answerInstead lets a function answer first. If it returns false, the server answers. nil ends
// that.
func (f *fakeAPI) answerInstead(how func(w http.ResponseWriter, r *http.Request) bool) {
	f.change(func() { f.instead = how })
}

// requireToken refuses requests without the token.
func (f *fakeAPI) requireToken(token string) {
	f.answerInstead(func(w http.ResponseWriter, r *http.Request) bool {
		admitted := r.Header.Get("Authorization") == "Bearer "+token
		if !admitted {
			status(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
		}
		return !admitted
	})
}

// requestLog returns the requests so far.
func (f *fakeAPI) requestLog() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.requests...)
}

// change calls update with the lock held and wakes the watches.
func (f *fakeAPI) change(update func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	update()
	close(f.changed)
	f.changed = make(chan struct{})
}

// emit puts an event into the watches of a resource. The lock is held.
func (f *fakeAPI) emit(kind, resource string, o object) {
	line, err := json.Marshal(map[string]any{"type": kind, "object": typed(resource, o)})
	if err != nil {
		f.t.Error(err)
	}
	f.events = append(f.events, event{resource, f.version, kind == "BOOKMARK", line})
}

// typed adds the kind to an object, which client-go leaves out.
func typed(resource string, o object) object {
	switch o := o.(type) {
	case *corev1.Service:
		o.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}
	case *discoveryv1.EndpointSlice:
		o.TypeMeta = metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"}
	}
	return o
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resource := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	query, verb := r.URL.Query(), "list"
	if query.Get("watch") == "true" {
		verb = "watch"
	}
	f.mu.Lock()
	f.requests = append(f.requests, fmt.Sprintf("%s %s from %q", verb, resource, query.Get("resourceVersion")))
	instead := f.instead
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case instead != nil && instead(w, r):
	case !strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/shop/services") && !strings.HasPrefix(r.URL.Path, "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"):
		status(w, http.StatusNotFound, "NotFound", r.URL.Path)
	case query.Get("fieldSelector") != "metadata.name=web" && query.Get("labelSelector") != "kubernetes.io/service-name=web":
		status(w, http.StatusBadRequest, "BadRequest", r.URL.RawQuery)
	case verb == "watch":
		f.serveWatch(w, r, resource)
	default:
		f.serveList(w, r, resource)
	}
}

func status(w http.ResponseWriter, code int, reason, message string) {
	w.WriteHeader(code)
	fmt.Fprintln(w, statusText(code, reason, message))
}

func statusText(code int, reason, message string) string {
	return fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","code":%d,"reason":%q,"message":%q}`, code, reason, message)
}
