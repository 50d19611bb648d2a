package process

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// FreeAddress returns a loopback address that is free. Its port is below the range that systems
// assign to clients, so that no connection takes it before the program listens, or while it is
// down.
func FreeAddress() (string, error) {
	var err error
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))
		var listener net.Listener
		if listener, err = net.Listen("tcp", address); err == nil {
			return address, listener.Close()
		}
	}
	return "", err
}
