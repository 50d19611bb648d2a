package etcd

import (
	"fmt"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

const kvsField = 2 // of a RangeResponse

// page returns a message of 4 MiB with keys of that value. A value with a number gets its own.
func page(value string) []byte {
	var message []byte
	for i := 0; len(message) < sourcetest.HostileSize; i++ {
		var kv []byte
		if value != "" {
			text := strings.ReplaceAll(value, "%d", fmt.Sprint(i))
			kv = protowire.AppendBytes(protowire.AppendTag(kv, 1, protowire.BytesType), fmt.Append(nil, "web/", i))
			kv = protowire.AppendBytes(protowire.AppendTag(kv, 5, protowire.BytesType), []byte(text))
		}
		message = protowire.AppendBytes(protowire.AppendTag(message, kvsField, protowire.BytesType), kv)
	}
	return message
}

func TestAHostileAnswerIsCheap(t *testing.T) {
	values := map[string]string{
		"nothing":  "",
		"valid":    "h%d:1",
		"text":     "x",
		"labelled": `{"address":"h%d:1","metadata":{` + sourcetest.Numbered(`"l%%d":"v"`, 400) + `}}`,
		"metadata": `{"address":"h%d:1","metadata":{` + sourcetest.Numbered(`"%d":1`, 60_000) + `}}`,
		"naming":   `{"Addr":"h%d:1","Metadata":{` + sourcetest.Numbered(`"%d":1`, 60_000) + `}}`,
		"deep":     `{"Addr":` + strings.Repeat("[", 60_000),
		"keys":     `{` + sourcetest.Numbered(`"%d":[]`, 60_000) + `}`,
	}
	for what, entry := range sourcetest.HostileEntries {
		values[what] = `{"address":[` + sourcetest.Repeated(entry, 60_000) + `]}`
	}
	for what, value := range values {
		t.Run(what, func(t *testing.T) {
			message := page(value)
			sourcetest.WantCheap(t, func() { read(message) })
		})
	}
}

// read reads a message as the source does.
func read(message []byte) {
	var response etcdserverpb.RangeResponse
	if newBoundedCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(message)}, &response) != nil {
		return
	}
	e := entries{prefix: "web/", limit: discovery.DefaultMaxEndpoints}
	for _, kv := range response.Kvs {
		if e.put(kv) != nil {
			return
		}
	}
	e.answer()
}

func TestTheKeysAreLimitedInNumberAndSize(t *testing.T) {
	e := entries{prefix: "web/", limit: 3}
	put := func(key, value string) error {
		return e.put(&mvccpb.KeyValue{Key: []byte(key), Value: []byte(value)})
	}
	for i := range 3 {
		for range 10 { // the same key again is one key
			if err := put(fmt.Sprint("web/", i), "a:1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := put("web/x", "a:1"); err == nil || err.Error() != discovery.TooManyEndpoints(3).Error() {
		t.Errorf("got %v", err)
	}
	e = entries{limit: 1000}
	large := `{"address":"a:1","metadata":{"a":"` + strings.Repeat("x", 60_000) + `"}}`
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		err = put(fmt.Sprint("web/", i), large)
	}
	if err == nil || err.Error() != "the keys and values have more than 16777216 bytes" {
		t.Errorf("got %v", err)
	}
}

func TestTooManyKeysAreAnErrorAndTheWatchEnds(t *testing.T) {
	f, address := startFake(t)
	running := start(t, &Source{Endpoints: []string{address}})
	running.WantList("10.0.0.1:80")
	for i := range 3 {
		response := &etcdserverpb.WatchResponse{Header: f.header()}
		for j := range 5000 {
			kv := &mvccpb.KeyValue{Key: fmt.Append(nil, "web/", i, "-", j), Value: []byte("a:1"), ModRevision: 101}
			response.Events = append(response.Events, &mvccpb.Event{Kv: kv})
		}
		f.responses <- response
		if i == 1 {
			break
		}
	}
	running.WantError("has more than 10000 entries; max_endpoints of the pool allows more")
}
