package sourcetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// startSource runs a source until the test ends.
func Start(t *testing.T, s interface {
	caddy.Provisioner
	discovery.Source
}) (lists chan discovery.Answer, done chan error) {
	t.Helper()
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	lists, done = make(chan discovery.Answer), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		done <- s.Run(ctx, func(a discovery.Answer) {
			select {
			case lists <- a:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return lists, done
}

// wantList passes over what came before a change.
func WantList(t *testing.T, lists chan discovery.Answer, want string) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		select {
		case answer := <-lists:
			if got := Addresses(answer.Endpoints); got == want {
				return
			}
		case <-limit:
			t.Fatalf("no list of %q", want)
		}
	}
}

func WantEndpoints(t *testing.T, answer discovery.Answer, want ...string) {
	t.Helper()
	var got []string
	for _, e := range answer.Endpoints {
		text := fmt.Sprintf("%s weight %d priority %d", e.Address, e.Weight, e.Priority)
		if e.ID != "" {
			text += " id " + e.ID
		}
		got = append(got, text)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || answer.Endpoints == nil {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func WantDropped(t *testing.T, answer discovery.Answer, want ...string) {
	t.Helper()
	var got []string
	for _, d := range answer.Dropped {
		got = append(got, d.Key+": "+d.Err.Error())
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("dropped %q; want %q", got, want)
	}
}

func Addresses(list []listing.Info) string {
	all := make([]string, len(list))
	for i, info := range list {
		all[i] = info.Address
	}
	return strings.Join(all, " ")
}
