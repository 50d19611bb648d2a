//go:build !unix

package healthprobe

import "net"

// isQuiet cannot be told here without waiting. A closed connection shows when it is used.
func isQuiet(net.Conn) bool { return true }
