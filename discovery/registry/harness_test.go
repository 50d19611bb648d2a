package registry

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

var errStorage = errors.New("storage is down")

// web is the origin of records in tests.
var web = discovery.Origin{Instance: "one", Pool: "web", Source: "registry"}

const second = caddy.Duration(time.Second)

// registryUnderTest is a registry source that runs, as a rule in a bubble.
type registryUnderTest struct {
	*sourcetest.Running
	t      *testing.T
	leases *Leases
	stop   func() // as the end of a config
}

// start runs a source until the test ends or stop is called.
func start(t *testing.T, storage certmagic.Storage, options Source) *registryUnderTest {
	t.Helper()
	options.pool = "web"
	if err := options.check(); err != nil {
		t.Fatal(err)
	}
	options.leases = allLeases.open("web")
	r := &registryUnderTest{t: t}
	r.Running = sourcetest.Follow(t, func(ctx context.Context, report discovery.Report) error {
		ctx = discovery.WithStorage(ctx, func() certmagic.Storage { return storage })
		return options.Run(discovery.WithOrigin(ctx, func() (discovery.Origin, error) { return web, nil }), report)
	})
	r.stop = sync.OnceFunc(func() { r.Stop(); _ = options.Cleanup() })
	t.Cleanup(r.stop)
	r.leases = LeasesOf(t.Context(), "web")
	time.Sleep(time.Millisecond) // until the first list
	return r
}

// register registers as the admin API does.
func (r *registryUnderTest) register(id, body string) (isNew bool, err error) {
	registration, err := DecodeRegistration([]byte(body))
	if err == nil {
		err = registration.Identify(id)
	}
	if err == nil {
		_, isNew, err = r.leases.Register(registration, time.Now())
	}
	return isNew, err
}

func (r *registryUnderTest) mustRegister(id, body string) {
	r.t.Helper()
	if _, err := r.register(id, body); err != nil {
		r.t.Fatal(err)
	}
}

// pass lets time pass, and what is due then be done.
func (r *registryUnderTest) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wantAddresses compares the newest list, whose order is random.
func (r *registryUnderTest) wantAddresses(want string) {
	r.t.Helper()
	r.pass(2 * minReportInterval)
	if got := sortedAddresses(r.Newest().Endpoints); got != want {
		r.t.Errorf("the list is %q; want %q", got, want)
	}
}

// wantOneError compares the only error so far.
func (r *registryUnderTest) wantOneError(want string) {
	r.t.Helper()
	var errs []string
	for _, a := range r.Reports() {
		if a.Err != nil {
			errs = append(errs, a.Err.Error())
		}
	}
	if len(errs) != 1 || !strings.Contains(errs[0], want) {
		r.t.Errorf("errors are %q; want one with %q", errs, want)
	}
}
