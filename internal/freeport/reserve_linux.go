package freeport

import (
	"fmt"
	"net"
	"sync"
)

// reserved keeps the sockets that reserve ports open until the process ends.
var reserved struct {
	sync.Mutex
	sockets []net.PacketConn
}

// reserve reserves the port unless this process or another one has done so, and reports whether it
// has. The name of an abstract socket is free again once its process has ended in any way.
func reserve(port uint32) bool {
	socket, err := net.ListenPacket("unixgram", fmt.Sprint("@caddy-balance-port-", port))
	if err != nil {
		return false
	}
	reserved.Lock()
	defer reserved.Unlock()
	reserved.sockets = append(reserved.sockets, socket)
	return true
}
