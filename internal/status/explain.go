package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// explainBody is the request that is to be explained.
type explainBody struct {
	Method  string            `json:"method"`
	URI     string            `json:"uri"`
	Host    string            `json:"host"`
	Headers map[string]string `json:"headers"`
	Client  string            `json:"client"`
}

const explainFields = "method, uri, host, headers and client"

// explain answers who would be picked for a request and why, by each policy that picks from the
// pool. It sends nothing.
func explain(w http.ResponseWriter, r *http.Request) error {
	var body explainBody
	if err := readBody(w, r, &body, explainFields); err != nil {
		return err
	}
	roster, err := rosterOf(r)
	if err != nil {
		return err
	}
	explanations := []endpoint.Explanation{}
	for explainer, site := range roster.Explainers() {
		request, err := body.request(r.Context())
		if err != nil {
			return refuse(http.StatusBadRequest, fmt.Errorf("body: %w", err))
		}
		e := explainer.Explain(request)
		e.Admission = admissionOf(roster, &e, request)
		if site != "" {
			e.Sites = []string{site}
		}
		explanations = addExplanation(explanations, e)
	}
	for i := range explanations {
		nameSites(&explanations[i])
	}
	slices.SortFunc(explanations, func(a, b endpoint.Explanation) int {
		return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Route, b.Route),
			cmp.Compare(a.Group, b.Group), cmp.Compare(a.Reason, b.Reason))
	})
	if len(explanations) == 0 {
		return refuse(http.StatusNotFound, errors.New("no policy of this plugin picks from the pool"))
	}
	return answer(w, http.StatusOK, explanations)
}

// addExplanation adds the site of what is like another one to that: hundreds of sites may share a
// pool.
func addExplanation(all []endpoint.Explanation, e endpoint.Explanation) []endpoint.Explanation {
	i := slices.IndexFunc(all, func(other endpoint.Explanation) bool {
		return other.Policy == e.Policy && other.Key == e.Key && other.Route == e.Route &&
			other.Group == e.Group && other.Reason == e.Reason
	})
	if i < 0 {
		return append(all, e)
	}
	all[i].Sites = append(all[i].Sites, e.Sites...)
	return all
}

// maxSites is the maximum number of sites that an explanation names.
const maxSites = 10

// nameSites sorts the sites of an explanation, and leaves out those beyond the maximum.
func nameSites(e *endpoint.Explanation) {
	slices.Sort(e.Sites)
	e.Sites = slices.Compact(e.Sites)
	e.MoreSites = max(len(e.Sites)-maxSites, 0)
	e.Sites = e.Sites[:len(e.Sites)-e.MoreSites]
}

// request returns the request as a handler would get it.
func (b *explainBody) request(ctx context.Context) (*http.Request, error) {
	uri := b.URI
	if !strings.HasPrefix(uri, "/") {
		return nil, fmt.Errorf("uri: %q does not begin with a slash", uri)
	}
	method := b.Method
	if method == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(ctx, method, "/", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("method: %w", err)
	}
	if r.URL, err = url.ParseRequestURI(uri); err != nil { // as a server does: //a/b is a path
		return nil, fmt.Errorf("uri: %w", err)
	}
	r.Host, r.RequestURI = b.Host, uri
	for name, value := range b.Headers {
		r.Header.Set(name, value)
	}
	client := b.Client
	if client == "" {
		client = "127.0.0.1"
	}
	if _, err := netip.ParseAddr(client); err != nil {
		return nil, fmt.Errorf("client: %q is not an IP address", client)
	}
	r.RemoteAddr = "[" + client + "]:0"
	if !strings.Contains(client, ":") {
		r.RemoteAddr = client + ":0"
	}
	replacer := caddy.NewReplacer()
	replacer.Set(connectionClient, client)
	r = caddyhttp.PrepareRequest(r, replacer, noResponse{}, &caddyhttp.Server{})
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, client)
	return r, nil
}

// connectionClient is the placeholder that layer 4 has for the client. Of a connection, the request
// that is explained says nothing else.
const connectionClient = "l4.pool.client_ip"

// noResponse is the response of a request that is not answered; placeholders may look into it.
type noResponse struct{}

func (noResponse) Header() http.Header         { return http.Header{} }
func (noResponse) Write(p []byte) (int, error) { return len(p), nil }
func (noResponse) WriteHeader(int)             {}
