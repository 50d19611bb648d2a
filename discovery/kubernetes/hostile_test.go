package kubernetes

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

const (
	serviceList = `{"apiVersion":"v1","kind":"ServiceList","metadata":{"resourceVersion":"10"},"items":[` +
		`{"metadata":{"name":"web"},"spec":{"ports":[{"port":80}]}}]}`

	sliceStart = `"metadata":{"name":"s%d"},"addressType":"IPv4","ports":[{"name":"","port":80}],"endpoints":`
)

// listOf returns a list of EndpointSlices, and what the server says of further pages.
func listOf(items, next string) string {
	return `{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSliceList","metadata":{"resourceVersion":"10",` +
		`"continue":"` + next + `"},"items":[` + items + `]}`
}

// hostileItems are the items of lists of 4 MiB by what is bad about them.
func hostileItems() map[string]string {
	const size, part = sourcetest.HostileSize, 60_000
	items := map[string]string{
		"valid":       sourcetest.Numbered(`{`+sliceStart+`[{"addresses":["10.0.0.1"]}]}`, size),
		"one slice":   `{"endpoints":[` + sourcetest.Repeated(`{"addresses":["10.0.0.1"]}`, size) + `]}`,
		"addresses":   `{"endpoints":[{"addresses":[` + sourcetest.Repeated(`""`, size) + `]}]}`,
		"hints":       `{"endpoints":[{"hints":{"forZones":[` + sourcetest.Repeated(`{}`, size) + `]}}]}`,
		"ports":       `{"ports":[` + sourcetest.Repeated(`{}`, size) + `]}`,
		"labels":      `{"metadata":{"labels":{` + sourcetest.Numbered(`"%d":""`, size) + `}}}`,
		"annotations": sourcetest.Repeated(`{"metadata":{"annotations":{`+sourcetest.Numbered(`"%d":""`, part)+`}}}`, size),
		"fields":      `{"metadata":{"managedFields":[` + sourcetest.Repeated(`{"fieldsV1":{}}`, size) + `]}}`,
		"owners":      `{"metadata":{"ownerReferences":[` + sourcetest.Repeated(`{}`, size) + `]}}`,
		"text":        `{"metadata":{"name":"` + strings.Repeat("a", size) + `"}}`,
		"deep":        strings.Repeat("[", size),
	}
	for what, entry := range sourcetest.HostileEntries {
		items[what] = sourcetest.Repeated(entry, size)
		items["endpoints, "+what] = sourcetest.Repeated(`{"endpoints":[`+sourcetest.Repeated(entry, part)+`]}`, size)
	}
	return items
}

// hostileServer answers each list of EndpointSlices with answer, and each watch of them with watch.
func hostileServer(t testing.TB, answer, watch http.HandlerFunc) (url string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		watching := r.URL.Query().Get("watch") == "true"
		switch slices := strings.HasSuffix(r.URL.Path, "endpointslices"); {
		case slices && !watching:
			answer(w, r)
		case slices && watch != nil:
			watch(w, r)
		case watching:
			<-r.Context().Done()
		default:
			_, _ = io.WriteString(w, serviceList)
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// runOnce runs a source until it has reported so many lists, or ends with an error. limit is the
// maximum number of endpoints. It has no time limit of its own, because a busy machine takes
// minutes to read all that is sent.
func runOnce(t testing.TB, url string, limit, until int) (last discovery.Answer, err error) {
	t.Helper()
	s := &Source{Service: "web", access: byURL(url, "", "", nil), WeightAnnotation: defaultWeightAnnotation}
	ctx, cancel := context.WithCancel(discovery.WithMaxEndpoints(t.Context(), limit))
	defer cancel()
	lists := 0
	err = s.Run(ctx, func(a discovery.Answer) {
		last = a
		if lists++; lists == until {
			cancel()
		}
	})
	return last, err
}

func TestAHostileListIsCheap(t *testing.T) {
	for what, items := range hostileItems() {
		t.Run(what, func(t *testing.T) {
			text := []byte(listOf(items, ""))
			url := hostileServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) }, nil)
			sourcetest.WantCheap(t, func() {
				last, err := runOnce(t, url, discovery.DefaultMaxEndpoints, 1)
				if err == nil && last.Endpoints == nil && last.Err == nil {
					t.Error("neither a list nor an error")
				}
			})
		})
	}
}

func BenchmarkHostile(b *testing.B) {
	for what, items := range hostileItems() {
		b.Run(strings.ReplaceAll(what, " ", "_"), func(b *testing.B) {
			text := []byte(listOf(items, ""))
			url := hostileServer(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) }, nil)
			for b.Loop() {
				_, _ = runOnce(b, url, discovery.DefaultMaxEndpoints, 1)
			}
		})
	}
}

func TestEndlessPagesAreAnErrorAndCheap(t *testing.T) {
	for what, c := range map[string]struct {
		items, want string
		limit       int
	}{
		"empty":     {"", "the list has more than 30 pages", 1000},
		"full":      {sourcetest.Numbered(`{"metadata":{"name":"p%%d-%d"},"endpoints":[{"addresses":["10.0.0.1"]}]}`, 600_000), "the pages of the answer are too large together", 10_000},
		"long":      {`{"metadata":{"name":"p%d","labels":{"a":"` + strings.Repeat("a", 8<<20) + `"}}}`, "the pages of the answer are too large together", 10_000},
		"the same":  {sourcetest.Repeated(`{"metadata":{"name":"a"}}`, 400_000), "the pages of the answer are too large together", 10_000},
		"no object": {sourcetest.Repeated(`0`, 4_000), "cannot list endpointslices", 10_000},
	} {
		t.Run(what, func(t *testing.T) {
			var page atomic.Int64
			url := hostileServer(t, func(w http.ResponseWriter, _ *http.Request) {
				n := page.Add(1)
				_, _ = io.WriteString(w, listOf(strings.ReplaceAll(c.items, "%d", fmt.Sprint(n)), fmt.Sprint(n)))
			}, nil)
			var err error
			run := func() { _, err = runOnce(t, url, c.limit, 1) }
			if what == "long" { // takes what a large cluster may
				run()
			} else {
				sourcetest.WantCheap(t, run)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %s", err, c.want)
			}
		})
	}
}

func TestEndlessEventsOfAWatchAreAnErrorAndCheap(t *testing.T) {
	for what, object := range map[string]string{
		"slices":    `{"metadata":{"name":"sN","resourceVersion":"11"}}`,
		"endpoints": `{"metadata":{"name":"sN","resourceVersion":"11"},"endpoints":[` + sourcetest.Repeated("{}", 3000) + `]}`,
		"text":      `{"metadata":{"name":"sN","resourceVersion":"11"},"endpoints":[{"zone":"` + strings.Repeat("x", 500_000) + `"}]}`,
		"ports":     `{"metadata":{"name":"sN","resourceVersion":"11"},"ports":[` + sourcetest.Repeated("{}", 3000) + `]}`,
		"hints":     `{"metadata":{"name":"sN","resourceVersion":"11"},"endpoints":[{"hints":{"forZones":[` + sourcetest.Repeated(`{}`, 60_000) + `]}}]}`,
	} {
		t.Run(what, func(t *testing.T) {
			url := hostileServer(t, answerText(listOf("", "")), func(w http.ResponseWriter, r *http.Request) {
				for i := 0; r.Context().Err() == nil; i++ {
					_, err := fmt.Fprintf(w, `{"type":"ADDED","object":{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1",%s}`+"\n",
						strings.Replace(object, "sN", fmt.Sprint("s", i), 1)[1:])
					if err != nil {
						return
					}
				}
			})
			var err error
			sourcetest.WantCheap(t, func() { _, err = runOnce(t, url, discovery.DefaultMaxEndpoints, -1) })
			if err == nil || !strings.Contains(err.Error(), "cannot keep endpointslices in namespace default: more than") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWhatNothingReadsOfAnObjectIsNotKept(t *testing.T) {
	many := strings.Split(strings.Repeat("a", 1000), "")
	labels := make(map[string]string)
	for i := range 1000 {
		labels[fmt.Sprint(i)] = ""
	}
	meta := metav1.ObjectMeta{
		Name: "web", Labels: labels, Annotations: labels, Finalizers: many,
		OwnerReferences: make([]metav1.OwnerReference, 1000), ManagedFields: make([]metav1.ManagedFieldsEntry, 1000),
	}
	v := newView(selection{annotation: "7"}, 10)
	one := slice("", discoveryv1.Endpoint{
		Addresses: many, DeprecatedTopology: labels, TargetRef: &corev1.ObjectReference{UID: types.UID(strings.Repeat("a", 1000))},
	})
	one.ObjectMeta = meta
	_ = v.slices.Replace([]any{one}, "")
	_ = v.services.Replace([]any{&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
		ExternalIPs: many, IPFamilies: make([]corev1.IPFamily, 1000), Selector: labels,
	}}}, "")
	if v.slices.size > 100 || v.services.size > 100 {
		t.Errorf("a slice takes %d bytes, and a Service %d", v.slices.size, v.services.size)
	}
	if weight, ok := one.Annotations["7"]; !ok || weight != "" {
		t.Error("the annotation with the weight is gone")
	}
}
