// Package site says which site of a config a handler serves.
package site

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	maxNames  = 3   // of hosts, and of paths at each level
	maxLength = 200 // of the text
)

// Of returns the hosts and paths for which the HTTP handler serves that is being provisioned. If
// its routes name no host, it returns the server instead. It returns "" for what serves no HTTP.
func Of(ctx caddy.Context) string {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return ""
	}
	lists := []caddyhttp.RouteList{server.Routes}
	if server.Errors != nil {
		lists = append(lists, server.Errors.Routes) // which are provisioned after the others
	}
	for _, module := range ctx.Modules() {
		if sub, ok := module.(*caddyhttp.Subroute); ok {
			lists = append(lists, sub.Routes)
		}
	}
	head, paths := "", ""
	for _, routes := range lists {
		hosts, at := matched(routes)
		if len(hosts) > 0 {
			head = shortened(hosts)
		}
		if len(at) > 0 {
			paths += " " + shortened(at)
		}
	}
	if head == "" {
		head = fmt.Sprintf("server %s on %s", server.Name(), shortened(server.Listen))
	}
	return cut(head + paths)
}

// matched returns what the route that is being provisioned matches. Caddy provisions routes in
// order, and forgets the JSON of handlers that it has loaded.
func matched(routes caddyhttp.RouteList) (hosts, paths []string) {
	i := slices.IndexFunc(routes, func(r caddyhttp.Route) bool { return len(r.HandlersRaw) > 0 })
	if i < 0 {
		return nil, nil
	}
	for _, set := range routes[i].MatcherSets {
		for _, matcher := range set {
			switch m := matcher.(type) {
			case *caddyhttp.MatchHost:
				hosts = append(hosts, *m...)
			case *caddyhttp.MatchPath:
				paths = append(paths, *m...)
			}
		}
	}
	return hosts, paths
}

func shortened(names []string) string {
	if more := len(names) - maxNames; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), more)
	}
	return strings.Join(names, ", ")
}

func cut(text string) string {
	if len(text) <= maxLength {
		return text
	}
	return strings.ToValidUTF8(text[:maxLength], "") + "..."
}
