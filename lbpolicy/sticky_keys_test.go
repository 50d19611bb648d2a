package lbpolicy

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

func TestProxiesThatStartTogetherMakeOneKey(t *testing.T) {
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	var rings [8]keyring
	var all sync.WaitGroup
	for i := range rings {
		all.Go(func() {
			k := &storedKeys{storage: storage, log: zap.NewNop()}
			rings[i] = k.await(t.Context())
		})
	}
	all.Wait()
	for i, ring := range rings {
		if len(ring) != 1 || string(ring[0]) != string(rings[0][0]) {
			t.Errorf("proxy %d has the keys %x, and the first one %x", i, ring, rings[0])
		}
	}
}

// slowStorage answers after a time, or fails.
type slowStorage struct {
	certmagic.Storage
	after time.Duration
	err   error
	asked int
}

func (s *slowStorage) Load(ctx context.Context, _ string) ([]byte, error) {
	s.asked++
	select {
	case <-time.After(s.after):
		return []byte("00112233445566778899aabbccddeeff\n"), s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestARequestWaitsForTheKeysASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &storedKeys{storage: &slowStorage{after: 3 * time.Second}, log: zap.NewNop()}
		begin := time.Now()
		if k.await(t.Context()) != nil || time.Since(begin) != keyWait {
			t.Errorf("waited %s", time.Since(begin))
		}
		time.Sleep(3 * time.Second)
		if ring := k.await(t.Context()); len(ring) != 1 {
			t.Errorf("once the storage has answered, the keys are %x", ring)
		}
	})
}

func TestAStorageThatFailsIsAskedAgainAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowStorage{err: errors.New("unreachable")}
		k := &storedKeys{storage: s, log: zap.NewNop()}
		for range 3 {
			if k.await(t.Context()) != nil {
				t.Error("there are keys")
			}
		}
		if s.asked != 1 {
			t.Errorf("asked %d times at once", s.asked)
		}
		s.err = nil
		time.Sleep(keyPause)
		if k.await(t.Context()) == nil || s.asked != 2 {
			t.Error("not asked again")
		}
	})
}

func TestAFileThatIsNoListOfKeysIsAnError(t *testing.T) {
	for _, text := range []string{"", "\n", "0011", "not hexadecimal digits", "00112233445566778899aabbccddeeff\nx"} {
		if ring, err := parseKeys([]byte(text)); err == nil {
			t.Errorf("%q has the keys %x", text, ring)
		}
	}
}
