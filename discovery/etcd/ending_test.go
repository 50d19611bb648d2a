package etcd

import (
	"testing"

	"go.uber.org/goleak"
)

func TestNothingIsLeftOfASourceThatEnded(t *testing.T) {
	etcd := startServer(t)
	etcd.put("web/a", "10.0.0.1:80")
	_ = etcd.client.Close()
	for name, test := range map[string]struct {
		source Source
		until  func(*following)
	}{
		"while it watches":  {Source{Endpoints: []string{etcd.address}}, func(f *following) { f.wants("10.0.0.1:80") }},
		"at once":           {Source{Endpoints: []string{etcd.address}}, func(*following) {}},
		"without etcd":      {Source{Endpoints: []string{freeAddress(t)}}, func(f *following) { f.wantsError("refused") }},
		"before it logs in": {Source{Endpoints: []string{freeAddress(t)}, Username: "caddy", Password: "x"}, func(f *following) { f.wantsError("refused") }},
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			f := &following{t: t, changed: make(chan struct{}, 1)}
			stop := f.start(&test.source)
			test.until(f)
			stop()
			goleak.VerifyNone(t, before)
		})
	}
}
