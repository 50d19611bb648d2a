package upstreams

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

const guestText = `{"from": {"source": "guest"}, "interval": "5s", "timeout": "3s"}`

func TestTheModuleIsAskedInIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guestIs(func(_ *guestUpstreams, r *http.Request) ([]*reverseproxy.Upstream, error) {
			repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
			caddyhttp.SetVar(r.Context(), "any", 1)
			dial := repl.ReplaceAll("{system.os}{http.request.host}.b:2", "")
			return []*reverseproxy.Upstream{{Dial: dial, MaxRequests: 7}}, nil
		})
		s, end := provision(t, guestText)
		defer end()
		running := sourcetest.Follow(t, s.Run)
		first := running.Next()
		one := first.Endpoints[0]
		if one.Address != runtime.GOOS+".b:2" || one.MaxRequests != 7 || one.Weight != 1 || first.Authoritative {
			t.Errorf("got %+v", first)
		}
		time.Sleep(time.Second)
		guestHas("c:1", "d:1")
		time.Sleep(5 * time.Second)
		running.WantNewest("c:1", "d:1")
		if n := running.Lists(); n != 2 {
			t.Errorf("asked %d times in 6s", n)
		}
		running.Stop()
	})
}

func TestAnUpstreamWithAMistakeIsDroppedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guestIs(func(*guestUpstreams, *http.Request) ([]*reverseproxy.Upstream, error) {
			return append(upstreamsAt("a:1", "{http.request.host}:80", "", "a:1", "b:1-9", "c:1"), nil), nil
		})
		s, end := provision(t, guestText)
		defer end()
		running := sourcetest.Follow(t, s.Run)
		defer running.Stop()
		a := running.Next()
		var mistakes []string
		for _, d := range a.Dropped {
			mistakes = append(mistakes, d.Key+": "+d.Err.Error())
		}
		text := strings.Join(mistakes, "\n")
		for _, want := range []string{
			"upstream 2: address: \"{http.request.host}:80\" has a space, a placeholder",
			"upstream 3: address: is missing",
			"upstream 4: address: a:1 is already that of upstream 1",
			"upstream 5: address: \"b:1-9\" means 9 sockets",
			"upstream 7: is nil",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("got %s, want %s", text, want)
			}
		}
		if got := sourcetest.Addresses(a.Endpoints); got != "a:1 c:1" {
			t.Errorf("got %s", got)
		}
	})
}

func TestAnErrorAPanicOrSilenceOfTheModuleEndsTheRun(t *testing.T) {
	for want, get := range map[string]func(*guestUpstreams, *http.Request) ([]*reverseproxy.Upstream, error){
		"registry is down": func(*guestUpstreams, *http.Request) ([]*reverseproxy.Upstream, error) {
			return nil, errors.New("registry is down")
		},
		"the module panicked: no map": func(*guestUpstreams, *http.Request) ([]*reverseproxy.Upstream, error) { panic("no map") },
		"has not answered within 3s": func(*guestUpstreams, *http.Request) ([]*reverseproxy.Upstream, error) {
			time.Sleep(time.Hour)
			return nil, nil
		},
		"deadline exceeded|not answered within": func(_ *guestUpstreams, r *http.Request) ([]*reverseproxy.Upstream, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			guestIs(get)
			s, end := provision(t, guestText)
			defer end()
			running := sourcetest.Follow(t, s.Run)
			err := running.Next().Err
			running.Stop()
			one, other, _ := strings.Cut(want, "|")
			if err == nil || !strings.Contains(err.Error(), one) && (other == "" || !strings.Contains(err.Error(), other)) {
				t.Errorf("got %v, want %s", err, want)
			}
			time.Sleep(2 * time.Hour) // a bubble must not end before its goroutines
		})
	}
}

func TestAModuleThatDoesNotReturnIsNotCalledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		guestIs(func(*guestUpstreams, *http.Request) ([]*reverseproxy.Upstream, error) {
			<-goOn
			return upstreamsAt("a:1"), nil
		})
		s, end := provision(t, guestText)
		defer end()
		running := sourcetest.Follow(t, s.Run)
		for range 10 {
			running.WantError("has not answered within 3s")
		}
		if n := timesAsked(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		close(goOn)
		running.WantList("a:1")
		running.Stop()
	})
}

func TestRunEndsWhileTheModuleBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guestIs(func(*guestUpstreams, *http.Request) ([]*reverseproxy.Upstream, error) {
			time.Sleep(time.Hour)
			return nil, nil
		})
		s, end := provision(t, guestText)
		defer end()
		running := sourcetest.Follow(t, s.Run)
		synctest.Wait()
		begun := time.Now()
		running.Stop()
		if time.Since(begun) != 0 {
			t.Error("it waited for the module")
		}
		time.Sleep(time.Hour)
	})
}

func TestAfterAReloadTheModuleOfTheNewConfigIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan *guestUpstreams, 100)
		guestIs(func(g *guestUpstreams, r *http.Request) ([]*reverseproxy.Upstream, error) {
			if g.cleaned {
				t.Error("asked after its end")
			}
			asked <- g
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(time.Second):
				return upstreamsAt("a:1"), nil
			}
		})
		old, endOld := provision(t, guestText)
		running := sourcetest.Follow(t, old.Run)
		running.Next()
		fresh, endFresh := provision(t, guestText)
		_, endFailing := provision(t, guestText) // a config that does not load
		endFailing()
		time.Sleep(5 * time.Second) // now in the middle of a look-up
		endOld()
		running.Next()
		running.WantNoError()
		for range 2 {
			if g := <-asked; g != old.upstreams {
				t.Error("a config that is not in force was asked")
			}
		}
		if g := <-asked; g != fresh.upstreams {
			t.Error("the new config was not asked")
		}
		endFresh()
		time.Sleep(time.Minute)
		running.WantNoError()
		if len(provisioned.byDefinition) != 0 {
			t.Errorf("left %v", provisioned.byDefinition)
		}
		running.Stop()
	})
}

func TestAMistakeInTheModuleIsAMistakeInTheConfig(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "from: is missing",
		`{"from": {"source": "guest", "mistake": true}}`: "a mistake",
		`{"from": {"source": "guest", "other": 1}}`:      "unknown field",
		`{"from": {"source": "no_such_module"}}`:         "unknown module: http.reverse_proxy.upstreams.no_such_module",
		`{"from": {"source": "guest"}, "interval": -1}`:  "interval: -1ns is less than 1",
		`{"from": {"source": "guest"}, "timeout": -1}`:   "timeout: -1ns is less than 1",
	} {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
		_, err := ctx.LoadModuleByID("http.reverse_proxy.upstreams.pool.sources.upstreams", json.RawMessage(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
		cancel()
	}
	if len(provisioned.byDefinition) != 0 {
		t.Errorf("left %v", provisioned.byDefinition)
	}
}
