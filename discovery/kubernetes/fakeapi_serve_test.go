package kubernetes

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// kinds maps each resource to the version and kind of its lists.
var kinds = map[string][2]string{
	"services":       {"v1", "ServiceList"},
	"endpointslices": {"discovery.k8s.io/v1", "EndpointSliceList"},
}

// serveList answers with a list, or with one page of it. The continue token is the number of
// objects on the pages before.
func (f *fakeAPI) serveList(w http.ResponseWriter, r *http.Request, resource string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sent, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	names := slices.Sorted(maps.Keys(f.objects[resource]))[sent:]
	metadata := map[string]any{"resourceVersion": strconv.Itoa(f.version)}
	if f.pageSize > 0 && len(names) > f.pageSize {
		names = names[:f.pageSize]
		metadata["continue"] = strconv.Itoa(sent + f.pageSize)
	}
	items := []object{}
	for _, name := range names {
		items = append(items, typed(resource, f.objects[resource][name]))
	}
	list := map[string]any{"apiVersion": kinds[resource][0], "kind": kinds[resource][1], "metadata": metadata, "items": items}
	if err := json.NewEncoder(w).Encode(list); err != nil {
		f.t.Error(err)
	}
}

// serveWatch sends the events after a version, and then each event as it happens.
func (f *fakeAPI) serveWatch(w http.ResponseWriter, r *http.Request, resource string) {
	version, err := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	if err != nil {
		status(w, http.StatusBadRequest, "BadRequest", "resourceVersion")
		return
	}
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	ends, next := -1, 0
	for {
		f.mu.Lock()
		if ends < 0 {
			ends = f.ends
			if version < f.compacted {
				f.mu.Unlock()
				fmt.Fprintf(w, `{"type":"ERROR","object":%s}`+"\n", statusText(http.StatusGone, "Expired", "too old resource version"))
				return
			}
			f.requests = append(f.requests, "watching "+resource)
		}
		events, ended, changed := f.events[next:], f.ends != ends, f.changed
		next = len(f.events)
		f.mu.Unlock()
		for _, e := range events {
			if e.resource == resource && e.version > version && (!e.bookmark || r.URL.Query().Get("allowWatchBookmarks") == "true") {
				fmt.Fprintf(w, "%s\n", e.line)
			}
		}
		w.(http.Flusher).Flush()
		if ended {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		}
	}
}
