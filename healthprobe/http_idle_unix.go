//go:build unix

package healthprobe

import (
	"net"
	"syscall"
)

// isIdle reports whether a connection is open and has nothing to read, as it should be between two
// requests. Some servers send a 408 on an idle connection before they close it. Without this test,
// that would be taken for the answer to the next request.
func isIdle(c net.Conn) bool {
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return false
	}
	empty := false
	err = raw.Read(func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), make([]byte, 1))
		empty = err == syscall.EAGAIN
		return true // otherwise Read would block until there is something to read
	})
	return err == nil && empty
}
