package backend

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

func start(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(newServer("b0"))
	t.Cleanup(s.Close)
	return s
}

// ask sends a request and reads the answer.
func ask(t *testing.T, method, url, body string, headers ...string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := (&http.Client{Timeout: time.Second}).Do(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, string(text), err
}

func order(t *testing.T, s *httptest.Server, o Orders) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ask(t, http.MethodPut, s.URL+ControlPath, string(text)); err != nil {
		t.Fatal(err)
	}
}

func TestABackendAnswersWithItsNameAndKnowsWhatItSaw(t *testing.T) {
	s := start(t)
	response, text, err := ask(t, http.MethodPost, s.URL+"/x", "body", IDHeader, "7", WorkHeader, "1ms")
	if err != nil || response.Header.Get(NameHeader) != "b0" || len(text) != bodySize {
		t.Errorf("%d bytes of %v: %v", len(text), response, err)
	}
	for id, want := range map[string]int{"7": http.StatusOK, "8": http.StatusNotFound} {
		if response, _, err := ask(t, http.MethodGet, s.URL+SeenPath+id, ""); err != nil || response.StatusCode != want {
			t.Errorf("seen %s: %v, %v", id, response, err)
		}
	}
	_, text, err = ask(t, http.MethodGet, s.URL+ControlPath, "")
	if err != nil || text != `{"now":0,"most":1}`+"\n" {
		t.Errorf("state %q, %v", text, err)
	}
}

func TestADrainingBackendFailsItsChecksAndServes(t *testing.T) {
	s := start(t)
	order(t, s, Orders{Draining: true})
	for path, want := range map[string]int{HealthPath: http.StatusServiceUnavailable, "/x": http.StatusOK} {
		if response, _, err := ask(t, http.MethodGet, s.URL+path, ""); err != nil || response.StatusCode != want {
			t.Errorf("%s: %v, %v", path, response, err)
		}
	}
}

func TestFaultsEndAnAnswerInTheMiddle(t *testing.T) {
	s := start(t)
	order(t, s, Orders{Fault: CutBody})
	response, text, err := ask(t, http.MethodGet, s.URL+"/x", "")
	cut := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrUnexpectedEOF)
	if response == nil || len(text) > bodySize/2 || !cut {
		t.Errorf("cut body: %d bytes, %v", len(text), err)
	}
	order(t, s, Orders{Fault: HalfHeader})
	if response, _, err := ask(t, http.MethodGet, s.URL+"/x", ""); response != nil || !isTimeout(err) {
		t.Errorf("half a header: %v, %v", response, err)
	}
	if response, _, err := ask(t, http.MethodGet, s.URL+HealthPath, ""); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("check: %v, %v", response, err)
	}
	order(t, s, Orders{})
	if _, text, err := ask(t, http.MethodGet, s.URL+"/x", ""); err != nil || len(text) != bodySize {
		t.Errorf("after the fault: %d bytes, %v", len(text), err)
	}
}

func isTimeout(err error) bool {
	var e interface{ Timeout() bool }
	return errors.As(err, &e) && e.Timeout()
}
