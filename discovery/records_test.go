package discovery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/bounded"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestTheWriteThatBeganLastWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := sourcetest.NewStorage()
		write := func(text string) error { // with a writer of its own, as after a reload
			return new(bounded.Caller).Call(t.Context(), time.Second, func(ctx context.Context) error {
				return discovery.StoreRecord(ctx, storage, "a", []byte(text))
			})
		}
		first, second := make(chan struct{}), make(chan struct{})
		for _, goOn := range []chan struct{}{first, second} {
			storage.Hang(goOn)
			if err := write("old"); !errors.Is(err, bounded.ErrHangs) {
				t.Errorf("a write that hangs: %v", err)
			}
		}
		storage.Hang(nil)
		for _, text := range []string{"third", "fourth"} {
			if err := write(text); err != nil {
				t.Error(err)
			}
		}
		for _, goOn := range []chan struct{}{second, first} {
			close(goOn)
			synctest.Wait()
			if got := storage.Get("a"); got != "fourth" {
				t.Errorf("after a late write the record is %s", got)
			}
		}
		writes := storage.Writes()
		if err := write("fifth"); err != nil || storage.Writes() != writes+1 {
			t.Errorf("a write is made %d times, %v", storage.Writes()-writes, err)
		}
	})
}
