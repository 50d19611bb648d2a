package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// ask returns the status of an answer and how long it took.
func ask(ctx context.Context, b http.Handler, headers ...string) (status int, took time.Duration) {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	start := time.Now()
	b.ServeHTTP(w, r)
	return w.Code, time.Since(start)
}

func TestFifthRequestWaitsForACore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(1)
		for range cores {
			go ask(t.Context(), b, workHeader, "100ms")
		}
		synctest.Wait()
		if _, took := ask(t.Context(), b, workHeader, "10ms"); took != 110*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

func TestFastBackendNeedsLessTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, took := ask(t.Context(), newBackend(4), workHeader, "100ms"); took != 25*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

func TestParkedRequestsHoldNoCore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(1)
		var polls sync.WaitGroup
		for range 2 * cores {
			polls.Go(func() { ask(t.Context(), b, workHeader, "6s", parkedHeader, "yes") })
		}
		synctest.Wait()
		if _, took := ask(t.Context(), b, workHeader, "10ms"); took != 10*time.Millisecond {
			t.Errorf("took %s", took)
		}
		polls.Wait()
	})
}

func TestFaultLastsForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{first: newBackend(1)}
		f.schedule(&scenario{fault: fail}, time.Now(), 10*time.Second)
		for second := range 10 {
			status, took := ask(t.Context(), f.first, workHeader, "0s")
			if broken := second >= 3 && second < 7; (status == http.StatusInternalServerError) != broken {
				t.Errorf("at %d s: %d", second, status)
			}
			time.Sleep(time.Second - took)
		}
	})
}

func TestFaultsAreSlowOrNeverAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if status, took := ask(t.Context(), http.HandlerFunc(slow)); status != http.StatusOK || took != 2*time.Second {
			t.Errorf("slow: %d after %s", status, took)
		}
		patient, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, took := ask(patient, http.HandlerFunc(hang)); took != time.Hour {
			t.Errorf("hang: ended after %s", took)
		}
	})
}
