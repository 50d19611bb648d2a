package sourcetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Want waits for a report for which is returns true. It passes over all reports before it, because
// a source may have looked between two steps of a change.
func (r *Running) Want(what string, is func(discovery.Answer) bool) discovery.Answer {
	r.t.Helper()
	limit := time.After(Patience)
	var passed []string
	for {
		a, ok, ended, more := r.tryNext()
		switch {
		case ok && is(a):
			return a
		case ok:
			passed = append(passed, describe(a))
			continue
		case ended:
			r.t.Fatalf("Run ended; want %s; reported %q", what, passed)
		}
		select {
		case <-more:
		case <-limit:
			r.t.Fatalf("no report is %s; reported %q", what, passed[max(0, len(passed)-20):])
		}
	}
}

// WantList waits for a list of these addresses, in this order. Without addresses it waits for an
// empty list.
func (r *Running) WantList(addresses ...string) discovery.Answer {
	r.t.Helper()
	want := strings.Join(addresses, " ")
	return r.Want("the list "+want, func(a discovery.Answer) bool {
		return a.Endpoints != nil && Addresses(a.Endpoints) == want
	})
}

// WantError waits for an error that contains text, from a report or from Run.
func (r *Running) WantError(text string) discovery.Answer {
	r.t.Helper()
	return r.Want("the error "+text, func(a discovery.Answer) bool {
		return a.Err != nil && strings.Contains(a.Err.Error(), text)
	})
}

// WantNewest compares the newest list so far, without waiting for another.
func (r *Running) WantNewest(addresses ...string) discovery.Answer {
	r.t.Helper()
	newest := r.Newest()
	if got, want := Addresses(newest.Endpoints), strings.Join(addresses, " "); got != want || newest.Endpoints == nil {
		r.t.Errorf("the newest list is %q; want %q", got, want)
	}
	return newest
}

// WantNoError fails if any report so far has an error.
func (r *Running) WantNoError() {
	r.t.Helper()
	for _, a := range r.Reports() {
		if a.Err != nil {
			r.t.Errorf("reported the error %v", a.Err)
		}
	}
}

// WantEnd waits until Run has returned nil.
func (r *Running) WantEnd() {
	r.t.Helper()
	limit := time.After(Patience)
	for {
		r.mu.Lock()
		ended, more := r.ended, r.more
		r.mu.Unlock()
		if ended {
			return
		}
		select {
		case <-more:
		case <-limit:
			r.t.Fatal("Run goes on; want its end")
		}
	}
}

func describe(a discovery.Answer) string {
	var parts []string
	if a.Endpoints != nil {
		parts = append(parts, "list "+Addresses(a.Endpoints[:min(len(a.Endpoints), 10)]))
	}
	if len(a.Dropped) > 0 {
		parts = append(parts, fmt.Sprintf("%d dropped, first %v", len(a.Dropped), a.Dropped[0]))
	}
	if a.Err != nil {
		parts = append(parts, "error "+a.Err.Error())
	}
	return strings.Join(parts, ", ")
}

// WantEndpoints compares the endpoints of an answer, in any order, with lines such as "10.0.0.1:80
// weight 1 priority 0 id a". want is sorted.
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

// WantDropped compares the dropped entries of an answer, in any order, with lines such as "web-7:
// port: is missing". want is sorted.
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

// Addresses joins the addresses of a list with spaces, in the order of the list.
func Addresses(list []listing.Info) string {
	all := make([]string, len(list))
	for i, info := range list {
		all[i] = info.Address
	}
	return strings.Join(all, " ")
}
