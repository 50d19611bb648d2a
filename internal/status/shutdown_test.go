package status

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestAStreamEndsAsItsServerShutsDown(t *testing.T) {
	streaming := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		shutdown := shutdownOf(r)
		streaming <- struct{}{}
		<-shutdown
	}))
	defer server.Close()
	for range 2 {
		go func() {
			if response, err := http.Get(server.URL); err == nil {
				response.Body.Close()
			}
		}()
		<-streaming
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for range 2 {
		if err := server.Config.Shutdown(ctx); err != nil {
			t.Errorf("the server does not shut down: %v", err)
		}
	}
	shutdowns.Lock()
	defer shutdowns.Unlock()
	if n := len(shutdowns.of); n > 0 {
		t.Errorf("%d servers are still known", n)
	}
}
