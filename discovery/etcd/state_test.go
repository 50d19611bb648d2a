package etcd

import (
	"context"
	"net"
	"sync"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
)

// fakeEtcd is an etcd, or a proxy before one, whose state changes while the connection holds.
type fakeEtcd struct {
	etcdserverpb.UnimplementedKVServer
	etcdserverpb.UnimplementedWatchServer

	mu       sync.Mutex
	cluster  uint64
	revision int64
	value    string

	responses chan *etcdserverpb.WatchResponse // what a watch sends
	errors    chan error                       // what a watch ends with
}

func startFake(t *testing.T) (f *fakeEtcd, address string) {
	t.Helper()
	f = &fakeEtcd{
		cluster: 1, revision: 100, value: "10.0.0.1:80",
		responses: make(chan *etcdserverpb.WatchResponse), errors: make(chan error),
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	etcdserverpb.RegisterKVServer(server, f)
	etcdserverpb.RegisterWatchServer(server, f)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return f, listener.Addr().String()
}

// become replaces the state.
func (f *fakeEtcd) become(cluster uint64, revision int64, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cluster, f.revision, f.value = cluster, revision, value
}

func (f *fakeEtcd) header() *etcdserverpb.ResponseHeader {
	return &etcdserverpb.ResponseHeader{ClusterId: f.cluster, Revision: f.revision}
}

// Range implements etcdserverpb.KVServer.
func (f *fakeEtcd) Range(_ context.Context, request *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := &etcdserverpb.RangeResponse{Header: f.header(), Count: 1}
	if !request.CountOnly {
		answer.Kvs = []*mvccpb.KeyValue{{Key: []byte("web/a"), Value: []byte(f.value), ModRevision: f.revision}}
	}
	return answer, nil
}

// Watch implements etcdserverpb.WatchServer.
func (f *fakeEtcd) Watch(stream etcdserverpb.Watch_WatchServer) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	f.mu.Lock()
	header := f.header()
	f.mu.Unlock()
	if err := stream.Send(&etcdserverpb.WatchResponse{Header: header, Created: true}); err != nil {
		return err
	}
	for {
		select {
		case <-stream.Context().Done():
			return nil
		case err := <-f.errors:
			return err
		case response := <-f.responses:
			if err := stream.Send(response); err != nil {
				return err
			}
		}
	}
}

func TestAStateThatChangesBehindAConnectionIsNoticed(t *testing.T) {
	for want, change := range map[string]func(*fakeEtcd){
		"watching web/: etcd went back to an older state: to revision 4 from 100": func(f *fakeEtcd) { f.become(1, 4, "10.0.0.2:80") },
		"watching web/: etcd is another cluster: 2 instead of 1":                  func(f *fakeEtcd) { f.become(2, 900, "10.0.0.2:80") },
	} {
		f, address := startFake(t)
		running := start(t, &Source{Endpoints: []string{address}})
		running.WantList("10.0.0.1:80")
		change(f)
		running.WantError(want)
		running.WantList("10.0.0.2:80")
	}
}

func TestAfterAWatchThatEndedTheKeysAreListedAgain(t *testing.T) {
	for want, end := range map[string]func(*fakeEtcd){
		"watching web/: etcdserver: mvcc: required revision has been compacted": func(f *fakeEtcd) {
			f.responses <- &etcdserverpb.WatchResponse{
				Header: &etcdserverpb.ResponseHeader{}, Canceled: true, CompactRevision: 150,
			}
		},
		"watching web/: etcd ended the watch": func(f *fakeEtcd) {
			f.responses <- &etcdserverpb.WatchResponse{ // the client drops the reason
				Header: &etcdserverpb.ResponseHeader{}, Canceled: true, CancelReason: "etcdserver: permission denied",
			}
		},
		"watching web/: etcdserver: no leader":                                 func(f *fakeEtcd) { f.errors <- rpctypes.ErrGRPCNoLeader },
		"watching web/: rpc error: code = Aborted desc = the connection broke": func(f *fakeEtcd) { f.errors <- rpctypes.ErrGRPCStopped },
	} {
		f, address := startFake(t)
		running := start(t, &Source{Endpoints: []string{address}})
		running.WantList("10.0.0.1:80")
		f.become(1, 200, "10.0.0.2:80")
		end(f)
		running.WantError(want)
		running.WantList("10.0.0.2:80")
	}
}

func TestChangesThatComeTogetherAreOneList(t *testing.T) {
	f, address := startFake(t)
	running := start(t, &Source{Endpoints: []string{address}})
	running.WantList("10.0.0.1:80")
	for revision := int64(101); revision <= 200; revision++ {
		kv := &mvccpb.KeyValue{Key: []byte("web/a"), Value: []byte("10.0.0.3:80"), ModRevision: revision}
		f.become(1, revision, "10.0.0.3:80")
		f.responses <- &etcdserverpb.WatchResponse{
			Header: &etcdserverpb.ResponseHeader{ClusterId: 1, Revision: revision},
			Events: []*mvccpb.Event{{Kv: kv}},
		}
	}
	running.WantList("10.0.0.3:80")
	if lists := running.Lists(); lists >= 50 {
		t.Errorf("reported %d lists; want less than 50", lists)
	}
	running.WantNoError()
}
