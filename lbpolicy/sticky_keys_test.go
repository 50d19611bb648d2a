package lbpolicy

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
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

// panickingStorage panics in one of its methods.
type panickingStorage struct {
	certmagic.Storage
	method string
}

func (s panickingStorage) Load(context.Context, string) ([]byte, error) {
	if s.method == "Load" {
		panic("no map")
	}
	return nil, fs.ErrNotExist
}

func (s panickingStorage) Exists(context.Context, string) bool { panic("no map") }

func (s panickingStorage) Lock(context.Context, string) error {
	time.Sleep(time.Second) // until Exists has been called
	return errors.New("locked")
}

func TestAStorageThatPanicsIsOneThatFails(t *testing.T) {
	for _, method := range []string{"Load", "Exists"} {
		synctest.Test(t, func(t *testing.T) {
			core, log := observer.New(zap.ErrorLevel)
			k := &storedKeys{storage: panickingStorage{method: method}, log: zap.New(core)}
			if k.await(t.Context()) != nil {
				t.Error("there are keys")
			}
			time.Sleep(time.Minute)
			if log.Len() != 1 {
				t.Errorf("%s: logged %v", method, log.All())
			}
		})
	}
}

func TestAFileThatIsNoListOfKeysIsAnError(t *testing.T) {
	for _, text := range []string{"", "\n", "0011", "not hexadecimal digits", "00112233445566778899aabbccddeeff\nx"} {
		if ring, err := parseKeys([]byte(text)); err == nil {
			t.Errorf("%q has the keys %x", text, ring)
		}
	}
}
