package upstreams

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func init() { caddy.RegisterModule(new(guestUpstreams)) }

// guestUpstreams is a module that the test makes behave in any way.
type guestUpstreams struct {
	Mistake bool `json:"mistake,omitempty"`
	cleaned bool
}

// guest is how all guestUpstreams behave.
var guest struct {
	sync.Mutex
	get   func(g *guestUpstreams, r *http.Request) ([]*reverseproxy.Upstream, error)
	asked int
}

func (*guestUpstreams) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.upstreams.guest", New: func() caddy.Module { return new(guestUpstreams) }}
}

func (g *guestUpstreams) Provision(caddy.Context) error {
	if g.Mistake {
		return errors.New("a mistake")
	}
	return nil
}

func (g *guestUpstreams) Cleanup() error {
	g.cleaned = true
	return nil
}

func (g *guestUpstreams) GetUpstreams(r *http.Request) ([]*reverseproxy.Upstream, error) {
	guest.Lock()
	guest.asked++
	get := guest.get
	guest.Unlock()
	return get(g, r)
}

func guestIs(get func(g *guestUpstreams, r *http.Request) ([]*reverseproxy.Upstream, error)) {
	guest.Lock()
	defer guest.Unlock()
	guest.get, guest.asked = get, 0
}

func timesAsked() int {
	guest.Lock()
	defer guest.Unlock()
	return guest.asked
}

func guestHas(addresses ...string) {
	guestIs(func(*guestUpstreams, *http.Request) ([]*reverseproxy.Upstream, error) {
		return upstreamsAt(addresses...), nil
	})
}

func upstreamsAt(addresses ...string) []*reverseproxy.Upstream {
	var all []*reverseproxy.Upstream
	for _, a := range addresses {
		all = append(all, &reverseproxy.Upstream{Dial: a})
	}
	return all
}

// hosting provisions a source as a config does, which ends when end is called.
func hosting(t *testing.T, text string) (s *Source, end func()) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	end = sync.OnceFunc(cancel)
	t.Cleanup(end)
	module, err := ctx.LoadModuleByID("http.reverse_proxy.upstreams.pool.sources.upstreams", json.RawMessage(text))
	if err != nil {
		t.Fatal(err)
	}
	return module.(*Source), end
}

// asks runs a source in a bubble; errors end the run as they do in a pool.
func asks(t *testing.T, s *Source) (answers <-chan discovery.Answer, failed <-chan error, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	reported, ended := make(chan discovery.Answer, 1000), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func(a discovery.Answer) { reported <- a }) }()
	t.Cleanup(cancel)
	return reported, ended, cancel
}

const guestText = `{"from": {"source": "guest"}, "interval": "5s", "timeout": "3s"}`

func TestAHostedModuleIsAskedInIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guestIs(func(_ *guestUpstreams, r *http.Request) ([]*reverseproxy.Upstream, error) {
			repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
			caddyhttp.SetVar(r.Context(), "any", 1)
			return []*reverseproxy.Upstream{{Dial: repl.ReplaceAll("{system.os}{http.request.host}.b:2", ""), MaxRequests: 7}}, nil
		})
		s, end := hosting(t, guestText)
		defer end()
		answers, _, stop := asks(t, s)
		first := <-answers
		if one := first.Endpoints[0]; one.Address != runtime.GOOS+".b:2" || one.MaxRequests != 7 || one.Weight != 1 || first.Authoritative {
			t.Errorf("got %+v", first)
		}
		time.Sleep(time.Second)
		guestHas("c:1", "d:1")
		time.Sleep(5 * time.Second)
		if got := sourcetest.Addresses((<-answers).Endpoints); got != "c:1 d:1" || len(answers) != 0 {
			t.Errorf("got %s and %d more", got, len(answers))
		}
		stop()
	})
}

func TestWhatAHostedModuleGetsWrongIsNamedAndLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guestIs(func(*guestUpstreams, *http.Request) ([]*reverseproxy.Upstream, error) {
			return append(upstreamsAt("a:1", "{http.request.host}:80", "", "a:1", "b:1-9", "c:1"), nil), nil
		})
		s, end := hosting(t, guestText)
		defer end()
		answers, _, stop := asks(t, s)
		defer stop()
		a := <-answers
		var mistakes []string
		for _, d := range a.Dropped {
			mistakes = append(mistakes, d.Key+": "+d.Err.Error())
		}
		text := strings.Join(mistakes, "\n")
		for _, want := range []string{"upstream 2: address: \"{http.request.host}:80\" has a space, a placeholder", "upstream 3: address: is missing",
			"upstream 4: address: a:1 is already that of upstream 1", "upstream 5: address: \"b:1-9\" means 9 sockets", "upstream 7: is nil"} {
			if !strings.Contains(text, want) {
				t.Errorf("got %s, want %s", text, want)
			}
		}
		if got := sourcetest.Addresses(a.Endpoints); got != "a:1 c:1" {
			t.Errorf("got %s", got)
		}
	})
}

func TestAnErrorAPanicOrSilenceOfAHostedModuleEndsTheRun(t *testing.T) {
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
			s, end := hosting(t, guestText)
			defer end()
			_, failed, stop := asks(t, s)
			defer stop()
			err := <-failed
			one, other, _ := strings.Cut(want, "|")
			if err == nil || !strings.Contains(err.Error(), one) && (other == "" || !strings.Contains(err.Error(), other)) {
				t.Errorf("got %v, want %s", err, want)
			}
			time.Sleep(2 * time.Hour) // a bubble must not end before its goroutines
		})
	}
}

func TestAHostedModuleThatDoesNotComeBackIsNotAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		guestIs(func(*guestUpstreams, *http.Request) ([]*reverseproxy.Upstream, error) {
			<-goOn
			return upstreamsAt("a:1"), nil
		})
		s, end := hosting(t, guestText)
		defer end()
		for range 10 { // as the pool does
			_, failed, _ := asks(t, s)
			if err := <-failed; err == nil {
				t.Fatal("no error")
			}
		}
		if n := timesAsked(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		answers, failed, stop := asks(t, s)
		synctest.Wait()
		close(goOn)
		if got := sourcetest.Addresses((<-answers).Endpoints); got != "a:1" {
			t.Errorf("got %s", got)
		}
		stop()
		<-failed
	})
}

func TestRunEndsWhileAHostedModuleBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guestIs(func(*guestUpstreams, *http.Request) ([]*reverseproxy.Upstream, error) {
			time.Sleep(time.Hour)
			return nil, nil
		})
		s, end := hosting(t, guestText)
		defer end()
		_, failed, stop := asks(t, s)
		synctest.Wait()
		begun := time.Now()
		stop()
		<-failed
		if time.Since(begun) != 0 {
			t.Error("it waited for the module")
		}
		time.Sleep(time.Hour)
	})
}

func TestASourceThatOutlivesItsConfigAsksTheModuleOfTheNext(t *testing.T) {
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
		old, endOld := hosting(t, guestText)
		answers, failed, stop := asks(t, old)
		<-answers
		fresh, endFresh := hosting(t, guestText)
		_, endFailing := hosting(t, guestText) // a config that does not load
		endFailing()
		time.Sleep(5 * time.Second) // now in the middle of a look-up
		endOld()
		<-answers
		if len(failed) > 0 {
			t.Errorf("the reload was an error: %v", <-failed)
		}
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
		if len(failed) > 0 || len(hosted.byDefinition) != 0 {
			t.Errorf("failed %v; left %v", len(failed), hosted.byDefinition)
		}
		stop()
		<-failed
	})
}

func TestAMistakeInAHostedModuleIsAMistakeInTheConfig(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "from: is missing",
		`{"from": {"source": "guest", "mistake": true}}`: "a mistake",
		`{"from": {"source": "guest", "other": 1}}`:      "unknown field",
		`{"from": {"source": "nobody"}}`:                 "unknown module: http.reverse_proxy.upstreams.nobody",
		`{"from": {"source": "guest"}, "interval": -1}`:  "interval: -1ns is negative",
		`{"from": {"source": "guest"}, "timeout": -1}`:   "timeout: -1ns is negative",
	} {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
		_, err := ctx.LoadModuleByID("http.reverse_proxy.upstreams.pool.sources.upstreams", json.RawMessage(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
		cancel()
	}
	if len(hosted.byDefinition) != 0 {
		t.Errorf("left %v", hosted.byDefinition)
	}
}
