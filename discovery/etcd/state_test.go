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

// fake is an etcd, or a proxy before one, that changes behind a connection that holds.
type fake struct {
	etcdserverpb.UnimplementedKVServer
	etcdserverpb.UnimplementedWatchServer

	mu       sync.Mutex
	cluster  uint64
	revision int64
	value    string

	says  chan *etcdserverpb.WatchResponse
	fails chan error
}

func startFake(t *testing.T) (f *fake, address string) {
	t.Helper()
	f = &fake{cluster: 1, revision: 100, value: "10.0.0.1:80", says: make(chan *etcdserverpb.WatchResponse), fails: make(chan error)}
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

func (f *fake) become(cluster uint64, revision int64, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cluster, f.revision, f.value = cluster, revision, value
}

func (f *fake) header() *etcdserverpb.ResponseHeader {
	return &etcdserverpb.ResponseHeader{ClusterId: f.cluster, Revision: f.revision}
}

func (f *fake) Range(_ context.Context, request *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := &etcdserverpb.RangeResponse{Header: f.header(), Count: 1}
	if !request.CountOnly {
		answer.Kvs = []*mvccpb.KeyValue{{Key: []byte("web/a"), Value: []byte(f.value), ModRevision: f.revision}}
	}
	return answer, nil
}

func (f *fake) Watch(stream etcdserverpb.Watch_WatchServer) error {
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
		case err := <-f.fails:
			return err
		case response := <-f.says:
			if err := stream.Send(response); err != nil {
				return err
			}
		}
	}
}

func TestAStateThatChangesBehindAConnectionIsNoticed(t *testing.T) {
	for want, change := range map[string]func(*fake){
		"watching web/: etcd went back to an older state: to revision 4 from 100": func(f *fake) { f.become(1, 4, "10.0.0.2:80") },
		"watching web/: this is another cluster now":                              func(f *fake) { f.become(2, 900, "10.0.0.2:80") },
	} {
		f, address := startFake(t)
		source := follow(t, &Source{Endpoints: []string{address}})
		source.wants("10.0.0.1:80")
		change(f)
		source.wantsError(want)
		source.wants("10.0.0.2:80")
	}
}

func TestAWatchThatEtcdEndsListsAnew(t *testing.T) {
	for want, end := range map[string]func(*fake){
		"watching web/: etcdserver: mvcc: required revision has been compacted": func(f *fake) {
			f.says <- &etcdserverpb.WatchResponse{Header: &etcdserverpb.ResponseHeader{}, Canceled: true, CompactRevision: 150}
		},
		"watching web/: etcd ended the watch": func(f *fake) {
			f.says <- &etcdserverpb.WatchResponse{Header: &etcdserverpb.ResponseHeader{}, Canceled: true, CancelReason: "etcdserver: permission denied"} // the client drops the reason
		},
		"watching web/: etcdserver: no leader":                                 func(f *fake) { f.fails <- rpctypes.ErrGRPCNoLeader },
		"watching web/: rpc error: code = Aborted desc = the connection broke": func(f *fake) { f.fails <- rpctypes.ErrGRPCStopped },
	} {
		f, address := startFake(t)
		source := follow(t, &Source{Endpoints: []string{address}})
		source.wants("10.0.0.1:80")
		f.become(1, 200, "10.0.0.2:80")
		end(f)
		source.wantsError(want)
		source.wants("10.0.0.2:80")
	}
}

func TestChangesThatComeTogetherAreOneList(t *testing.T) {
	f, address := startFake(t)
	source := follow(t, &Source{Endpoints: []string{address}})
	source.wants("10.0.0.1:80")
	for revision := int64(101); revision <= 200; revision++ {
		event := &mvccpb.Event{Kv: &mvccpb.KeyValue{Key: []byte("web/a"), Value: []byte("10.0.0.3:80"), ModRevision: revision}}
		f.become(1, revision, "10.0.0.3:80")
		f.says <- &etcdserverpb.WatchResponse{Header: &etcdserverpb.ResponseHeader{ClusterId: 1, Revision: revision}, Events: []*mvccpb.Event{event}}
	}
	source.wants("10.0.0.3:80")
	source.until("few lists", func() bool { return source.lists < 50 })
	source.wantsNoError()
}
