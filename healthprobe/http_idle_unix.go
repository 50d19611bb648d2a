//go:build unix

package healthprobe

import (
	"net"
	"syscall"
)

// isQuiet reports whether a connection is open and says nothing, as it should between two requests. Some servers
// say 408 on an idle connection before they close it, which would pass for the next answer.
func isIdle(c net.Conn) bool {
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), make([]byte, 1))
		quiet = err == syscall.EAGAIN
		return true // do not wait until there is something to read
	})
	return err == nil && quiet
}
