package kubernetes

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/leaktest"
)

// patience limits waits that would otherwise hang. No test asserts how long anything takes.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	if code := m.Run(); code != 0 {
		os.Exit(code)
	}
	// Caddy and its storage leave these until the process ends.
	ofCaddy := goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh")
	if err := leaktest.Find(ofCaddy); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runner is a running source and its reports.
type runner struct {
	t       *testing.T
	cancel  context.CancelFunc
	ended   chan error
	mu      sync.Mutex
	answers []discovery.Answer
	more    chan struct{} // closed and replaced on each answer
}

// run runs a source for shop/web as runSource does.
func run(t *testing.T, api *fakeAPI) *runner {
	return runSource(t, &Source{Service: "web", Namespace: "shop", APIServer: api.url})
}

// runSource runs a source until the test ends, and then checks that no goroutine is left. It runs
// once: an error ends it, as in a single run of a pool.
func runSource(t *testing.T, s *Source) *runner {
	t.Helper()
	config, done := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(done)
	if err := s.Provision(config); err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(context.Background())
	r := &runner{t: t, cancel: cancel, ended: make(chan error, 1), more: make(chan struct{})}
	go func() { r.ended <- s.Run(ctx, r.record) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-r.ended:
		case <-time.After(patience):
			t.Error("Run continues after its context ended")
		}
		ofServer := goleak.IgnoreAnyFunction("net/http.(*conn).serve")
		leaktest.WantNone(t, before, ofServer, goleak.IgnoreAnyFunction("net/http.(*connReader).backgroundRead"))
	})
	return r
}

// record keeps a report.
func (r *runner) record(a discovery.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, a)
	close(r.more)
	r.more = make(chan struct{})
}

// all returns all reports so far.
func (r *runner) all() []discovery.Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.answers)
}

// wants waits until the newest report is a list of these endpoints, each in the format of shown.
func (r *runner) wants(endpoints ...string) discovery.Answer {
	r.t.Helper()
	return r.wantsAnswer(fmt.Sprint(endpoints), func(a discovery.Answer) bool {
		return a.Endpoints != nil && slices.Equal(shown(a), endpoints)
	})
}

// wantsAnswer waits until is returns true for the newest report.
func (r *runner) wantsAnswer(what string, is func(discovery.Answer) bool) (last discovery.Answer) {
	r.t.Helper()
	limit := time.After(patience)
	for {
		r.mu.Lock()
		more := r.more
		if n := len(r.answers); n > 0 {
			last = r.answers[n-1]
			if is(last) {
				r.mu.Unlock()
				return last
			}
		}
		r.mu.Unlock()
		select {
		case <-more:
		case err := <-r.ended:
			r.ended <- err
			r.t.Fatalf("ended with %v; want %s", err, what)
		case <-limit:
			r.t.Fatalf("got %v (%v); want %s", shown(last), last.Err, what)
		}
	}
}

// wantsEnd waits for the error that ends the run.
func (r *runner) wantsEnd() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		r.ended <- err
		return err
	case <-time.After(patience):
		r.t.Fatal("Run does not end")
		return nil
	}
}

// shown formats the endpoints of an answer for comparison, sorted by address.
func shown(a discovery.Answer) []string {
	list := []string{}
	for _, e := range a.Endpoints {
		text := e.Address
		if e.Weight != 1 {
			text += " weight " + strconv.Itoa(e.Weight)
		}
		if e.Draining {
			text += " draining"
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

// count counts the requests that begin with prefix.
func (f *fakeAPI) count(prefix string) (n int) {
	for _, request := range f.requestLog() {
		if strings.HasPrefix(request, prefix) {
			n++
		}
	}
	return n
}

// awaitRequest waits for a request that begins with prefix.
func (f *fakeAPI) awaitRequest(prefix string) {
	f.t.Helper()
	for deadline := time.Now().Add(patience); f.count(prefix) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("never asked to %s", prefix)
		}
	}
}

// service makes the Service shop/web with ports such as "http 80". By default its only port has no
// name.
func service(ports ...string) *corev1.Service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	if len(ports) == 0 {
		ports = []string{" 80"}
	}
	for _, p := range ports {
		name, number, _ := strings.Cut(p, " ")
		n, _ := strconv.Atoi(number)
		port := corev1.ServicePort{Name: name, Port: int32(n), Protocol: corev1.ProtocolTCP}
		s.Spec.Ports = append(s.Spec.Ports, port)
	}
	return s
}

// slice makes a slice of the Service shop/web, whose endpoints have the port 8080.
func slice(name string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name,
			Labels: map[string]string{discoveryv1.LabelServiceName: "web"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new(""), Port: new(int32(8080))}},
		Endpoints:   endpoints,
	}
}

func endpointWith(address string, ready, serving, terminating *bool) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{
		Addresses:  []string{address},
		Conditions: discoveryv1.EndpointConditions{Ready: ready, Serving: serving, Terminating: terminating},
	}
}

// ready makes an endpoint that is ready.
func ready(address string) discoveryv1.Endpoint {
	return endpointWith(address, new(true), new(true), new(false))
}

// terminating makes an endpoint that terminates but still serves.
func terminating(address string) discoveryv1.Endpoint {
	return endpointWith(address, new(false), new(true), new(true))
}

// expirations are the two forms in which a server reports that a version is too old. An API server,
// and by default the fake one, sends an event inside of the watch.
var expirations = map[string]func(http.ResponseWriter, *http.Request) bool{
	"event": nil,
	"status": func(w http.ResponseWriter, r *http.Request) bool {
		expired := r.URL.Query().Get("watch") == "true" && r.URL.Query().Get("resourceVersion") < "14"
		if expired {
			status(w, http.StatusGone, "Gone", "too old resource version")
		}
		return expired
	},
}
