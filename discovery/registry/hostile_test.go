package registry

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// largest is a registration with as much metadata as fits. It lasts longer than a test takes.
func largest(i int) string {
	return fmt.Sprintf(`{"address":"h%d:1","ttl":"1h","metadata":{`, i) + sourcetest.Numbered(`"%d":""`, 60_000) + `}}`
}

func TestRegistrationsAreCheapAndLimitedInSize(t *testing.T) {
	if testing.Short() {
		t.Skip("reads much")
	}
	storage := sourcetest.NewStorage()
	r := start(t, storage, Source{})
	sourcetest.WantCheap(t, func() {
		for i := 0; i < sourcetest.HostileSize/60_000; i++ {
			_, _ = r.register(fmt.Sprint(i), largest(i))
		}
		r.leases.List()
		r.leases.answer(time.Now())
		ctx := discovery.WithStorage(t.Context(), func() certmagic.Storage { return storage })
		ctx = discovery.WithOrigin(ctx, func() (discovery.Origin, error) { return web, nil })
		if err := r.leases.save(ctx, sourcetest.Patience); err != nil {
			t.Error(err)
		}
	})
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		_, err = r.register(fmt.Sprint(i), largest(i))
	}
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if _, err := r.register("0", largest(0)); err != nil {
		t.Errorf("a heartbeat is refused with %v", err)
	}
	if _, err := r.register("0", `{"address":"h0:1"}`); err != nil {
		t.Errorf("a registration with less is refused with %v", err)
	}
	size := 0
	for _, registration := range r.leases.List() {
		size += sizeOf(&registration.Info)
	}
	if size != r.leases.size {
		t.Errorf("the size is counted as %d; want %d", r.leases.size, size)
	}
}

func TestAHostileRecordIsCheap(t *testing.T) {
	if testing.Short() {
		t.Skip("reads much")
	}
	const size = sourcetest.HostileSize
	lists := map[string]string{
		"metadata": sourcetest.Repeated(largest(1), size),
		"valid":    sourcetest.Numbered(`{"address":"h%d:1","id":"%[1]d","ttl":"1h"}`, size),
	}
	for what, entry := range sourcetest.HostileEntries {
		lists[what] = sourcetest.Repeated(entry, size)
	}
	for what, list := range lists {
		t.Run(what, func(t *testing.T) {
			storage := sourcetest.NewStorage()
			storage.Put(webKey, recorded("["+list+"]"))
			sourcetest.WantCheap(t, func() {
				r := start(t, storage, Source{})
				r.Next()
				r.stop()
			})
		})
	}
}

func TestARecordThatIsTooLargeIsNotLoaded(t *testing.T) {
	storage := sourcetest.NewStorage()
	storage.Put("a", "four")
	for limit, want := range map[int64]string{4: "four", 3: ""} {
		got, err := discovery.LoadRecord(context.Background(), storage, "a", limit)
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("limit %d: got %q, %v", limit, got, err)
		}
	}
}
