package status_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

const patience = time.Minute

// patchAtOnce sends the same PATCH to several paths at once, with an If-Match unless it is empty,
// and returns the sorted status codes.
func (b *balanced) patchAtOnce(body, match string, paths ...string) []int {
	b.t.Helper()
	codes := make([]int, len(paths))
	var all sync.WaitGroup
	for i, path := range paths {
		all.Go(func() {
			request, err := http.NewRequest("PATCH", "http://admin"+path, strings.NewReader(body))
			if err != nil {
				b.t.Error(err)
				return
			}
			if match != "" {
				request.Header.Set("If-Match", match)
			}
			response, err := b.Do(request)
			if err != nil {
				b.t.Error(err)
				return
			}
			response.Body.Close()
			codes[i] = response.StatusCode
		})
	}
	all.Wait()
	slices.Sort(codes)
	return codes
}

func TestOfTwoOperatorsWhoTakeTheLastTwoEndpointsOneIsRefused(t *testing.T) {
	b := startBalanced(t, 2)
	for range 50 {
		codes := b.patchAtOnce(`{"state": "drain"}`, "", b.endpoint(0), b.endpoint(1))
		if !slices.Equal(codes, []int{200, 409}) {
			t.Fatalf("the answers are %v", codes)
		}
		b.call(t, "DELETE", b.endpoint(0)+"/override", "")
		b.call(t, "DELETE", b.endpoint(1)+"/override", "")
	}
}

func TestOfTenOperatorsWithOneEntityTagOneIsFirst(t *testing.T) {
	b := startBalanced(t, 2)
	want := append([]int{200}, slices.Repeat([]int{412}, 9)...)
	for round := range 20 {
		tag := b.want("GET", b.endpoint(0), "", 200, "").header.Get("Etag")
		body := fmt.Sprintf(`{"weight": %d}`, round+2)
		codes := b.patchAtOnce(body, tag, slices.Repeat([]string{b.endpoint(0)}, 10)...)
		if !slices.Equal(codes, want) {
			t.Fatalf("the answers are %v", codes)
		}
	}
}

// startListed starts a Caddy whose pool lists what a file says.
func startListed(t *testing.T, list string) (b *balanced, rewrite func(list string)) {
	t.Helper()
	b = &balanced{t: t, caddy: caddytest.New(t)}
	path := filepath.Join(t.TempDir(), "list.json")
	rewrite = func(list string) {
		if err := os.WriteFile(path+".new", []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	rewrite(list)
	site := fmt.Sprintf(balancedSite, b.caddy.SiteSocket(0), "")
	b.config = b.caddy.GlobalOptions("") + strings.Replace(site, "static", "file "+path, 1)
	t.Cleanup(b.caddy.Stop)
	b.start()
	return b, rewrite
}

const hostileNames = `[
	{"address": "127.0.0.1:1", "id": "127.0.0.1:2"},
	{"address": "127.0.0.1:2", "id": "override"},
	{"address": "127.0.0.1:3", "id": "twin"},
	{"address": "127.0.0.1:4", "id": "twin"},
	{"address": "127.0.0.1:5", "id": "a/b c"},
	{"address": "127.0.0.1:6", "id": "Zürich?#%2F"},
	{"address": "unix//run/ü.sock"}
]`

func TestAnEndpointIsNamedByItsAddressOrAnIDThatOnlyItHas(t *testing.T) {
	b, _ := startListed(t, hostileNames)
	for name, address := range map[string]string{
		"127.0.0.1:2":      "127.0.0.1:2", // which is the id of another one
		"override":         "127.0.0.1:2",
		"127.0.0.1:3":      "127.0.0.1:3",
		"a/b c":            "127.0.0.1:5",
		"Zürich?#%2F":      "127.0.0.1:6",
		"unix//run/ü.sock": "unix//run/ü.sock",
	} {
		path := "/pools/web/endpoints/" + url.PathEscape(name)
		want := fmt.Sprintf(`"address":%q`, address)
		b.want("GET", path, "", 200, want)
		b.want("PATCH", path, `{"state": "drain"}`, 200, want)
		b.want("POST", path+"/reset", "", 204, "")
		b.want("DELETE", path+"/override", "", 204, "")
	}
	const twin = "/pools/web/endpoints/twin"
	b.want("GET", twin, "", 409, "name one by its address")
	b.want("PATCH", twin, `{"state": "drain"}`, 409, "has 2 endpoints with the id")
	b.want("POST", twin+"/reset", "", 409, "has 2 endpoints with the id")
}

func TestTheOverrideOfAnEndpointThatLeftEndsByItsIDAndEntityTag(t *testing.T) {
	const stays, leaves = `{"address": "127.0.0.1:1", "id": "one"}`, `{"address": "127.0.0.1:2", "id": "two"}`
	b, rewrite := startListed(t, "["+stays+","+leaves+"]")
	const two = "/pools/web/endpoints/two"
	b.want("PATCH", two, `{"state": "drain", "reason": "`+strings.Repeat("x", 1001)+`"}`, 400, "reason: has 1001 bytes")
	b.want("PATCH", two, `{"state": "drain"}`, 200, "")
	rewrite("[" + stays + "]")
	caddytest.Eventually(t, patience, "it leaves", func() bool { return b.call(t, "GET", two, "").status == 404 })
	request, err := http.NewRequest("DELETE", "http://admin"+two+"/override", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("If-Match", `"/pools/web/endpoints/two 1"`)
	response, err := b.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("with the entity tag of another override: %s", response.Status)
	}
	b.want("DELETE", two+"/override", "", 204, "")
	b.want("DELETE", two+"/override", "", 404, "has no override")
}
