package backend

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// shutdownTime is how long requests in flight have when the process is told to end.
const shutdownTime = 10 * time.Second

// Run serves at addresses until the process is told to end, and then until all requests have been
// answered.
func Run(name string, addresses []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Handler: newServer(name)}
	var serving sync.WaitGroup
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			server.Close()
			return err
		}
		serving.Go(func() { server.Serve(localListener{listener}) })
	}
	<-ctx.Done()
	limited, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	err := server.Shutdown(limited)
	serving.Wait()
	return err
}

// localListener accepts connections of this machine only, because a backend at all addresses of the
// loopback device is at those of all other devices too.
type localListener struct{ net.Listener }

// Accept implements net.Listener.
func (l localListener) Accept() (net.Conn, error) {
	for {
		connection, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer, err := netip.ParseAddrPort(connection.RemoteAddr().String())
		if err == nil && peer.Addr().Unmap().IsLoopback() {
			return connection, nil
		}
		connection.Close()
	}
}
