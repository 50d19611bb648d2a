//go:build !unix

package healthprobe

import "net"

// isIdle cannot look into a socket without blocking on this platform. It returns true: the next
// request on a connection that the endpoint has closed fails, and is repeated on a new connection.
func isIdle(net.Conn) bool { return true }
