package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// refusal returns what an answer that is an error means.
func (a *api) refusal(ctx context.Context, r request, status int, data []byte) error {
	switch status {
	case http.StatusNotFound:
		return a.missing(ctx, r, data)
	case http.StatusConflict:
		return failed(codeLastUsable, "endpoint %s is the last usable one of pool %q; --force does it nevertheless",
			r.endpoint, r.pool)
	}
	return failed(codeRefused, "Caddy refuses this: %s", reasonIn(data, status))
}

// missing returns what was not found. It asks for that, rather than rely on the words of the
// answer.
func (a *api) missing(ctx context.Context, r request, data []byte) error {
	pools, err := a.poolNames(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(pools, r.pool) {
		return failed(codeNoPool, "there is no pool %q; %s", r.pool, existing(pools))
	}
	if r.endpoint != "" {
		status, _, err := a.exchange(ctx, request{pool: r.pool, endpoint: r.endpoint})
		if err != nil {
			return err
		}
		if status == http.StatusNotFound {
			return failed(codeNoEndpoint, "pool %q has no endpoint with the id or address %q", r.pool, r.endpoint)
		}
	}
	if r.action == "rollback" && r.method == http.MethodPost {
		return failed(codeRefused, "the endpoints of this revision are not known; "+
			"`caddy pools history %s` says of which ones they are", r.pool)
	}
	switch notSet, err := a.isNotSet(ctx, r); {
	case err != nil:
		return err
	case notSet:
		return errNotSet
	}
	return failed(codeRefused, "Caddy refuses this: %s", reasonIn(data, http.StatusNotFound))
}

// errNotSet says that what should end was not set. Commands that end something are content with
// that, so that a script can run them twice.
var errNotSet = errors.New("nothing was set")

// isNotSet reports whether a request that was answered with 404 should have ended an override, or
// the share of a group that exists. The caller knows that the endpoint exists.
func (a *api) isNotSet(ctx context.Context, r request) (bool, error) {
	if r.method != http.MethodDelete {
		return false, nil
	}
	if r.action == "override" {
		return true, nil
	}
	if r.action != "share" {
		return false, nil
	}
	var groups []endpoint.Group
	if err := a.get(ctx, request{pool: r.pool, action: "groups"}, &groups); err != nil {
		return false, err
	}
	return slices.ContainsFunc(groups, func(g endpoint.Group) bool { return g.Name == r.group }), nil
}

// ended sends a request that ends something, and says so if it was not set.
func (s *session) ended(ctx context.Context, r request, notSet string) error {
	_, err := s.send(ctx, r)
	if !errors.Is(err, errNotSet) {
		return err
	}
	if !s.asJSON {
		_, err = fmt.Fprintln(s.out, printable(notSet))
		return err
	}
	return nil
}

// poolNames returns the names of all pools. It is an error if the API has no pools at all.
func (a *api) poolNames(ctx context.Context) ([]string, error) {
	status, data, err := a.exchange(ctx, request{})
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, failed(codeUnreachable, "the admin endpoint at %s answers, but has no API of pools (%s); "+
			"is the Caddy that runs built with this plugin?", a.address, reasonIn(data, status))
	}
	var pools []poolAnswer
	if err := decode(data, &pools); err != nil {
		return nil, err
	}
	names := make([]string, len(pools))
	for i := range pools {
		names[i] = pools[i].Name
	}
	return names, nil
}

func existing(pools []string) string {
	const most = 20
	switch {
	case len(pools) == 0:
		return "the config has none"
	case len(pools) > most:
		return fmt.Sprintf("the config has %d others", len(pools))
	}
	return "the config has " + strings.Join(pools, ", ")
}

// reasonIn returns the message in the body of an error, or else the status.
func reasonIn(data []byte, status int) string {
	var body struct{ Error string }
	if json.Unmarshal(data, &body) == nil && body.Error != "" {
		return strings.TrimPrefix(body.Error, "body: ") // users have not written a body
	}
	return fmt.Sprintf("%d %s", status, http.StatusText(status))
}
